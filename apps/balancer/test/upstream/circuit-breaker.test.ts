import fc from 'fast-check'
import t from 'tap'
import { CircuitBreaker, type CircuitOptions } from '../../src/upstream/circuit-breaker.ts'
import { CircuitModel } from './circuit-model.ts'

const OPTIONS: CircuitOptions = {
  consecutiveFailures: 2,
  minSuccessRatio: 0,
  minRequests: 1,
  windowMs: 1000,
  baseMs: 1000,
  maxMs: 2500,
}
const BY_RATIO: CircuitOptions = { ...OPTIONS, consecutiveFailures: 0, minSuccessRatio: 0.6, minRequests: 3 }
const STEP_MS = 500
const TRIP = { cause: 'stalled', reason: 'a test says so' } as const

/**
 * s, f: a request went well, or failed, and the circuit opens when it says so; t: half a second passes, and what's due is half-open;
 * e: evidence that it's back; p, n: a request asks to be the probe, and can, or can't, be repeated; c, x, v: the probe went well, failed,
 * or gave no answer.
 */
const EVENTS = ['s', 'f', 't', 'e', 'p', 'n', 'c', 'x', 'v'] as const
type Event = (typeof EVENTS)[number]

/** Runs the events on both; gives what differs, or null. An event that nobody could bring about is left out. */
function difference(options: CircuitOptions, events: readonly Event[]): string | null {
  const circuit = new CircuitBreaker(options)
  const model = new CircuitModel(options)
  let nowMs = 0
  for (const event of events) {
    if (event === 's' || event === 'f') {
      const expected = model.shouldOpen(event === 's', nowMs)
      const trip = circuit.record(event === 's', nowMs)
      if ((trip !== null) !== expected) return `${event}: says ${trip?.reason ?? 'nothing'}`
      if (trip !== null) {
        circuit.open(trip, nowMs)
        model.open(nowMs)
      }
    } else if (event === 't') {
      nowMs += STEP_MS
      if (circuit.isDue(nowMs) !== (model.state === 'open' && nowMs >= model.untilMs)) return 't: due at another time'
      if (!circuit.isDue(nowMs)) continue
      circuit.halfOpen(nowMs)
      model.halfOpen(nowMs)
    } else if (event === 'e') {
      circuit.halfOpen(nowMs)
      model.halfOpen(nowMs)
    } else if (event === 'p' || event === 'n') {
      const expected = model.mayProbe(event === 'p', nowMs)
      if (circuit.tryProbe(event === 'p', nowMs) !== expected) return `${event}: ${expected ? 'not given' : 'given'}`
      if (expected) model.probes++
    } else if (model.probes > 0) {
      if (event === 'c') {
        circuit.close(nowMs)
        model.close(nowMs)
      } else if (event === 'x') {
        circuit.probeFailed('a test says so', nowMs)
        model.open(nowMs)
      } else {
        circuit.probeGaveNoAnswer()
        model.probes = 0
      }
    }
    if (circuit.state !== model.state) return `${event}: ${circuit.state}, not ${model.state}`
    if ((circuit.trip === null) !== (model.state === 'closed')) return `${event}: the reason and the state differ`
    if (circuit.opensTotal !== model.opens) return `${event}: counts ${circuit.opensTotal} openings`
    const left = model.state === 'open' ? Math.max(0, model.untilMs - nowMs) : 0
    if (circuit.openForMs(nowMs) !== left) return `${event}: open for ${circuit.openForMs(nowMs)}, not ${left}`
  }
  return null
}

function* sequences(length: number, before: readonly Event[]): Generator<readonly Event[]> {
  if (length === 0) yield before
  else for (const event of EVENTS) yield* sequences(length - 1, [...before, event])
}

await t.test('every sequence of five events from every kind of state is as looking back says', t => {
  // Closed, open once, probing, open twice, thrice (capped), closed again with a row, half-open for long enough for any request.
  const beginnings = ['', 'ff', 'ffep', 'ffepx', 'ffepxepx', 'ffepxepc', 'ffett']
  const wrong: string[] = []
  let compared = 0
  for (const beginning of beginnings) {
    for (const events of sequences(5, Array.from(beginning) as Event[])) {
      const found = difference(OPTIONS, events)
      if (found !== null) wrong.push(`${events.join('')}: ${found}`)
      compared++
    }
  }
  t.same(wrong.slice(0, 5), [])
  t.equal(compared, beginnings.length * EVENTS.length ** 5)
  t.end()
})

await t.test('long random sequences, by failures in a row and by the ratio, are as looking back says', t => {
  const events = fc.array(fc.constantFrom(...EVENTS, 's', 'f', 't'), { minLength: 20, maxLength: 300, size: 'max' })
  for (const options of [OPTIONS, BY_RATIO, { ...BY_RATIO, consecutiveFailures: 3, minSuccessRatio: 0.34 }])
    fc.assert(
      fc.property(events, list => difference(options, list) === null),
      { numRuns: 300 },
    )
  t.pass('for 900 random sequences')
  t.end()
})

await t.test(
  'the n-th opening in a row lasts n times as long, up to the cap, and quiet takes one off per base time',
  t => {
    const circuit = new CircuitBreaker({ ...OPTIONS, maxMs: 3000 })
    let nowMs = 0
    const lasted: number[] = []
    const openAndReturn = () => {
      circuit.open(TRIP, nowMs)
      lasted.push(circuit.openForMs(nowMs))
      nowMs += circuit.openForMs(nowMs)
      circuit.halfOpen(nowMs)
      circuit.tryProbe(true, nowMs)
      circuit.close(nowMs)
    }
    for (let i = 0; i < 5; i++) openAndReturn()
    t.same(lasted, [1000, 2000, 3000, 3000, 3000])
    nowMs += 3999
    openAndReturn()
    t.equal(circuit.opensInRow, 3, 'five, less three whole base times, and one')
    nowMs += 1_000_000
    openAndReturn()
    t.equal(lasted.at(-1), 1000)
    t.end()
  },
)

await t.test('outcomes from before it opened, and beside the probe, say nothing', t => {
  const circuit = new CircuitBreaker(OPTIONS)
  circuit.open(TRIP, 0)
  for (let i = 0; i < 10; i++) t.equal(circuit.record(i % 2 === 0, 10), null)
  t.same([circuit.state, circuit.openForMs(10)], ['open', 990])
  circuit.halfOpen(20)
  circuit.tryProbe(true, 20)
  for (let i = 0; i < 10; i++) t.equal(circuit.record(false, 30), null)
  t.equal(circuit.state, 'half-open')
  circuit.close(40)
  t.equal(circuit.record(false, 50), null, 'the failures before don’t count with this one')
  t.equal(circuit.record(false, 60)?.cause, 'failures')
  t.end()
})

await t.test('what can’t be repeated is the probe only after a second without anything that can', t => {
  const circuit = new CircuitBreaker(OPTIONS)
  circuit.open(TRIP, 0)
  circuit.halfOpen(5000)
  t.equal(circuit.tryProbe(false, 5000), false)
  t.equal(circuit.tryProbe(false, 5999), false)
  t.equal(circuit.tryProbe(false, 6000), true)
  t.equal(circuit.tryProbe(true, 7000), false, 'there is one')
  circuit.probeGaveNoAnswer()
  t.equal(circuit.tryProbe(true, 7000), true)
  t.end()
})

await t.test('the cause is the connection only when no request of the row was sent', t => {
  for (const [row, cause] of [
    ['ccc', 'connect'],
    ['cfc', 'failures'],
    ['fcc', 'failures'],
    ['fsccc', 'connect'],
    ['csfff', 'failures'],
  ] as const) {
    const circuit = new CircuitBreaker({ ...OPTIONS, consecutiveFailures: 3 })
    const trips = Array.from(row, what => circuit.record(what === 's', 0, what !== 'c'))
    t.equal(trips.at(-1)?.cause, cause, row)
    t.same(
      trips.slice(0, -1),
      Array.from({ length: row.length - 1 }, () => null),
    )
  }
  t.end()
})

await t.test('other numbers hold from the next outcome on, and the state stays', t => {
  const circuit = new CircuitBreaker(OPTIONS)
  circuit.record(false, 0)
  circuit.configure({ ...OPTIONS, consecutiveFailures: 3 })
  t.equal(circuit.record(false, 1), null)
  t.equal(circuit.record(false, 2)?.reason, '3 requests failed in a row')
  circuit.open(TRIP, 3)
  circuit.configure({ ...OPTIONS, baseMs: 10, windowMs: 200 })
  t.equal(circuit.openForMs(3), 1000, 'what has begun lasts as long as was said')
  circuit.close(1003)
  circuit.configure({ ...OPTIONS, consecutiveFailures: 0, minSuccessRatio: 0.5, minRequests: 4 })
  for (const ok of [true, false, false]) t.equal(circuit.record(ok, 1003), null)
  t.equal(circuit.record(false, 1003)?.reason, '3 of 4 requests failed within 1 s')
  t.end()
})
