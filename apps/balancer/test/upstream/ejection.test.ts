// Faults of each kind in a fleet of three at 300 requests/s, in simulated time: what part of the requests each costs, and how long it takes
// until everybody has a fair share again. The figures are printed; a bound that's missed fails.
import t from 'tap'
import type { Mode } from './simulated-server.ts'
import { Traffic, type Tally } from './traffic.ts'

const FAULT_S = 10
const LONGEST_RETURN_S = 30
/** A fair third, less what chance does in a second of 300 requests. */
const BACK_AT = 0.25

interface Case {
  readonly name: string
  /** The state of these servers, changed every `everyS` between this and well. */
  readonly mode: Mode
  readonly ids: readonly string[]
  readonly everyS?: number
  /** Of the requests while the fault lasts; Infinity where nobody can answer. */
  readonly mostFailed: number
  /** Failed requests after the fault, in seconds' worth. */
  readonly failedAfterS: number
  /** Until the injured are back, with checks that ask (but don't see the fault in answers), and with mere connections. */
  readonly returnS: readonly [asking: number, connecting: number]
}

const ALL = ['a', 'b', 'c']
const CASES: readonly Case[] = [
  { name: 'one is dead', mode: 'dead', ids: ['c'], mostFailed: 0.002, failedAfterS: 0, returnS: [4, 4] },
  // 100 requests a second wait for 250 ms and a round; a third of those can't be repeated.
  { name: 'one hangs', mode: 'hanging', ids: ['c'], mostFailed: 0.006, failedAfterS: 0.01, returnS: [5, 5] },
  // Checks that don't see it bring it back soon, and its probe may go well: each time it costs some requests.
  { name: 'one fails half', mode: 'half', ids: ['c'], mostFailed: 0.04, failedAfterS: 0, returnS: [20, 20] },
  { name: 'one fails all', mode: 'failing', ids: ['c'], mostFailed: 0.004, failedAfterS: 0, returnS: [20, 20] },
  { name: 'one flaps', mode: 'dead', ids: ['c'], everyS: 1, mostFailed: 0.005, failedAfterS: 0, returnS: [20, 20] },
  { name: 'two are dead', mode: 'dead', ids: ['b', 'c'], mostFailed: 0.01, failedAfterS: 0.01, returnS: [5, 5] },
  { name: 'all fail', mode: 'failing', ids: ALL, mostFailed: Infinity, failedAfterS: 0, returnS: [20, 20] },
  { name: 'all hang', mode: 'hanging', ids: ALL, mostFailed: Infinity, failedAfterS: 0.05, returnS: [6, 6] },
  // Two checks have to pass, half a second from each other.
  { name: 'all are dead', mode: 'dead', ids: ALL, mostFailed: Infinity, failedAfterS: 1.2, returnS: [6, 6] },
]

function share({ shares, sent }: Tally, id: string): number {
  return (shares.get(id) ?? 0) / sent
}

/** Runs one fault from beginning to end; gives the figures. */
function suffer(traffic: Traffic, { mode, ids, everyS = FAULT_S }: Case) {
  traffic.run(10)
  let sent = 0
  let failed = 0
  for (let second = 0, on = false; second < FAULT_S; second += everyS) {
    on = !on
    traffic.set(on ? mode : 'well', ...ids)
    const during = traffic.run(everyS)
    sent += during.sent
    failed += during.failed
  }
  traffic.set('well', ...ids)
  let failedAfter = 0
  let returnS = Infinity
  for (let second = 1; second <= LONGEST_RETURN_S; second++) {
    const after = traffic.run(1)
    failedAfter += after.failed
    if (returnS === Infinity && ids.every(id => share(after, id) >= BACK_AT)) returnS = second
  }
  const last = traffic.run(10)
  return { failed: failed / sent, failedAfterS: failedAfter / (sent / FAULT_S), returnS, last }
}

for (const strategy of ['round-robin', 'least-connections'] as const) {
  await t.test(`${strategy}: each fault costs no more than its bound, and afterwards traffic is fair`, t => {
    for (const [index, asking] of [true, false].entries())
      for (const one of CASES) {
        const traffic = new Traffic(3, { strategy, seed: 4711, outliers: { checksAsk: asking } })
        const { failed, failedAfterS, returnS, last } = suffer(traffic, one)
        const figures = `${(failed * 100).toFixed(2)} % failed, and ${failedAfterS.toFixed(2)} s' worth afterwards; back after ${returnS} s`
        t.comment(`${one.name}, checks that ${asking ? 'ask' : 'connect'}: ${figures}`)
        t.ok(failed <= one.mostFailed, `${one.name}: ${figures}`)
        t.ok(failedAfterS <= one.failedAfterS, `${one.name}: ${figures}`)
        t.ok(returnS <= (one.returnS[index] as number), `${one.name}: ${figures}`)
        t.equal(last.failed, 0, one.name)
        for (const id of ALL) {
          const fair = share(last, id)
          t.ok(fair > 0.3 && fair < 0.37, `${one.name}: ${id} has ${fair}`)
        }
        traffic.quiet(6)
        const { pool } = traffic.fleet
        t.ok(pool.endpoints.every(endpoint => endpoint.activeRequests === 0 && endpoint.waitingRequests === 0))
        t.ok(traffic.mostProbes <= 1, 'one probe at a time')
        t.same([traffic.underWay, pool.isPanicking], [0, false])
      }
    t.end()
  })
}

await t.test('a stalled endpoint is found in a fraction of a second, and back at its first byte', t => {
  const traffic = new Traffic(3, { strategy: 'least-connections', seed: 1 })
  const c = traffic.fleet.get('c')
  traffic.run(10)
  traffic.set('hanging', 'c')
  const beganAtMs = traffic.clock.now()
  while (c.circuit.state === 'closed' && traffic.clock.now() - beganAtMs < 2000) traffic.run(0.05)
  t.equal(c.circuit.trip?.cause, 'stalled')
  t.ok(traffic.clock.now() - beganAtMs < 600, `${traffic.clock.now() - beganAtMs} ms`)
  traffic.set('well', 'c')
  const mendedAtMs = traffic.clock.now()
  while (c.circuit.state !== 'closed' && traffic.clock.now() - mendedAtMs < 2000) traffic.run(0.05)
  t.ok(traffic.clock.now() - mendedAtMs <= 200, `${traffic.clock.now() - mendedAtMs} ms`)
  t.end()
})

await t.test('checks that see a shared fault bring panic: everybody is used, and it ends with the fault', t => {
  const traffic = new Traffic(4, { strategy: 'least-connections', seed: 1, checksSeeFailing: true })
  const { pool, log } = traffic.fleet
  traffic.run(10)
  traffic.set('failing', 'a', 'b', 'c', 'd')
  traffic.run(10)
  t.ok(pool.isPanicking)
  t.equal(pool.availableCount, 4)
  traffic.set('well', 'a', 'b', 'c', 'd')
  t.equal(traffic.run(1).failed, 0, 'the first requests after it are served, before any check has passed')
  traffic.run(10)
  t.notOk(pool.isPanicking)
  t.same(
    log.filter(line => line === 'panic' || line === 'calm'),
    ['panic', 'calm'],
  )
  const { shares, sent } = traffic.run(10)
  for (const id of ['a', 'b', 'c', 'd']) t.ok(Math.abs((shares.get(id) ?? 0) / sent - 0.25) < 0.03, id)
  t.end()
})
