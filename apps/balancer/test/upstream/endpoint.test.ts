import fc from 'fast-check'
import t from 'tap'
import { SlowStart } from '../../src/health/slow-start.ts'
import { Endpoint, type AdministrativeState, type EndpointHealth } from '../../src/upstream/endpoint.ts'
import { CIRCUIT, describe } from './fleet.ts'

const HEALTHS: readonly EndpointHealth[] = ['starting', 'up', 'down']
const SAID: readonly (AdministrativeState | null)[] = ['ready', 'draining', null]

function make(administrative: AdministrativeState = 'ready', maxRequests = Infinity): Endpoint {
  return new Endpoint(describe('a', { administrative, weight: 4 }), { circuit: CIRCUIT, maxRequests }, true)
}

await t.test('in every state, requests are taken exactly when there is no reason against it', t => {
  let states = 0
  let taking = 0
  for (const discovered of ['ready', 'draining'] as const)
    for (const state of SAID)
      for (const health of HEALTHS)
        for (const circuit of ['closed', 'open', 'half-open'] as const) {
          const endpoint = make(discovered)
          endpoint.operate({ weight: null, state })
          endpoint.setHealth(health, 'a test says so')
          if (circuit !== 'closed') endpoint.circuit.open({ cause: 'failures', reason: 'it failed' }, 0)
          if (circuit === 'half-open') endpoint.circuit.halfOpen(0)
          const ready = (state ?? discovered) === 'ready'
          t.equal(endpoint.mayTakeRequests, ready && health === 'up' && circuit === 'closed')
          t.equal(endpoint.wantsProbe, ready && health === 'up' && circuit === 'half-open')
          t.equal(endpoint.unavailableReason === null, endpoint.mayTakeRequests, String(endpoint.unavailableReason))
          states++
          if (endpoint.mayTakeRequests) taking++
        }
  t.same([states, taking], [54, 3])
  t.end()
})

await t.test('the reason names whose word it is: the operator’s, the checks’, or the requests’', t => {
  const endpoint = make()
  t.equal(endpoint.unavailableReason, 'starting: waiting for the first check')
  endpoint.setHealth('up', '1 check passed')
  endpoint.circuit.open({ cause: 'failures', reason: '5 requests failed in a row' }, 0)
  t.equal(endpoint.unavailableReason, 'ejected: 5 requests failed in a row')
  endpoint.circuit.halfOpen(0)
  t.equal(endpoint.unavailableReason, 'on trial with one request, after: 5 requests failed in a row')
  endpoint.setHealth('down', '3 checks failed')
  t.equal(endpoint.unavailableReason, 'down: 3 checks failed')
  endpoint.operate({ weight: null, state: 'draining' })
  t.match(endpoint.unavailableReason, /^draining: /)
  t.end()
})

await t.test('slow start scales weight and limit, never to nothing, and 1 ends it', t => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      fc.integer({ min: 1, max: 1_000_000 }),
      fc.integer({ min: 1, max: 1000 }),
      (ratio, maxRequests, weight) => {
        const endpoint = make('ready', maxRequests)
        endpoint.operate({ weight, state: null })
        endpoint.slowStart = new SlowStart({ durationMs: 1000, fromRatio: 0.1 }, 0)
        endpoint.setStartRatio(ratio)
        const limit = endpoint.maxRequests
        const bounded = limit >= 1 && limit <= maxRequests && limit >= maxRequests * ratio && Number.isInteger(limit)
        const scaled = endpoint.weight > 0 && Math.abs(endpoint.weight - weight * ratio) < 1e-9
        endpoint.setStartRatio(1)
        return bounded && scaled && endpoint.slowStart === null && endpoint.maxRequests === maxRequests
      },
    ),
    { numRuns: 300 },
  )
  const unlimited = make()
  unlimited.setStartRatio(0.1)
  t.equal(unlimited.maxRequests, Infinity)
  t.end()
})

await t.test('silence counts from when two wait, or from the last word, whichever is later', t => {
  const endpoint = make()
  endpoint.beginWaiting(1000)
  endpoint.beginWaiting(9000)
  t.equal(endpoint.silentSinceMs, 9000, 'one slow request alone is no silence')
  endpoint.beginWaiting(9500)
  t.equal(endpoint.silentSinceMs, 9000)
  endpoint.silentSinceMs = 9600
  endpoint.endWaiting()
  endpoint.beginWaiting(9700)
  t.equal(endpoint.silentSinceMs, 9600)
  for (let i = 0; i < 3; i++) endpoint.endWaiting()
  t.equal(endpoint.waitingRequests, 0)
  t.end()
})
