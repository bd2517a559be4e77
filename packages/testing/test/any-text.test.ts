import t from 'tap'
import fc from 'fast-check'
import { anyText } from '../src/any-text.ts'

await t.test('texts are well-formed, no longer than asked for, and have characters of every kind', t => {
  const texts = fc.sample(anyText({ maxLength: 8 }), { numRuns: 500, seed: 1 })
  t.ok(texts.every(text => text.isWellFormed() && Array.from(text).length <= 8))
  t.ok(texts.includes(''))
  // oxlint-disable-next-line no-control-regex -- control characters are what's looked for
  for (const kind of [/[\u0000-\u001f]/, /[a-z]/, /[\u0080-\uffff]/, /[\u{10000}-\u{10ffff}]/u])
    t.ok(
      texts.some(text => kind.test(text)),
      String(kind),
    )
  t.end()
})
