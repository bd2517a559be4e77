import t from 'tap'
import fc from 'fast-check'
import { matchNames, noneMatchedTag, parseTags, tagOfCoding, weakTag } from '../../src/http/entity-tag.ts'

const etagc = fc.integer({ min: 0x21, max: 0xff }).filter(code => code !== 0x22 && code !== 0x7f)
const opaque = fc.array(etagc, { maxLength: 12 }).map(codes => `"${String.fromCharCode(...codes)}"`)
const tag = fc.tuple(fc.boolean(), opaque).map(([isWeak, text]) => (isWeak ? `W/${text}` : text))
/** What may stand between two tags: one comma at least, blanks and empty elements. */
const separator = fc
  .array(fc.constantFrom(' ', '\t', ','), { maxLength: 4 })
  .map(parts => [...parts, ','].join(''))
  .chain(text => fc.constantFrom(text, `${text} `, `${text}\t`))

const list = fc.tuple(fc.array(tag, { minLength: 1, maxLength: 5 }), separator)

await t.test('a list of tags is read as it was written, commas inside of tags included', async t => {
  fc.assert(
    fc.property(list, ([tags, between]) => {
      t.strictSame(parseTags(tags.join(between)), tags)
      t.strictSame(parseTags(`, ${tags.join(between)} ,`), tags, 'empty elements count for nothing')
    }),
    { numRuns: 100 },
  )
  t.strictSame(parseTags('"a,b", W/"c"'), ['"a,b"', 'W/"c"'])
  t.strictSame(parseTags(''), [])
})

await t.test('what is no list of tags has none, and no text takes long or throws', async t => {
  for (const field of [
    'a',
    '"a',
    'a"',
    '"a""b"',
    '"a" "b"',
    'w/"a"',
    'W/ "a"',
    'W/a',
    '"a b"',
    '"a", b',
    '"\u007f"',
    '*, "a"',
  ])
    t.strictSame(parseTags(field), [], field)
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[W/", *a]*$/)), field => Array.isArray(parseTags(field))),
    { numRuns: 300 },
  )
  t.strictSame(parseTags('"a"'.repeat(5000)), [])
})

await t.test('If-None-Match compares weakly: the mark of weakness doesn’t count', async t => {
  fc.assert(
    fc.property(list, tag, ([tags, between], other) => {
      const plain = (text: string) => text.replace(/^W\//, '')
      t.type(noneMatchedTag(tags.join(between), tags.at(-1) ?? ''), 'string')
      const weak = `W/${plain(tags[0] ?? '')}`
      t.equal(noneMatchedTag(tags.join(between), weak), weak, 'a weak one stays what it is')
      const isThere = tags.some(one => plain(one) === plain(other))
      if (!isThere && !/;(br|gzip)"$/.test(tags.join(' ')))
        t.equal(noneMatchedTag(tags.join(between), other), undefined)
    }),
    { numRuns: 100 },
  )
  t.equal(noneMatchedTag('*', '"any"'), '"any"')
  t.equal(noneMatchedTag('"*"', '"any"'), undefined)
  t.equal(noneMatchedTag('"a', '"a'), '"a', 'and the very same text needs no reading')
})

await t.test('If-Match compares strongly: a weak tag on either side names nothing', async t => {
  fc.assert(
    fc.property(list, opaque, ([tags, between], own) => {
      const field = [...tags, own].join(between)
      t.equal(matchNames(field, own), true)
      t.equal(matchNames(field, `W/${own}`), false)
      t.equal(matchNames(tags.map(one => `W/${one.replace(/^W\//, '')}`).join(between), own), false)
    }),
    { numRuns: 100 },
  )
  t.equal(matchNames('*', 'W/"any"'), true)
})

await t.test('a strong tag has a form for each coding, and a condition with any of them is about the same', async t => {
  t.equal(tagOfCoding('"12-3"', 'br'), '"12-3;br"')
  t.equal(tagOfCoding('W/"x"', 'br'), 'W/"x"', 'a weak one is for all')
  for (const given of ['"12-3"', '"12-3;br"', '"12-3;gzip"']) {
    t.equal(matchNames(given, '"12-3"'), true, given)
    t.equal(noneMatchedTag(`"1", W/${given}`, '"12-3"'), given, 'of the coding that the client has')
  }
  for (const given of ['"12-3;zstd"', '"12-3;"', '"12-4;br"', '"12-3;br;br"'])
    t.equal(matchNames(given, '"12-3"'), false, given)
})

await t.test('the tag of a text is weak, short, and the same for the same bytes only', async t => {
  const first = weakTag('{"name":"Grüße"}')
  t.match(first, /^W\/"[\w-]{22}"$/)
  t.equal(weakTag(Buffer.from('{"name":"Grüße"}')), first)
  t.not(weakTag('{"name":"Grüsse"}'), first)
  t.strictSame(parseTags(first), [first])
})
