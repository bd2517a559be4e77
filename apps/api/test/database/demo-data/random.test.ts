import t from 'tap'
import { createRandom } from '../../../src/database/demo-data/random.ts'

await t.test('the same seed gives the same numbers on every machine, another seed others', async t => {
  const draw = (seed: string) => {
    const random = createRandom(seed)
    return Array.from({ length: 5 }, () => random.integer(0, 999_999))
  }
  t.same(draw('a'), draw('a'))
  t.notSame(draw('a'), draw('b'))
  t.same(draw('plimsoll'), [958_847, 519_507, 326_874, 630_404, 732_579])
})

await t.test('numbers fill their range evenly, both ends included', async t => {
  const random = createRandom('range')
  const counts = new Map<number, number>()
  for (let draw = 0; draw < 10_000; draw += 1) {
    const value = random.integer(-2, 2)
    counts.set(value, (counts.get(value) ?? 0) + 1)
  }
  t.same(
    [...counts.keys()].toSorted((a, b) => a - b),
    [-2, -1, 0, 1, 2],
  )
  t.ok(
    [...counts.values()].every(count => count > 1800 && count < 2200),
    'a fixed seed: always the same counts',
  )
})

await t.test('what stands early is picked more often, but everything is', async t => {
  const random = createRandom('early')
  const counts = Array.from({ length: 4 }, () => 0)
  for (let draw = 0; draw < 10_000; draw += 1) {
    const index = random.pickEarly([0, 1, 2, 3])
    counts[index] = (counts[index] ?? 0) + 1
  }
  // The square root of the share that lies before it.
  t.same(
    counts.map(count => Math.round(count / 500)),
    [10, 4, 3, 3],
  )
  t.equal(Math.round(Array.from({ length: 1000 }, () => random.chance(0.3)).filter(Boolean).length / 100), 3)
})

await t.test('nothing can be picked from nothing', async t => {
  t.throws(() => createRandom('x').pickEarly([]), RangeError)
  t.throws(() => createRandom('x').pick([]), RangeError)
})
