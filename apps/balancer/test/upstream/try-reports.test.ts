import fc from 'fast-check'
import t from 'tap'
import { OutlierDetector } from '../../src/health/outlier-detector.ts'
import type { Endpoint } from '../../src/upstream/endpoint.ts'
import { isFailure, TryReports } from '../../src/upstream/try-reports.ts'
import { Attempt, CIRCUIT, Fleet, OUTLIERS } from './fleet.ts'

/** Hears every verdict, and does what a detector does. */
class ListeningDetector extends OutlierDetector {
  readonly verdicts: { endpoint: Endpoint; failure: string | null; ofProbe: boolean }[] = []

  override onProbe(endpoint: Endpoint, failure: string | null): void {
    this.verdicts.push({ endpoint, failure, ofProbe: true })
    super.onProbe(endpoint, failure)
  }

  override onOutcome(endpoint: Endpoint, failure: string | null, connected?: boolean): void {
    this.verdicts.push({ endpoint, failure, ofProbe: false })
    super.onOutcome(endpoint, failure, connected)
  }
}

function setUp(count: number) {
  const circuit = { ...CIRCUIT, consecutiveFailures: 1, baseMs: 1000, maxMs: 2000 }
  const fleet = Fleet.up(count, { endpoint: { circuit, maxRequests: Infinity } })
  const silent = { onEjected() {}, onSuppressed() {}, onReturned() {} }
  const detector = new ListeningDetector(fleet.pool, OUTLIERS, fleet.clock, silent)
  const reports = new TryReports(fleet.pool, detector, fleet.clock)
  const begin = (repeatable = true): Attempt | null => {
    const endpoint = fleet.pool.pick([], repeatable)
    if (endpoint === null) return null
    const attempt = new Attempt(endpoint)
    reports.picked(attempt, endpoint, fleet.pool.lastKind === 'probe')
    return attempt
  }
  return { fleet, detector, reports, begin }
}

const STATUSES = [200, 204, 301, 404, 429, 500, 501, 502, 503, 505] as const
const event = fc.record({
  what: fc.constantFrom('begin', 'begin', 'waits', 'heard', 'answered', 'whole', 'whole', 'failed', 'release', 'pass'),
  which: fc.nat({ max: 1000 }),
  status: fc.constantFrom(...STATUSES),
  repeatable: fc.boolean(),
})
/** From outside: an endpoint goes down or comes up, which begins and ends panic. */
const outside = fc.record({ what: fc.constantFrom('down', 'up'), which: fc.nat({ max: 3 }) })

await t.test('any order of events gives at most one verdict per try, one probe at a time, and everything back', t => {
  let probes = 0
  let panics = 0
  const steps = fc.array(fc.oneof({ weight: 9, arbitrary: event }, { weight: 1, arbitrary: outside }), {
    maxLength: 150,
    size: 'max',
  })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), steps, (count, steps) => {
      const { fleet, detector, reports, begin } = setUp(count)
      const { pool, clock } = fleet
      const under: Attempt[] = []
      const verdictOf = new Map<Attempt, string | null>()
      for (const step of steps) {
        if (step.what === 'down' || step.what === 'up') {
          const endpoint = pool.endpoints[step.which % count] as Endpoint
          pool.setHealth(endpoint, step.what, 'a test says so')
          continue
        }
        if (step.what === 'pass') {
          clock.advance(step.which)
          detector.tick()
          continue
        }
        if (step.what === 'begin') {
          const attempt = begin('repeatable' in step && step.repeatable)
          if (attempt) under.push(attempt)
        } else if (under.length > 0) {
          const attempt = under[step.which % under.length] as Attempt
          const { endpoint } = attempt
          const before = detector.verdicts.length
          if (step.what === 'waits') reports.waits(attempt)
          else if (step.what === 'heard') reports.heard(attempt, endpoint)
          else if (step.what === 'answered')
            reports.answered(attempt, endpoint, 'status' in step ? step.status : 200, 0)
          else if (step.what === 'whole') reports.whole(attempt, endpoint)
          else if (step.what === 'failed') reports.failed(attempt, endpoint, 'broke off')
          else {
            reports.release(attempt, endpoint)
            under.splice(under.indexOf(attempt), 1)
          }
          for (const { endpoint: judged, failure, ofProbe } of detector.verdicts.slice(before)) {
            if (judged !== endpoint || verdictOf.has(attempt) || ofProbe !== attempt.isProbe) return false
            if ((failure === null) !== (step.what === 'whole')) return false
            verdictOf.set(attempt, failure)
            if (ofProbe) probes++
          }
        }
        if (pool.isPanicking) panics++
        for (const endpoint of pool.endpoints) {
          const own = under.filter(attempt => attempt.endpoint === endpoint)
          if (endpoint.activeRequests !== own.length) return false
          if (endpoint.waitingRequests !== own.filter(({ isWaiting }) => isWaiting).length) return false
          if (own.filter(({ isProbe, awaitsVerdict }) => isProbe && awaitsVerdict).length > 1) return false
        }
      }
      for (const attempt of under) reports.release(attempt, attempt.endpoint)
      return pool.endpoints.every(({ activeRequests, waitingRequests, circuit }) => {
        const free = circuit.state !== 'half-open' || circuit.tryProbe(true, clock.now())
        return activeRequests === 0 && waitingRequests === 0 && free
      })
    }),
    { numRuns: 2000 },
  )
  t.ok(probes > 100, `${probes} verdicts of probes`)
  t.ok(panics > 100, `${panics} steps in panic`)
  t.end()
})

await t.test('a failing status is a verdict at once, a good one only when the answer is whole', t => {
  const { fleet, detector, reports, begin } = setUp(1)
  for (const status of STATUSES) {
    const attempt = begin() as Attempt
    reports.answered(attempt, attempt.endpoint, status, 0)
    t.equal(attempt.awaitsVerdict, !isFailure(status), String(status))
    reports.whole(attempt, attempt.endpoint)
    t.equal(detector.verdicts.at(-1)?.failure, isFailure(status) ? `status ${status}` : null)
    reports.release(attempt, attempt.endpoint)
  }
  t.equal(detector.verdicts.length, STATUSES.length)
  t.same(fleet.get('a').answersByClass, [0, 0, 2, 1, 2, 5])
  t.same(STATUSES.filter(isFailure), [500, 502, 503])
  t.equal(fleet.get('a').requestsTotal, STATUSES.length)
  t.end()
})

await t.test('an answer that breaks off after a good status is a failure', t => {
  const { fleet, detector, reports, begin } = setUp(1)
  const attempt = begin() as Attempt
  reports.answered(attempt, attempt.endpoint, 200, 0)
  reports.failed(attempt, attempt.endpoint, 'broke off')
  reports.whole(attempt, attempt.endpoint)
  t.same(
    detector.verdicts.map(({ failure }) => failure),
    ['broke off'],
  )
  t.equal(fleet.get('a').failuresTotal, 1)
  t.end()
})

await t.test('a probe whose client leaves gives its place back, and teaches nothing', t => {
  const { fleet, detector, reports, begin } = setUp(2)
  const b = fleet.get('b')
  detector.eject(b, { cause: 'stalled', reason: 'a test says so' })
  fleet.clock.advance(1000)
  detector.tick()
  for (let i = 0; i < 5; i++) {
    const attempt = begin() as Attempt
    t.equal(attempt.endpoint, b)
    t.ok(attempt.isProbe)
    t.not(begin()?.endpoint, b)
    reports.release(attempt, b)
  }
  t.equal(b.circuit.state, 'half-open')
  t.equal(detector.verdicts.length, 0)
  t.end()
})

await t.test('a word from a stalled one, an interim head too, asks for its probe', t => {
  const { fleet, detector, reports, begin } = setUp(2)
  const attempts = [begin(), begin(), begin(), begin()] as Attempt[]
  for (const attempt of attempts) reports.waits(attempt)
  const stalled = attempts.filter(({ endpoint }) => endpoint.id === 'b')
  const b = fleet.get('b')
  detector.eject(b, { cause: 'stalled', reason: 'a test says so' })
  t.equal(b.circuit.state, 'open')
  fleet.clock.advance(7)
  reports.heard(stalled[0] as Attempt, b)
  t.equal(b.circuit.state, 'half-open')
  t.same([b.silentSinceMs, b.waitingRequests], [7, 1])
  t.end()
})

await t.test('each try has a first byte of its own: one from the try before says nothing of the next endpoint', t => {
  const { reports, begin } = setUp(2)
  const attempt = begin() as Attempt
  attempt.firstByteAtMs = 5
  reports.release(attempt, attempt.endpoint)
  reports.picked(attempt, attempt.endpoint, false)
  t.equal(attempt.firstByteAtMs, 0)
  t.end()
})

await t.test(
  'a success in panic doesn’t overtake the probe under way, so that a late probe is never taken for a second one',
  t => {
    const { fleet, detector, reports, begin } = setUp(4)
    const [a, b, c] = ['a', 'b', 'c'].map(id => fleet.get(id)) as [Endpoint, Endpoint, Endpoint]
    detector.eject(a, { cause: 'stalled', reason: 'a test says so' })
    fleet.clock.advance(1000)
    detector.tick()
    const probe = begin() as Attempt
    t.equal(probe.endpoint, a)
    for (const one of [b, c]) fleet.pool.setHealth(one, 'down', 'a test says so')
    t.ok(fleet.pool.isPanicking)
    let beside = begin() as Attempt
    while (beside.endpoint !== a) beside = begin() as Attempt
    reports.whole(beside, a)
    t.equal(a.circuit.state, 'half-open', 'the probe has not ended')
    reports.failed(probe, a, 'no answer in time')
    t.equal(a.circuit.state, 'open')
    reports.release(probe, a)
    let later = begin() as Attempt
    while (later.endpoint !== a) later = begin() as Attempt
    reports.whole(later, a)
    t.equal(a.circuit.state, 'closed', 'without a probe under way it returns')
    t.end()
  },
)

await t.test('requests that could not be sent say that the connection is at fault', t => {
  for (const [sent, cause] of [
    [false, 'connect'],
    [true, 'failures'],
  ] as const) {
    const { fleet, reports, begin } = setUp(2)
    // The clock of an earlier try must not be taken for this one's.
    fleet.clock.advance(100)
    const attempt = begin() as Attempt
    if (sent) attempt.sentAtMs = fleet.clock.now()
    reports.failed(attempt, attempt.endpoint, 'refused')
    t.equal(attempt.endpoint.circuit.trip?.cause, cause)
  }
  t.end()
})
