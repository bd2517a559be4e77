import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import { anyText } from '@plimsoll/testing/any-text'
import t from 'tap'
import { decodeEntry, encodeEntry, type EntryHead, hash32, hash64 } from '../src/stored-entry.ts'
import { encodeValue } from '../src/value-codec.ts'

const form = { epochHash: hash32('build 1'), machine: hash64('this machine') }
const head: EntryHead = {
  stamp: 7,
  position: 2 ** 40,
  tags: ['a', 'course:42', '😀'],
  lifeMs: 5_000,
  freshMs: 4_000,
  staleMs: 500,
  loadMs: 12.5,
}

await t.test('an entry comes back with its head and its value', t => {
  const bytes = encodeEntry(form, head, encodeValue({ at: new Date(5) }))
  const entry = decodeEntry(form, bytes)
  t.match(entry, { ...head, sameMachine: true })
  t.strictSame(entry?.value(), { at: new Date(5) })
  t.equal(decodeEntry({ ...form, machine: hash64('another') }, bytes)?.sameMachine, false)
  t.end()
})

await t.test('another build’s or layout’s entry is none', t => {
  const bytes = encodeEntry(form, head, encodeValue(1))
  t.equal(decodeEntry({ ...form, epochHash: hash32('build 2') }, bytes), undefined)
  const newer = Buffer.from(bytes)
  newer[0] = 2
  t.equal(decodeEntry(form, newer), undefined)
  t.end()
})

await t.test('no bytes whatever make it throw, and what’s cut off is no entry or a value that can’t be read', t => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => void decodeEntry(form, bytes)),
    { numRuns: 500 },
  )
  const whole = encodeEntry(form, head, encodeValue({ a: 'text' }))
  for (let length = 0; length < whole.length; length++) {
    const entry = decodeEntry(form, whole.subarray(0, length))
    if (entry) t.throws(() => entry.value(), `${length} bytes`)
  }
  t.end()
})

await t.test('any head is kept within what its fields hold', t => {
  const heads = fc.record({
    stamp: fc.integer({ min: 0 }),
    position: fc.maxSafeInteger(),
    tags: fc.array(
      anyText({ maxLength: 300 }).map(tag => tag.toWellFormed()),
      { maxLength: 20 },
    ),
    lifeMs: fc.nat(),
    freshMs: fc.nat(),
    staleMs: fc.nat(),
    loadMs: fc.float({ noNaN: true, noDefaultInfinity: true, min: 0 }),
  })
  fc.assert(
    fc.property(heads, fc.jsonValue(), (made, value) => {
      const entry = decodeEntry(form, encodeEntry(form, made, encodeValue(value)))
      deepStrictEqual({ ...entry, value: entry?.value() }, { ...made, sameMachine: true, value })
    }),
    { numRuns: 300 },
  )
  t.end()
})
