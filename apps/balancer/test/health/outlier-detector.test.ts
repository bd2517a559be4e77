import fc from 'fast-check'
import t from 'tap'
import type { CircuitCause } from '../../src/upstream/circuit-breaker.ts'
import type { Endpoint } from '../../src/upstream/endpoint.ts'
import { CIRCUIT, Fleet } from '../upstream/fleet.ts'

const FAST = { ...CIRCUIT, consecutiveFailures: 3, minRequests: 10, windowMs: 2000, baseMs: 1000, maxMs: 4000 }
const SETTINGS = { endpoint: { circuit: FAST, maxRequests: Infinity } }

const isOut = ({ administrative, circuit }: Endpoint): boolean =>
  administrative === 'ready' && circuit.state !== 'closed'

/** Lets time pass with requests, as many as come, until all are in again; gives how long that took, or Infinity. */
function timeToReturn(fleet: Fleet, fails: (endpoint: Endpoint) => boolean, mostMs: number): number {
  const { pool, clock, outliers } = fleet
  const beganAtMs = clock.now()
  while (pool.endpoints.some(isOut)) {
    if (clock.now() - beganAtMs > mostMs) return Infinity
    clock.advance(50)
    outliers.tick()
    fleet.serve(fails)
  }
  return clock.now() - beganAtMs
}

const step = fc.oneof(
  { weight: 12, arbitrary: fc.record({ what: fc.constant('serve'), n: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constantFrom('break', 'mend'), n: fc.nat({ max: 7 }) }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('wait'), n: fc.integer({ min: 1, max: 1500 }) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constantFrom('stall', 'hear', 'passes'), n: fc.nat({ max: 7 }) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constantFrom('down', 'up', 'up'), n: fc.nat({ max: 7 }) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('drain', 'ready', 'ready'), n: fc.nat({ max: 7 }) }) },
)

await t.test(
  'whatever fails and passes: not too many out, never the last, always somebody to ask, and all return',
  t => {
    let ejections = 0
    let panics = 0
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.constantFrom(0.1, 0.34, 0.5, 0.75, 1),
        fc.array(step, { minLength: 20, maxLength: 120, size: 'max' }),
        (count, maxEjectedRatio, steps) => {
          const wrong: string[] = []
          const broken = new Set<Endpoint>()
          const fails = (endpoint: Endpoint): boolean => broken.has(endpoint)
          const onEjected = (endpoint: Endpoint, { cause }: { cause: CircuitCause }): void => {
            ejections++
            // A failed probe changes nothing in who is out.
            if (cause === 'probe') return
            const ready = fleet.pool.endpoints.filter(({ administrative }) => administrative === 'ready')
            const out = ready.filter(isOut).length
            if (out > Math.max(1, Math.floor(ready.length * maxEjectedRatio)))
              wrong.push(`${out} of ${ready.length} out`)
            if (!ready.some(other => other !== endpoint && other.mayTakeRequests)) wrong.push('the last one ejected')
          }
          const fleet = Fleet.up(count, { ...SETTINGS, outliers: { maxEjectedRatio }, onEjected })
          const { pool, outliers, clock } = fleet
          for (const { what, n } of steps) {
            const endpoint = pool.endpoints[n % count] as Endpoint
            if (what === 'serve') for (let i = 0; i < n; i++) fleet.serve(fails, i % 3 !== 0)
            else if (what === 'break') broken.add(endpoint)
            else if (what === 'mend') broken.delete(endpoint)
            else if (what === 'stall') outliers.eject(endpoint, { cause: 'stalled', reason: 'a test says so' })
            else if (what === 'hear') outliers.onHeard(endpoint)
            else if (what === 'passes') outliers.onPassed(endpoint, n)
            else if (what === 'down' || what === 'up') pool.setHealth(endpoint, what, 'a test says so')
            else if (what === 'drain') pool.operate(endpoint, { weight: null, state: 'draining' })
            else if (what === 'ready') pool.operate(endpoint, { weight: null, state: null })
            else {
              clock.advance(n)
              outliers.tick()
            }
            if (pool.isPanicking) panics++
            const usable = pool.endpoints.some(({ administrative }) => administrative === 'ready')
            if (usable && pool.candidates.length === 0) wrong.push('nobody to ask')
          }
          broken.clear()
          for (const endpoint of pool.endpoints) {
            pool.operate(endpoint, { weight: null, state: null })
            pool.setHealth(endpoint, 'up', 'a test says so')
          }
          // The longest ejection, a second for a request that can't be repeated, and one round for each.
          if (timeToReturn(fleet, fails, FAST.maxMs + 1000 + count * 50) === Infinity)
            wrong.push('somebody never returns')
          if (pool.candidates.length !== count || pool.isPanicking) wrong.push('not all are used in the end')
          if (wrong.length > 0) throw new Error(wrong.join(', '))
        },
      ),
      { numRuns: 400 },
    )
    t.ok(ejections > 400, `${ejections} ejections`)
    t.ok(panics > 400, `${panics} steps in panic`)
    t.end()
  },
)

await t.test('one that never recovers is asked ever more seldom, by one request at a time', t => {
  const fleet = Fleet.up(3, SETTINGS)
  const c = fleet.get('c')
  const failedAtMs: number[] = []
  while (fleet.clock.now() < 60_000) {
    fleet.clock.advance(20)
    fleet.outliers.tick()
    fleet.serve(endpoint => {
      if (endpoint === c) failedAtMs.push(fleet.clock.now())
      return endpoint === c
    })
  }
  // Three to be found out, then after 1, 2, 3 s and every 4 s.
  t.equal(failedAtMs.length, 3 + 3 + Math.floor((60 - 6) / 4))
  t.same(fleet.log.slice(0, 3), ['ejected c: failures', 'ejected c: probe', 'ejected c: probe'])
  t.end()
})

await t.test('a fault that all share takes out what may be, keeps the rest, and all return when it ends', t => {
  for (const count of [1, 2, 3, 8]) {
    const fleet = Fleet.up(count, SETTINGS)
    for (let i = 0; i < 100 * count; i++) fleet.serve(() => true)
    const out = fleet.pool.endpoints.filter(isOut).length
    t.equal(out, count === 1 ? 0 : Math.max(1, Math.floor(count / 2)), `of ${count}`)
    t.ok(fleet.log.some(line => line.startsWith('suppressed')))
    t.notOk(fleet.pool.isPanicking)
    const tookMs = timeToReturn(fleet, () => false, 10_000)
    t.ok(tookMs <= FAST.baseMs + count * 50, `${tookMs} ms`)
  }
  t.end()
})

await t.test('a ratio of none ejects nobody, and a changed one holds for the next ejection', t => {
  const fleet = Fleet.up(4, { ...SETTINGS, outliers: { maxEjectedRatio: 0 } })
  for (let i = 0; i < 100; i++) fleet.serve(({ id }) => id === 'a')
  t.same(fleet.pool.endpoints.filter(isOut), [])
  fleet.outliers.configure({ maxEjectedRatio: 0.5, rise: 2, checksAsk: true })
  for (let i = 0; i < 4; i++) fleet.serve(({ id }) => id === 'a')
  t.same(
    fleet.pool.endpoints.filter(isOut).map(({ id }) => id),
    ['a'],
  )
  t.end()
})

await t.test(
  'passed checks bring back early when they ask, or when the connection was the fault, and by n times rise',
  t => {
    const causes: readonly CircuitCause[] = ['failures', 'success-ratio', 'stalled', 'connect', 'probe']
    for (const checksAsk of [true, false])
      for (const cause of causes)
        for (const inRow of [1, 2, 3, 9]) {
          const fleet = Fleet.up(2, { ...SETTINGS, outliers: { rise: 2, checksAsk } })
          const b = fleet.get('b')
          for (let i = 1; i < inRow; i++) b.circuit.open({ cause: 'probe', reason: 'a test says so' }, 0)
          if (inRow > 1) b.circuit.close(0)
          fleet.outliers.eject(b, { cause, reason: 'a test says so' })
          t.equal(b.circuit.opensInRow, inRow)
          const needed = 2 * Math.min(inRow, 5)
          fleet.outliers.onPassed(b, needed - 1)
          t.equal(b.circuit.state, 'open', `${cause}, too few`)
          fleet.outliers.onPassed(b, needed)
          const returns = checksAsk || cause === 'connect'
          t.equal(b.circuit.state, returns ? 'half-open' : 'open', `${cause}, ${checksAsk ? 'asking' : 'connecting'}`)
          t.notOk(b.mayTakeRequests, 'a request has the last word')
        }
    t.end()
  },
)

await t.test('the first byte makes a stalled one half-open, and no other', t => {
  for (const cause of ['failures', 'success-ratio', 'stalled', 'connect'] as const) {
    const fleet = Fleet.up(2, SETTINGS)
    const b = fleet.get('b')
    fleet.outliers.eject(b, { cause, reason: 'a test says so' })
    fleet.outliers.onHeard(b)
    t.equal(b.circuit.state, cause === 'stalled' ? 'half-open' : 'open', cause)
  }
  t.end()
})

await t.test('in panic a success ends an ejection without a probe, with slow start', t => {
  const fleet = Fleet.up(3, SETTINGS)
  const [a, b] = [fleet.get('a'), fleet.get('b')]
  fleet.outliers.eject(a, { cause: 'failures', reason: 'a test says so' })
  fleet.pool.setHealth(b, 'down', 'a test says so')
  t.ok(fleet.pool.isPanicking)
  while (a.circuit.state === 'open') fleet.serve(() => false)
  t.same([fleet.pool.isPanicking, a.startRatio, fleet.log.at(-1)], [false, 0.1, 'returned a'])
  t.end()
})

await t.test('half of the requests failing is seen by the ratio, a tenth is borne', t => {
  for (const [part, ejected] of [
    [0.6, true],
    [0.1, false],
  ] as const) {
    const fleet = Fleet.up(3, { endpoint: { circuit: { ...FAST, consecutiveFailures: 0 }, maxRequests: Infinity } })
    for (let i = 0; i < 3000; i++) {
      fleet.clock.advance(2)
      fleet.serve(({ id }) => id === 'c' && fleet.random.next() < part)
      if (fleet.get('c').circuit.state !== 'closed') break
    }
    t.equal(fleet.get('c').circuit.trip?.cause, ejected ? 'success-ratio' : undefined, `${part}`)
  }
  t.end()
})
