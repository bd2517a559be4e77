// Random fleets under random faults for a long time, simulated: what ejection, panic, probes and slow start promise, whatever happens.
//
// * Never more out than allowed, and never the last one, at the moment of an ejection.
// * Somebody is asked whenever somebody accepts connections.
// * At most one request at a time is a probe of an endpoint.
// * While one is well and seen to be, few requests fail.
// * When all faults have ended everybody returns, traffic is as fair as before, and nothing that was taken is kept.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { SeededRandom } from '@plimsoll/testing'
import type { CircuitCause } from '../../src/upstream/circuit-breaker.ts'
import type { Endpoint } from '../../src/upstream/endpoint.ts'
import type { Mode } from '../upstream/simulated-server.ts'
import { Traffic, type TrafficOptions } from '../upstream/traffic.ts'
import { say, timeBox } from './time-box.ts'

const { random, runs } = timeBox(60)
const MODES: readonly Mode[] = ['dead', 'hanging', 'half', 'failing']
/** The longest ejection of these runs, and what checks and slow start take: by then everybody has to be back. */
const MAX_EJECTION_MS = 20_000
const RETURN_S = MAX_EJECTION_MS / 1000 + 15

const faults: string[] = []
let simulatedS = 0
let requests = 0
let ejections = 0
let worst = 0

const isOut = ({ administrative, circuit }: Endpoint): boolean =>
  administrative === 'ready' && circuit.state !== 'closed'

function simulate(seed: number, random: SeededRandom): void {
  const count = random.integer(1, 8)
  const maxEjectedRatio = random.pick([0.2, 0.5, 1])
  const options: TrafficOptions = {
    seed,
    // Not peak-ewma: its own memory of failures outlasts them, which is its package's to bound.
    strategy: random.pick([
      'round-robin',
      'weighted-round-robin',
      'least-connections',
      'power-of-two-choices',
      'random',
    ]),
    requestsPerSecond: random.pick([20, 100, 300]) * count,
    answerMs: random.pick([1, 5, 30]),
    checksSeeFailing: random.next() < 0.5,
    outliers: { maxEjectedRatio, checksAsk: random.next() < 0.5 },
    slowStart: { durationMs: random.pick([0, 5000, 10_000]), fromRatio: 0.1 },
    panicBelowRatio: random.pick([0.3, 0.5]),
    endpoint: {
      maxRequests: Infinity,
      circuit: {
        consecutiveFailures: random.pick([0, 5]),
        minSuccessRatio: 0.5,
        minRequests: 20,
        windowMs: random.pick([1000, 10_000]),
        baseMs: random.pick([500, 2000, 10_000]),
        maxMs: MAX_EJECTION_MS,
      },
    },
    onEjected: (endpoint: Endpoint, { cause }: { cause: CircuitCause }) => {
      ejections++
      if (cause === 'probe') return
      const { endpoints } = traffic.fleet.pool
      const out = endpoints.filter(isOut).length
      if (out > Math.max(1, Math.floor(count * maxEjectedRatio))) fault(`${out} of ${count} are out`)
      if (!endpoints.some(other => other !== endpoint && other.mayTakeRequests)) fault('the last one was ejected')
    },
  }
  const fault = (what: string): void => void faults.push(`seed ${seed}, ${JSON.stringify(options)}: ${what}`)
  const traffic = new Traffic(count, options)
  const { pool } = traffic.fleet
  const ids = pool.endpoints.map(({ id }) => id)
  const run = (seconds: number) => {
    const tally = traffic.run(seconds)
    simulatedS += seconds
    requests += tally.sent
    const accepting = pool.endpoints.some(
      ({ health, acceptsConnections }) => health !== 'starting' && acceptsConnections,
    )
    if (accepting && pool.candidates.length === 0) fault('nobody is asked, though somebody accepts connections')
    return tally
  }
  run(5)
  // One alone breaks at first, and the others are well: what fails is what can't be repeated, a third of a third, until it's out. By the
  // ratio over 10 s alone that takes 5 of these 20 s.
  if (count >= 3) {
    const mode = random.pick(['dead', 'hanging', 'failing'] as const)
    traffic.set(mode, random.pick(ids))
    const { failed, sent } = run(20)
    const share = failed / sent
    worst = Math.max(worst, share)
    if (share > 0.04) fault(`${(share * 100).toFixed(1)} % failed while one of ${count} was ${mode}`)
  }
  for (let i = random.integer(1, 30); i > 0; i--) {
    const mode = random.pick<Mode>([...MODES, 'well', 'well', 'well'])
    traffic.set(mode, ...random.shuffle(ids).slice(0, random.integer(1, random.next() < 0.1 ? count : 2)))
    run(random.pick([0.1, 1, 3, 10]))
  }
  traffic.set('well', ...ids)
  run(RETURN_S)
  const { sent, failed, shares } = run(20)
  if (failed > 0) fault(`${failed} of ${sent} failed after all faults had ended`)
  for (const endpoint of pool.endpoints) {
    if (!endpoint.mayTakeRequests) fault(`${endpoint.id} is still out: ${endpoint.unavailableReason}`)
    const fair = sent / count
    const has = shares.get(endpoint.id) ?? 0
    // Six standard deviations of a random choice, and a tenth for those that choose by load.
    if (Math.abs(has - fair) > 6 * Math.sqrt(fair) + fair / 10) fault(`${endpoint.id} has ${has} of ${sent} requests`)
  }
  if (pool.isPanicking) fault('panic has not ended')
  if (traffic.mostProbes > 1) fault(`an endpoint had ${traffic.mostProbes} probes at a time`)
  traffic.quiet(6)
  const kept = pool.endpoints.filter(one => one.activeRequests !== 0 || one.waitingRequests !== 0).map(({ id }) => id)
  if (kept.length > 0) fault(`counters of ${kept.join(', ')} are not back at 0`)
  if (traffic.underWay !== 0) fault(`${traffic.underWay} requests have not ended`)
}

let fleets = 0
while (runs() && faults.length < 5) {
  simulate(random.integer(0, 2 ** 31), random)
  fleets++
  await nextTurn()
}
say(`${fleets} fleets, ${(simulatedS / 3600).toFixed(1)} h simulated, ${requests} requests, ${ejections} ejections`)
say(`most failed while one of several was broken: ${(worst * 100).toFixed(2)} %`)
for (const fault of faults) say(`FAULT ${fault}`)
process.exitCode = faults.length === 0 ? 0 : 1
