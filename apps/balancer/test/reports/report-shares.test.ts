// From reports to shares: reduced at once, restored step by step, ignored in panic; and databases with room.
import { createPicker, STRATEGIES } from '@plimsoll/load-balancing'
import fc from 'fast-check'
import t from 'tap'
import type { Endpoint } from '../../src/upstream/endpoint.ts'
import { CIRCUIT } from '../upstream/fleet.ts'
import { EXPIRY_MS, ReportFleet, STEP_MS, text } from './report-fleet.ts'

const WELL = { pressure: 0, loop_delay_p99_seconds: 0.01 }
const CRITICAL = { pressure: 2, loop_delay_p99_seconds: 0.01 }

await t.test('a reduced endpoint gets its part of the requests, and rises slowly when it is well again', t => {
  const fleet = ReportFleet.reporting(2, { strategy: 'weighted-round-robin' })
  fleet.steps(1, { a: CRITICAL, b: WELL })
  t.equal(fleet.get('a').weight, 0.4)
  t.same([...fleet.counts(140).values()], [40, 100])
  const seen: number[] = []
  for (let before = 0.4; before < 1 && seen.length < 50; before = fleet.get('a').reportRatio) {
    fleet.steps(1, { a: WELL, b: WELL })
    seen.push(fleet.get('a').reportRatio - before)
  }
  t.equal(fleet.get('a').weight, 1)
  t.equal(fleet.get('a').reportReason, null)
  t.ok(seen.every(rise => rise > 0 && rise < 0.051))
  t.equal(seen.length, 12, 'a twentieth a step')
  t.end()
})

await t.test('a report that is not renewed stops counting, and the weight rises as if all were well', t => {
  const fleet = ReportFleet.reporting(2)
  fleet.say('a', CRITICAL)
  fleet.steps(EXPIRY_MS / STEP_MS)
  t.equal(fleet.get('a').reportRatio, 0.4)
  fleet.steps(1)
  t.equal(fleet.get('a').reportReason, 'rising again, at 45 %')
  fleet.steps(20)
  t.same(fleet.ratios(), [1, 1])
  t.end()
})

await t.test('when more than half of the fleet is in trouble nobody is reduced, and for five seconds after', t => {
  const fleet = ReportFleet.reporting(4)
  const all = { a: CRITICAL, b: CRITICAL, c: WELL, d: WELL }
  fleet.steps(2, all)
  t.same(fleet.ratios(), [0.4, 0.4, 1, 1], 'half is not more than half')
  t.notOk(fleet.shares.isPanicking)
  fleet.steps(1, { ...all, c: CRITICAL })
  t.same(fleet.ratios(), [1, 1, 1, 1])
  t.ok(fleet.shares.isPanicking)
  t.match(fleet.get('a').reportReason, /^not reduced, as more than half .*: memory pressure critical$/)
  fleet.steps(5000 / STEP_MS - 1, all)
  t.same(fleet.ratios(), [1, 1, 1, 1])
  fleet.steps(1, all)
  t.notOk(fleet.shares.isPanicking)
  t.same(fleet.ratios(), [0.4, 0.4, 1, 1])
  t.end()
})

await t.test('who does not report belongs to the fleet, and is well', t => {
  const fleet = ReportFleet.reporting(4)
  fleet.steps(1, { a: CRITICAL, b: CRITICAL })
  t.same(fleet.ratios(), [0.4, 0.4, 1, 1])
  t.end()
})

await t.test('the only one that may take requests is never reduced', t => {
  const fleet = ReportFleet.reporting(2)
  fleet.pool.setHealth(fleet.get('b'), 'down', 'a test says so')
  fleet.steps(1, { a: { pressure: 3 } })
  t.equal(fleet.get('a').weight, 1)
  t.end()
})

await t.test('with slow start the lesser of the two counts, and the limit goes by slow start alone', t => {
  const fleet = ReportFleet.reporting(3, { endpoint: { circuit: CIRCUIT, maxRequests: 100 } })
  const a = fleet.get('a')
  fleet.pool.startSlowly(a)
  fleet.steps(1, { a: CRITICAL, b: WELL })
  t.equal(a.weight, 0.1)
  a.setStartRatio(0.7)
  t.equal(a.weight, 0.4)
  t.equal(a.maxRequests, 70)
  a.setStartRatio(1)
  t.equal(a.weight, 0.4)
  t.equal(a.maxRequests, 100)
  t.end()
})

await t.test('small changes of a reduced weight make no new snapshot', t => {
  const fleet = ReportFleet.reporting(3)
  fleet.steps(8, { a: { loop_delay_p99_seconds: 0.1 }, b: WELL, c: WELL })
  t.same(fleet.ratios(), [0.5, 1, 1])
  fleet.clock.advance(STEP_MS)
  fleet.say('a', { loop_delay_p99_seconds: 0.105 })
  t.notOk(fleet.shares.step())
  t.same(fleet.ratios(), [0.5, 1, 1])
  fleet.clock.advance(STEP_MS)
  fleet.say('a', { loop_delay_p99_seconds: 1 })
  t.ok(fleet.shares.step())
  t.end()
})

// ——— the database ———

await t.test('requests that need the database keep away from waiters, all others do not', t => {
  const fleet = ReportFleet.reporting(4, { strategy: 'weighted-round-robin' })
  fleet.steps(2, { a: { db_waiting: 12 }, b: { db_waiting: 0 } })
  t.same([...fleet.counts(400).values()], [100, 100, 100, 100])
  const [a = 0, ...others] = fleet.counts(400, true).values()
  t.equal(a, 10, 'a tenth of its share')
  t.ok(
    others.every(count => Math.abs(count - 130) <= 2),
    others.join(' '),
  )
  fleet.counts(1, true)
  t.equal(fleet.pool.lastKind, 'database-room', 'and the log of decisions says so')
  t.end()
})

await t.test('when those with room are tried or full, the others are asked', t => {
  const fleet = ReportFleet.reporting(2)
  fleet.steps(2, { a: { db_waiting: 12 }, b: { db_waiting: 0 } })
  const [a, b] = [fleet.get('a'), fleet.get('b')]
  t.equal(fleet.pool.pick([], true, undefined, true), b)
  t.equal(fleet.pool.pick([b], true, undefined, true), a)
  t.equal(fleet.pool.pick([a, b], true, undefined, true), null)
  b.maxRequests = 0
  t.equal(fleet.pool.pick([], true, undefined, true), a)
  t.end()
})

await t.test('a database has room again well below the limit, and a single waiter for a moment is none', t => {
  const fleet = ReportFleet.reporting(3, { maxDatabaseWaiting: 4 })
  const a = fleet.get('a')
  const rooms = (waiting: number, count: number) =>
    Array.from({ length: count }, () => {
      fleet.steps(1, { a: { db_waiting: waiting } })
      return a.databaseHasRoom
    })
  t.same(rooms(0, 4), [true, true, true, true])
  t.same(rooms(5, 1), [true], 'not for a moment')
  t.same(rooms(5, 4).at(-1), false)
  t.same(rooms(2, 8), Array(8).fill(false), 'half of it is not room yet')
  t.same(rooms(0, 8).at(-1), true)
  t.same(rooms(2, 8), Array(8).fill(true), 'nor is it too much')
  t.end()
})

await t.test('nobody is avoided when more than half have waiters, in panic, by old reports, or with 0', t => {
  const even = (fleet: ReportFleet) => new Set(fleet.counts(40, true).values()).size === 1
  const waiting = { db_waiting: 9 }
  const fleet = ReportFleet.reporting(4)
  fleet.steps(2, { a: waiting, b: waiting })
  t.notOk(even(fleet))
  fleet.steps(2, { a: waiting, b: waiting, c: waiting })
  t.ok(even(fleet), 'three of four')
  fleet.steps(2, { a: waiting })
  fleet.steps(EXPIRY_MS / STEP_MS + 1)
  t.ok(even(fleet), 'old')
  const off = ReportFleet.reporting(4, { maxDatabaseWaiting: 0 })
  off.steps(4, { a: waiting })
  t.ok(even(off), '0')
  const panic = ReportFleet.reporting(4)
  panic.steps(2, { a: waiting, b: { db_waiting: 0 } })
  for (const id of ['b', 'c', 'd']) panic.pool.setHealth(panic.get(id), 'down', 'a test says so')
  t.ok(panic.pool.isPanicking)
  t.ok(even(panic), 'panic')
  t.end()
})

// ——— whatever they say ———

await t.test(
  'whatever is reported, an endpoint keeps a tenth of its weight at least, twice at most, and gets requests',
  t => {
    const figure = (most: number) => fc.oneof(fc.double({ min: 0, max: most, noNaN: true }), fc.constantFrom(0, most))
    const said = fc.record(
      {
        application_utilization: figure(100),
        rps_fractional: figure(1e9),
        eps: figure(1e9),
        loop_delay_p99_seconds: figure(3600),
        gc_ratio: figure(1),
        db_waiting: fc.integer({ min: 0, max: 1_000_000 }),
        pressure: fc.integer({ min: 0, max: 3 }),
      },
      { requiredKeys: [] },
    )
    const strategies = STRATEGIES.map(({ name }) => name).filter(name => name !== 'consistent-hash')
    fc.assert(
      fc.property(
        fc.constantFrom(...strategies),
        fc.array(fc.array(said, { minLength: 4, maxLength: 4 }), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (strategy, rounds, needsDatabase) => {
          const fleet = ReportFleet.reporting(4, { strategy })
          const weights = [1, 2, 1, 3]
          fleet.add(4, weights)
          let sequence = 0
          // Long enough for least-loaded to believe them.
          for (let second = 0; second < 12; second++) {
            const round = rounds[second % rounds.length] ?? []
            for (const [i, figures] of round.entries())
              fleet.sayText('abcd'.charAt(i), text({ ...figures, sequence: ++sequence }))
            fleet.steps(4)
            fleet.pool.pick([], true)
          }
          // In flight all at once: some strategies send nothing to the lighter one of two while both are idle.
          for (let i = 0; i < 2000; i++) fleet.pool.pick([], true, undefined, needsDatabase)!.activeRequests++
          for (const [i, endpoint] of fleet.pool.endpoints.entries()) {
            const configured = weights[i] ?? 0
            const share = strategy === 'least-loaded' ? endpoint.pick.share : 1
            const effective = endpoint.weight * share
            if (!(effective >= 0.0999 * configured && effective <= 2.0001 * configured)) return false
            if (endpoint.activeRequests === 0) return false
          }
          return true
        },
      ),
      { numRuns: 40 },
    )
    t.end()
  },
)

await t.test('another strategy from a reload on hears what is reported', t => {
  const fleet = ReportFleet.reporting(2)
  const picker = createPicker<Endpoint>('least-loaded', { random: fleet.random, clock: fleet.clock })
  fleet.pool.configure({ ...fleet.settings(), picker })
  fleet.say('a', { application_utilization: 0.5, rps_fractional: 100 })
  t.equal(fleet.get('a').pick.capacity, 200)
  t.end()
})
