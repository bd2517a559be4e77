import t from 'tap'
import {
  FIELD_VALUE,
  HEX_VALUE,
  IP_FUTURE,
  QDTEXT,
  REG_NAME,
  TARGET_BROWSERS,
  TARGET_BRACKET,
  TARGET_PERCENT,
  TARGET_PLAIN,
  TARGET_QUESTION,
  TARGET_RFC3986,
  TOKEN,
} from '../src/character-tables.ts'

/** Each table beside the RFC's rule, written a second time in another notation. */
const RULES: readonly (readonly [name: string, table: ArrayLike<number>, rule: RegExp])[] = [
  ['token', TOKEN, /[!#$%&'*+\-.^_`|~\dA-Za-z]/],
  ['field value', FIELD_VALUE, /[\t\x20-\x7e\x80-\xff]/],
  ['qdtext', QDTEXT, /[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]/],
  ['reg-name without escapes and commas', REG_NAME, /[-\w.~!$&'()*+;=]/],
  ['last part of IPvFuture', IP_FUTURE, /[-\w.~!$&'()*+,;=:]/],
  ['target of RFC 3986', TARGET_RFC3986, /[-\w.~!$&'()*+,;=:@/?%[\]]/],
  ['target of browsers', TARGET_BROWSERS, /[-\w.~!$&'()*+,;=:@/?%[\]{}|^]/],
]

await t.test('every table admits exactly the octets of its rule', async t => {
  for (const [name, table, rule] of RULES) {
    t.equal(table.length, 256, name)
    const differing: number[] = []
    for (let octet = 0; octet < 256; octet++) {
      if ((table[octet] !== 0) !== rule.test(String.fromCharCode(octet))) differing.push(octet)
    }
    t.same(differing, [], name)
  }
})

await t.test('the tables of targets tell escapes, queries and brackets from the rest', async t => {
  for (const table of [TARGET_RFC3986, TARGET_BROWSERS]) {
    t.equal(table[0x25], TARGET_PERCENT)
    t.equal(table[0x3f], TARGET_QUESTION)
    t.equal(table[0x61], TARGET_PLAIN)
  }
  t.equal(TARGET_RFC3986[0x5b], TARGET_BRACKET)
  t.equal(TARGET_BROWSERS[0x5b], TARGET_PLAIN)
})

await t.test('hexadecimal digits have their value in both cases, and nothing else has one', async t => {
  for (let octet = 0; octet < 256; octet++) {
    const character = String.fromCharCode(octet)
    t.equal(HEX_VALUE[octet], /[\da-fA-F]/.test(character) ? Number.parseInt(character, 16) : -1)
  }
})
