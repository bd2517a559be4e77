import fc from 'fast-check'
import t from 'tap'
import {
  checkThresholds,
  LevelFilter,
  levelOfRank,
  PRESSURE_LEVELS,
  PRESSURE_THRESHOLDS,
  pressureRank,
} from '../../src/monitor/pressure-level.ts'

const ENTER_AT = [0.75, 0.85, 0.95]
const MARGIN = 0.03

function follow(ratios: readonly number[]): number[] {
  const filter = new LevelFilter(ENTER_AT, MARGIN)
  return ratios.map(ratio => filter.next(ratio))
}

await t.test('levels and ranks are each other’s inverse', async t => {
  t.same(PRESSURE_LEVELS.map(pressureRank), [0, 1, 2, 3])
  t.same([0, 1, 2, 3].map(levelOfRank), PRESSURE_LEVELS)
  t.same([levelOfRank(-1), levelOfRank(9)], ['normal', 'emergency'])
})

await t.test('two of three samples enter a level, one does not', async t => {
  t.same(follow([0.5, 0.8, 0.5, 0.5]), [0, 0, 0, 0])
  t.same(follow([0.5, 0.8, 0.5, 0.8]), [0, 0, 0, 1])
  t.same(follow([0.5, 0.8, 0.8]), [0, 0, 1])
  t.same(follow([0.9]), [0], 'nor does the first sample of all')
})

await t.test('a level is left three points below the threshold, by two of three', async t => {
  const warned = [0.76, 0.76, 0.76]
  t.same(follow([...warned, 0.73, 0.73, 0.73]).at(-1), 1)
  t.same(follow([...warned, 0.71, 0.74, 0.74, 0.74]).at(-1), 1)
  t.same(follow([...warned, 0.71, 0.71]).at(-1), 0)
  t.same(follow([0.96, 0.96, 0.1, 0.1]), [0, 3, 3, 0])
})

await t.test('what is not known changes nothing', async t => {
  t.same(follow([0.8, 0.8, Number.NaN, Number.NaN, 0.8]), [0, 1, 1, 1, 1])
})

await t.test('what is not known three times in a row is gone, with all that it said', async t => {
  const none = Number.NaN
  t.same(follow([0.96, 0.96, none, none, none, none]), [0, 3, 3, 3, 0, 0])
  t.same(follow([0.96, 0.96, none, none, none, 0.96, 0.96]), [0, 3, 3, 3, 0, 0, 3], 'and begins anew')
  const filter = new LevelFilter(ENTER_AT, MARGIN)
  t.notOk(filter.isKnown, 'nor is it before the first')
  const known = [0.5, none, none, none, 0.5].map(ratio => (filter.next(ratio), filter.isKnown))
  t.same(known, [true, true, true, false, true])
})

await t.test('what is certain counts at once, and is left as slowly as any other', async t => {
  const filter = new LevelFilter(ENTER_AT, MARGIN)
  filter.next(0.2)
  t.equal(filter.jump(0.96), 3)
  t.equal(filter.next(0.2), 3)
  t.equal(filter.next(0.2), 0)
})

await t.test('noise narrower than the margin never makes a level come back', async () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.3, max: 1, noNaN: true }),
      fc.array(fc.double({ min: 0, max: MARGIN * 0.999, noNaN: true }), { minLength: 5, maxLength: 200 }),
      (base, noise) => {
        // The first three fill the filter.
        const ranks = follow([base, base, base, ...noise.map(part => base + part)]).slice(2)
        const changes = ranks.filter((rank, index) => index > 0 && rank !== ranks[index - 1]).length
        return changes <= 1
      },
    ),
    { numRuns: 500 },
  )
})

await t.test('the level is never further from the ratios than the margin allows', async () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1.2, noNaN: true }), { minLength: 3, maxLength: 100 }), ratios => {
      const ranks = follow(ratios)
      return ranks.every((rank, index) => {
        if (index < 2) return true
        const last = ratios.slice(index - 2, index + 1).toSorted((a, b) => a - b)
        const middle = last[1] ?? 0
        const least = ENTER_AT.filter(threshold => middle >= threshold).length
        const most = ENTER_AT.filter(threshold => middle >= threshold - MARGIN).length
        return rank >= least && rank <= most
      })
    }),
    { numRuns: 500 },
  )
})

await t.test('thresholds have to ascend, within their range, above the margin', async t => {
  t.same(checkThresholds(PRESSURE_THRESHOLDS, 0.03), PRESSURE_THRESHOLDS)
  for (const [thresholds, margin] of [
    [{ warning: 0.85, critical: 0.85, emergency: 0.95 }, 0.03],
    [{ warning: 0.9, critical: 0.85, emergency: 0.95 }, 0.03],
    [{ warning: 0, critical: 0.85, emergency: 0.95 }, 0.03],
    [{ warning: 75, critical: 85, emergency: 95 }, 0.03],
    [{ warning: Number.NaN, critical: 0.85, emergency: 0.95 }, 0.03],
    [{ warning: 0.02, critical: 0.85, emergency: 0.95 }, 0.03],
    [PRESSURE_THRESHOLDS, -0.1],
  ] as const) {
    t.throws(() => checkThresholds(thresholds, margin), { code: 'MEMORY_ERR_OPTION' })
  }
})
