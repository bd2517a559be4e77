import t from 'tap'
import { normalBelow } from '../src/normal-distribution.ts'

await t.test('it agrees with the tables, on both sides of the middle', async t => {
  for (const [z, below] of [
    [0, 0.5],
    [1, 0.841_344_75],
    [-1, 0.158_655_25],
    [1.644_853_63, 0.95],
    [-3.5, 0.000_232_63],
  ] as const) {
    t.ok(Math.abs(normalBelow(z) - below) < 1e-7, `${z}: ${normalBelow(z)}`)
  }
  t.same([normalBelow(40), normalBelow(-40)], [1, 0])
})
