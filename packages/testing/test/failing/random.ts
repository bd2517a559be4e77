// Run by seeded-random.test.ts: a test that fails and one that passes, each with random numbers.
import t from 'tap'
import { seededRandom } from '@plimsoll/testing'

await t.test('fails by chance', t => {
  t.equal(seededRandom(t).next(), 2)
  t.end()
})

await t.test('passes', t => {
  t.ok(seededRandom(t).next() < 1)
  t.end()
})
