import fc from 'fast-check'
import t from 'tap'
import { Type } from 'typebox'
import type { ApiError } from '../../src/errors.ts'
import { isStorable, Line, Text } from '../../src/http/text-schema.ts'
import { compileValidator } from '../../src/http/validation.ts'

type Outcome = { value?: unknown; error?: ApiError }

const check = compileValidator({
  schema: Type.Object(
    {
      text: Type.Optional(Text({ minLength: 1, maxLength: 5, description: 'What it says.' })),
      line: Type.Optional(Line({ minLength: 1, maxLength: 5 })),
      list: Type.Optional(Type.Array(Text({ minLength: 0, maxLength: 5 }))),
    },
    { additionalProperties: false },
  ),
  method: 'POST',
  url: '/',
  httpPart: 'body',
}) as (value: unknown) => Outcome

/** For names of assertions, which have to be lines themselves. */
function escape(text: string): string {
  return encodeURIComponent(text.toWellFormed())
}

const accepts = (value: object): boolean => check(value).error === undefined

await t.test('a text is any number of lines of any characters', t => {
  for (const text of ['a', ' ', '\n', 'a\r\nb', '\t', 'ßé', '日本語', '😀😀😀😀😀', '\ufffd', '\uffff', '\u0001'])
    t.ok(accepts({ text }), escape(text))
  t.end()
})

await t.test('what the database can not keep is refused, by the name of its field and without its value', t => {
  for (const text of ['\0', 'ab\0', '\ud800', 'a\udc00', '\udc00\ud800', '😀'.slice(0, 1)]) {
    const { error } = check({ text })
    t.match(error, { code: 'API_ERR_VALIDATION', status: 400 }, escape(text))
    t.same(error?.issues, [{ field: 'body.text', message: 'must hold no U+0000, and no half of a surrogate pair' }])
    t.notOk(accepts({ line: text }))
    t.match(check({ list: ['x', text] }).error?.issues, [{ field: 'body.list.1' }])
  }
  t.end()
})

await t.test('a line has no breaks, no control characters and nothing blank at its ends', t => {
  for (const line of ['a', 'a b', 'ßé', '😀 😀', 'a\u00a0b']) t.ok(accepts({ line }), escape(line))
  for (const blank of [' ', '\u00a0', '\ufeff', '\u3000'])
    for (const line of [blank, `a${blank}`, `${blank}a`]) t.notOk(accepts({ line }), escape(line))
  for (const control of ['\n', '\r', '\t', '\u0001', '\u001b', '\u007f', '\u0085', '\u2028', '\u2029'])
    t.notOk(accepts({ line: `a${control}b` }), escape(control))
  t.end()
})

/** Code units with all that matters here: U+0000, halves of pairs that meet or don't, and everything else. */
const text = fc
  .array(fc.oneof(fc.nat(0xffff), fc.integer({ min: 0xd7fe, max: 0xe001 }), fc.constantFrom(0, 0x61, 0xd83d, 0xde00)), {
    maxLength: 10,
  })
  .map(units => String.fromCharCode(...units))

await t.test('lengths are counted in code points, as the database does', t => {
  const counted = fc.property(text, text => {
    const codePoints = Array.from(text).length
    return !isStorable(text) || accepts({ text }) === (codePoints >= 1 && codePoints <= 5)
  })
  t.doesNotThrow(() => fc.assert(counted, { numRuns: 500 }))
  t.ok(accepts({ text: '😀'.repeat(5) }))
  t.notOk(accepts({ text: '😀'.repeat(6) }))
  t.end()
})

await t.test('storable is what comes back from UTF-8 as it was, and has no U+0000', t => {
  const same = fc.property(
    text,
    text => isStorable(text) === (Buffer.from(text).toString() === text && !Array.from(text).includes('\0')),
  )
  t.doesNotThrow(() => fc.assert(same, { numRuns: 500 }))
  t.end()
})

await t.test('the schema says its rule to whoever reads the document, and nothing that is not JSON', t => {
  t.same(JSON.parse(JSON.stringify(Text({ minLength: 1, maxLength: 5, description: 'What it says.' }))), {
    type: 'string',
    minLength: 1,
    maxLength: 5,
    description: 'What it says. No U+0000, and no half of a surrogate pair.',
  })
  t.end()
})
