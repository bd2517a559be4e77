import fc from 'fast-check'
import t from 'tap'
import { StallDetector } from '../../src/health/stall-detector.ts'
import type { Endpoint } from '../../src/upstream/endpoint.ts'
import { endpointAt } from './endpoint-at.ts'

const PERIOD_MS = 50
const OPTIONS = { minSilenceMs: 250, factor: 10 }

/** A detector that has looked at `nowMs - PERIOD_MS`, so that a look at `nowMs` is in time. */
function detectorAt(nowMs: number, options = OPTIONS) {
  const ejected: [Endpoint, number][] = []
  const detector = new StallDetector(options, (endpoint, silentMs) => ejected.push([endpoint, silentMs]))
  detector.look([], nowMs - PERIOD_MS, PERIOD_MS)
  return { ejected, detector, look: (one: Endpoint) => detector.look([one], nowMs, PERIOD_MS) }
}

/** An endpoint that has answered so many within `ms`, and to which requests were sent `waitedMs` before `nowMs`. */
function waitingAt(nowMs: number, waitedMs: readonly number[], { answers = 100, ms = 5 } = {}): Endpoint {
  const endpoint = endpointAt('http://127.0.0.1:3000')
  for (let i = 0; i < answers; i++) endpoint.firstByte.record(ms, 0)
  for (const waited of waitedMs.toSorted((a, b) => b - a)) endpoint.beginWaiting(nowMs - waited)
  return endpoint
}

await t.test('it is stalled exactly when two have waited for long enough by its own measure', t => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 5 }),
      fc.integer({ min: 0, max: 60 }),
      fc.double({ min: 0.1, max: 300, noNaN: true }),
      fc.integer({ min: 1, max: 1000 }),
      fc.double({ min: 1, max: 50, noNaN: true }),
      (waits, answers, ms, minSilenceMs, factor) => {
        const nowMs = 100_000
        const { ejected, look } = detectorAt(nowMs, { minSilenceMs, factor })
        const endpoint = waitingAt(nowMs, waits, { answers, ms })
        look(endpoint)
        const secondMs = waits.toSorted((a, b) => b - a)[1]
        const p99Ms = endpoint.firstByte.p99Ms(nowMs)
        const expected = answers >= 20 && secondMs !== undefined && secondMs >= Math.max(minSilenceMs, factor * p99Ms)
        return ejected.length === (expected ? 1 : 0) && (!expected || ejected[0]?.[1] === secondMs)
      },
    ),
    { numRuns: 1000 },
  )
  t.pass('for 1000 random endpoints')
  t.end()
})

await t.test('one that waits alone, however long, is no stall, nor is it with one that has just come', t => {
  const nowMs = 100_000
  const { ejected, look } = detectorAt(nowMs)
  look(waitingAt(nowMs, [90_000]))
  look(waitingAt(nowMs, [90_000, 1]))
  t.equal(ejected.length, 0)
  look(waitingAt(nowMs, [90_000, 250]))
  t.equal(ejected.length, 1)
  t.end()
})

await t.test('a word from it begins the silence anew', t => {
  const nowMs = 100_000
  const { ejected, look } = detectorAt(nowMs)
  const endpoint = waitingAt(nowMs, [4000, 3000, 2000])
  endpoint.silentSinceMs = nowMs - 249
  endpoint.endWaiting()
  look(endpoint)
  t.equal(ejected.length, 0)
  endpoint.silentSinceMs = nowMs - 250
  look(endpoint)
  t.same(ejected[0], [endpoint, 250])
  t.end()
})

await t.test('of one that has hardly answered nobody knows what is slow for it', t => {
  const nowMs = 100_000
  const { ejected, look } = detectorAt(nowMs)
  look(waitingAt(nowMs, [60_000, 60_000, 60_000], { answers: 19 }))
  t.equal(ejected.length, 0)
  look(waitingAt(nowMs, [60_000, 60_000, 60_000], { answers: 20 }))
  t.equal(ejected.length, 1)
  t.end()
})

await t.test('one that is out already, or on trial, is left alone', t => {
  const nowMs = 100_000
  const { ejected, look } = detectorAt(nowMs)
  const endpoint = waitingAt(nowMs, [9000, 9000])
  endpoint.circuit.open({ cause: 'failures', reason: 'a test says so' }, nowMs)
  look(endpoint)
  endpoint.circuit.halfOpen(nowMs)
  look(endpoint)
  t.equal(ejected.length, 0)
  t.end()
})

await t.test('after a pause of this process itself a round is left out, and the next one counts', t => {
  const { ejected, detector } = detectorAt(10_000)
  const endpoint = waitingAt(10_000, [100, 100])
  detector.look([endpoint], 10_000, PERIOD_MS)
  detector.look([endpoint], 10_151, PERIOD_MS)
  t.equal(ejected.length, 0, 'late by more than three periods')
  detector.look([endpoint], 10_151 + 150, PERIOD_MS)
  t.equal(ejected.length, 1, 'late, but not by more')
  t.end()
})

await t.test('switched off it finds nothing, switched on it goes on', t => {
  const nowMs = 100_000
  const { ejected, detector, look } = detectorAt(nowMs, { minSilenceMs: 0, factor: 10 })
  const endpoint = waitingAt(nowMs, [9000, 9000])
  look(endpoint)
  t.equal(ejected.length, 0)
  detector.configure(OPTIONS)
  detector.look([endpoint], nowMs + PERIOD_MS, PERIOD_MS)
  t.equal(ejected.length, 1)
  t.end()
})
