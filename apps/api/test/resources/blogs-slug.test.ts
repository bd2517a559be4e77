import fc from 'fast-check'
import t from 'tap'
import { seededRandom } from '@plimsoll/testing'
import { slugCandidates, slugOf } from '../../src/resources/blogs/slug.ts'

/** What the column takes. */
const SLUG = /^(?=.{1,160}$)[a-z0-9]+(-[a-z0-9]+)*$/

await t.test('a slug has the letters and digits of its title, without marks and signs', t => {
  const cases = {
    'What a Queue is for': 'what-a-queue-is-for',
    '  C++ & Node.js: 100 % faster!  ': 'c-node-js-100-faster',
    'Über Größe, façade & Łódź': 'uber-grosse-facade-lodz',
    'Smørrebrød, Æsir, œuvre, þing, ısı': 'smorrebrod-aesir-oeuvre-thing-isi',
    'ﬁve ½ Ⅳ': 'five-1-2-iv',
    日本語: 'blog',
    '😀 — …': 'blog',
  }
  for (const [title, slug] of Object.entries(cases)) t.equal(slugOf(title), slug)
  t.end()
})

await t.test('a long one ends with a whole word, unless there is only one', t => {
  t.equal(slugOf('word '.repeat(40)), `${'word-'.repeat(31)}word`)
  t.equal(slugOf('x'.repeat(300)), 'x'.repeat(160))
  t.end()
})

await t.test('whatever the title, all candidates fit the column, and none comes twice', t => {
  const random = seededRandom(t)
  const fit = fc.property(
    fc.string({ unit: fc.nat(0x2fff).map(code => String.fromCharCode(code)), maxLength: 200 }),
    title => {
      const candidates = slugCandidates(title, random)
      return candidates.length === 5 && new Set(candidates).size === 5 && candidates.every(slug => SLUG.test(slug))
    },
  )
  t.doesNotThrow(() => fc.assert(fit, { numRuns: 300 }))
  for (const title of ['x'.repeat(160), 'word '.repeat(32), ''])
    t.ok(
      slugCandidates(title, random).every(slug => SLUG.test(slug)),
      title,
    )
  t.end()
})

await t.test('the plain slug comes first, and those behind it end in something random', t => {
  const [plain, ...others] = slugCandidates('Twice', { next: () => 0.5 })
  t.equal(plain, 'twice')
  t.same(
    others,
    Array.from({ length: 4 }, () => 'twice-iiiiii'),
  )
  t.end()
})
