import fc from 'fast-check'
import t from 'tap'
import { judgeSteadiness, type SteadinessOptions } from '../../src/soak/steadiness.ts'

const OPTIONS: SteadinessOptions = { fromMs: 100, toMs: 700, windows: 6, tolerance: 0.05, floor: 0 }

/** One value every 10 ms, from the start of the warm-up. */
const course = (valueAt: (atMs: number) => number) =>
  Array.from({ length: 70 }, (_, index) => ({ atMs: index * 10, value: valueAt(index * 10) }))

await t.test('a plateau is steady, whatever the warm-up was like', async t => {
  const found = judgeSteadiness(
    course(atMs => (atMs < 100 ? atMs : 200)),
    OPTIONS,
  )
  t.same(found, { medians: [200, 200, 200, 200, 200, 200], drift: 0, verdict: 'steady' })
})

await t.test('a slow rise drifts, by as much as the last window is above the first', async t => {
  const { verdict, drift } = judgeSteadiness(
    course(atMs => 1000 + atMs / 5),
    OPTIONS,
  )
  t.equal(verdict, 'drifts')
  t.ok(drift > 0.09 && drift < 0.11, String(drift))
})

await t.test('a fall drifts as well, and the largest difference counts wherever it is', async t => {
  const dip = judgeSteadiness(
    course(atMs => (atMs >= 300 && atMs < 400 ? 90 : 100)),
    OPTIONS,
  )
  t.equal(dip.verdict, 'drifts')
  t.equal(dip.drift, -0.1)
})

await t.test('single peaks do not count: a window is worth its median', async t => {
  t.equal(
    judgeSteadiness(
      course(atMs => (atMs % 100 === 50 ? 900 : 100)),
      OPTIONS,
    ).verdict,
    'steady',
  )
})

await t.test('what is below the floor is noise', async t => {
  const rise = course(atMs => 100 + atMs / 60)
  t.equal(judgeSteadiness(rise, OPTIONS).verdict, 'drifts')
  t.equal(judgeSteadiness(rise, { ...OPTIONS, floor: 10 }).verdict, 'steady')
})

await t.test('a window without values is no proof of anything', async t => {
  const { verdict, drift } = judgeSteadiness(
    course(() => 100).filter(({ atMs }) => atMs < 300 || atMs >= 400),
    OPTIONS,
  )
  t.equal(verdict, 'unknown')
  t.ok(Number.isNaN(drift))
  t.equal(judgeSteadiness([], OPTIONS).verdict, 'unknown')
})

await t.test('noise within the tolerance is always steady, a step beyond it never', async () => {
  const levels = fc.array(fc.double({ min: 980, max: 1020, noNaN: true }), { minLength: 70, maxLength: 70 })
  fc.assert(
    fc.property(levels, fc.integer({ min: 1, max: 5 }), (values, step) => {
      const noisy = values.map((value, index) => ({ atMs: index * 10, value }))
      const stepped = noisy.map(({ atMs, value }) => ({ atMs, value: atMs >= 100 * (step + 1) ? value * 1.1 : value }))
      return (
        judgeSteadiness(noisy, OPTIONS).verdict === 'steady' && judgeSteadiness(stepped, OPTIONS).verdict === 'drifts'
      )
    }),
    { numRuns: 100 },
  )
})
