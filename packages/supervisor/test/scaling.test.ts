// Whether a worker is added or taken away: every rule by itself, with time as a number.
import fc from 'fast-check'
import t from 'tap'
import { MemoryLog } from './fixture/fleet.ts'
import { meanUtilization, Scaling, type ScalingDecision, type ScalingOptions } from '../src/scaling.ts'

const DEFAULTS: ScalingOptions = {
  upAbove: 0.75,
  upAfterMs: 10_000,
  downBelow: 0.35,
  downAfterMs: 120_000,
  cooldownMs: 30_000,
  mayAdd: () => true,
}

interface Steady {
  readonly utilization: number | null
  readonly workers?: number
  readonly isBusy?: boolean
  readonly seconds: number
  readonly startMs?: number
}

/** One decision a second under a steady load, up to the first that isn't `keep`; gives it and when it came. */
function decide(scaling: Scaling, { utilization, workers = 3, isBusy = false, seconds, startMs = 0 }: Steady) {
  let decision: ScalingDecision = 'keep'
  let second = 0
  for (; second <= seconds; second++) {
    decision = scaling.decide(startMs + second * 1000, { workers, utilization, isBusy })
    if (decision !== 'keep') break
  }
  return { decision, second }
}

const make = (options: Partial<ScalingOptions> = {}, min = 1, max = 5, log = new MemoryLog()): Scaling =>
  new Scaling({ ...DEFAULTS, ...options }, min, max, log)

await t.test('a load above the threshold for long enough adds one', t => {
  t.same(decide(make(), { utilization: 0.8, seconds: 100 }), { decision: 'add', second: 10 })
  t.match(decide(make(), { utilization: 0.75, seconds: 100 }), { decision: 'keep' }, 'at the threshold is not above it')
  const broken = make()
  decide(broken, { utilization: 0.9, seconds: 9 })
  broken.decide(9500, { workers: 3, utilization: 0.7, isBusy: false })
  t.same(
    decide(broken, { utilization: 0.9, seconds: 100, startMs: 10_000 }),
    { decision: 'add', second: 10 },
    'without a break',
  )
  t.end()
})

await t.test('not above the maximum, and not when memory says no', t => {
  t.match(decide(make({}, 1, 3), { utilization: 1, seconds: 100 }), { decision: 'keep' })
  let free = false
  const scaling = make({ mayAdd: () => free })
  t.match(decide(scaling, { utilization: 1, seconds: 100 }), { decision: 'keep' })
  free = true
  t.match(decide(scaling, { utilization: 1, seconds: 0, startMs: 101_000 }), { decision: 'add' }, 'at once when it may')
  t.end()
})

await t.test('a mayAdd that throws says no, is logged once each time it breaks, and may recover', t => {
  const log = new MemoryLog()
  let isBroken = true
  const mayAdd = (): boolean => {
    if (isBroken) throw new Error('no such cgroup')
    return false
  }
  const scaling = make({ mayAdd }, 1, 5, log)
  t.match(decide(scaling, { utilization: 1, seconds: 100 }), { decision: 'keep' })
  t.match(log.lines, [{ level: 'error', fields: { error: 'no such cgroup' }, message: /'scaling.mayAdd' threw/ }])
  isBroken = false
  decide(scaling, { utilization: 1, seconds: 1, startMs: 101_000 })
  isBroken = true
  decide(scaling, { utilization: 1, seconds: 5, startMs: 103_000 })
  t.equal(log.lines.length, 2)
  t.end()
})

await t.test('a low load for long enough takes one away, when the others can carry it', t => {
  t.same(decide(make(), { utilization: 0.3, seconds: 500 }), { decision: 'remove', second: 120 })
  t.match(
    decide(make(), { utilization: 0.34, workers: 2, seconds: 500 }),
    { decision: 'keep' },
    '0.68 on one is too near',
  )
  t.match(decide(make(), { utilization: 0.29, workers: 2, seconds: 500 }), { decision: 'remove' })
  t.match(decide(make({}, 3), { utilization: 0, seconds: 500 }), { decision: 'keep' }, 'not below the minimum')
  t.match(decide(make(), { utilization: 0, workers: 1, seconds: 500 }), { decision: 'keep' }, 'never the last one')
  t.end()
})

await t.test('while the fleet is busy with itself, or says nothing, nothing is concluded', t => {
  for (const load of [{ utilization: 1, isBusy: true }, { utilization: null }]) {
    const scaling = make()
    t.match(decide(scaling, { ...load, seconds: 100 }), { decision: 'keep' })
    t.same(decide(scaling, { utilization: 1, seconds: 100, startMs: 101_000 }), { decision: 'add', second: 10 })
  }
  t.end()
})

await t.test('after a change the next one waits for the cooldown', t => {
  const scaling = make()
  scaling.changed(0)
  t.same(decide(scaling, { utilization: 1, seconds: 100 }), { decision: 'add', second: 30 })
  t.end()
})

await t.test('under any steady load the number settles: it never goes to and fro', t => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 8, noNaN: true }), fc.integer({ min: 1, max: 8 }), (load, start) => {
      const scaling = make({}, 1, 8)
      let workers = start
      const directions: ScalingDecision[] = []
      for (let second = 0; second < 4000; second++) {
        const decision = scaling.decide(second * 1000, {
          workers,
          utilization: Math.min(1, load / workers),
          isBusy: false,
        })
        if (decision === 'keep') continue
        directions.push(decision)
        workers += decision === 'add' ? 1 : -1
        scaling.changed(second * 1000)
      }
      return new Set(directions).size <= 1 && workers >= 1 && workers <= 8
    }),
    { numRuns: 200 },
  )
  t.end()
})

await t.test('the mean leaves out who never reported, and takes silence for a loop that stands still', t => {
  t.equal(meanUtilization([], 0), null)
  t.equal(meanUtilization([null, null], 0), null)
  const at = (utilization: number, atMs: number) => ({ utilization, atMs })
  t.equal(meanUtilization([at(0.25, 10_000), null, at(0.75, 10_000)], 10_000), 0.5)
  t.equal(meanUtilization([at(0, 0), at(0.5, 9000)], 10_000), 0.75)
  t.end()
})
