import t from 'tap'
import { FastRandom } from '../src/index.ts'

await t.test('numbers are in [0, 1), uniform, and the same for the same seed', async t => {
  const random = new FastRandom(1)
  const again = new FastRandom(1)
  const buckets = Array.from({ length: 100 }, () => 0)
  let same = true
  for (let i = 0; i < 100_000; i++) {
    const drawn = random.next()
    buckets[Math.floor(drawn * 100)]!++
    same &&= drawn === again.next()
  }
  t.ok(same)
  t.equal(buckets.length, 100, 'none below 0 or from 1 on')
  // Five standard deviations of a bucket's count.
  t.ok(buckets.every(count => Math.abs(count - 1000) < 5 * Math.sqrt(1000)))
})

await t.test('neighbouring seeds have nothing in common', async t => {
  const firsts = Array.from({ length: 1000 }, (_, seed) => new FastRandom(seed).next())
  t.equal(new Set(firsts).size, 1000)
  const mean = firsts.reduce((sum, drawn) => sum + drawn, 0) / 1000
  t.ok(Math.abs(mean - 0.5) < 0.05)
})
