import { STRATEGIES, type Strategy } from '@plimsoll/load-balancing'
import t from 'tap'
import type { Endpoint } from '../../src/upstream/endpoint.ts'
import { CIRCUIT, describe, Fleet } from './fleet.ts'

/** round-robin has no weights, least-loaded makes its own from reports and has the configured ones as well. */
const WEIGHTED: readonly Strategy[] = STRATEGIES.map(({ name }) => name).filter(name => name !== 'round-robin')

/** How often each was among the next picks of requests that all stay under way for as long as the count lasts. */
function share({ pool }: Fleet, picks: number, endpoint: Endpoint): number {
  const taken: Endpoint[] = []
  for (let i = 0; i < picks; i++) {
    const picked = pool.pick([], true, i)
    if (picked === null) break
    picked.activeRequests++
    taken.push(picked)
  }
  for (const one of taken) one.activeRequests--
  return taken.filter(one => one === endpoint).length / taken.length
}

await t.test('an endpoint takes nothing until a check has passed, and says why', t => {
  const fleet = new Fleet()
  fleet.pool.replace([describe('a'), describe('b')])
  t.equal(fleet.pool.pick([], true), null)
  t.match(fleet.get('a').unavailableReason, /^starting: /)
  fleet.pool.setHealth(fleet.get('b'), 'up', 'a test says so')
  t.same(fleet.pickIds(3), ['b', 'b', 'b'])
  t.equal(fleet.get('b').unavailableReason, null)
  t.end()
})

await t.test('endpoints take turns, and a retry never gets one that was tried', t => {
  const fleet = Fleet.up(3)
  t.same(fleet.pickIds(6), ['a', 'b', 'c', 'a', 'b', 'c'])
  const tried: Endpoint[] = []
  for (let i = 0; i < 3; i++) {
    t.ok(fleet.pool.hasOther(tried))
    tried.push(fleet.pool.pick(tried, true) as Endpoint)
  }
  t.same(new Set(tried.map(({ id }) => id)), new Set(['a', 'b', 'c']))
  t.notOk(fleet.pool.hasOther(tried))
  t.equal(fleet.pool.pick(tried, true), null)
  t.end()
})

await t.test('a known endpoint keeps its object, counters and health when the list is replaced', t => {
  const fleet = Fleet.up(2)
  const a = fleet.get('a')
  a.requestsTotal = 7
  fleet.pool.replace([describe('a', { weight: 5 }), describe('c')])
  t.equal(fleet.get('a'), a)
  t.same([a.requestsTotal, a.weight, a.health], [7, 5, 'up'])
  t.same(fleet.log, ['leave b', 'join c'])
  t.same(fleet.pickIds(2), ['a', 'a'], 'the new one waits for its check')
  t.end()
})

await t.test('the same id at another address is another endpoint, and starts down', t => {
  const fleet = Fleet.up(1)
  const before = fleet.get('a')
  fleet.pool.replace([describe('a', { url: 'unix:/run/other.sock' })])
  t.equal(fleet.pool.pick([], true), null)
  t.not(fleet.get('a'), before)
  t.same(fleet.log, ['leave a', 'join a'])
  t.end()
})

await t.test('a weight that an operator sets is in the very next pick, of every strategy that has weights', t => {
  t.equal(WEIGHTED.length, STRATEGIES.length - 1)
  for (const strategy of WEIGHTED) {
    const fleet = Fleet.up(2, { strategy })
    const b = fleet.get('b')
    share(fleet, 50, b)
    fleet.pool.operate(b, { weight: 9, state: null })
    const after = share(fleet, 500, b)
    // By weight nine tenths; where chance draws, within four standard deviations.
    t.ok(after > 0.84 && after < 0.96, `${strategy}: ${after} of the next picks`)
    fleet.pool.operate(b, { weight: null, state: null })
    const back = share(fleet, 500, b)
    t.ok(back > 0.4 && back < 0.6, `${strategy}: ${back} without it`)
  }
  t.end()
})

await t.test('a drain is in the very next pick of every strategy, and told once, by whomever it was said', t => {
  for (const { name: strategy } of STRATEGIES) {
    const fleet = Fleet.up(2, { strategy })
    const a = fleet.get('a')
    share(fleet, 5, a)
    fleet.pool.operate(a, { weight: null, state: 'draining' })
    t.same(fleet.pickIds(4), ['b', 'b', 'b', 'b'], strategy)
    t.match(a.unavailableReason, /^draining/)
    fleet.pool.operate(a, { weight: 3, state: 'draining' })
    fleet.pool.replace([describe('a', { administrative: 'draining' }), describe('b')])
    fleet.pool.replace([describe('a', { administrative: 'draining' }), describe('b', { administrative: 'draining' })])
    t.same(fleet.log, ['drain a', 'drain b'], strategy)
    t.equal(fleet.pool.pick([], true), null)
    fleet.pool.operate(a, { weight: null, state: 'ready' })
    t.same(fleet.pickIds(2), ['a', 'a'], `${strategy}: the operator's word is the last`)
  }
  t.end()
})

await t.test('what an operator says outlasts discovery, and taking it back restores discovery’s word', t => {
  const fleet = Fleet.up(2)
  const a = fleet.get('a')
  fleet.pool.operate(a, { weight: 7, state: 'ready' })
  fleet.pool.replace([describe('a', { weight: 2, administrative: 'draining' }), describe('b')])
  t.same([a.weight, a.administrative], [7, 'ready'])
  t.ok(fleet.pickIds(2).includes('a'))
  t.same(fleet.log, [], 'nobody drains')
  fleet.pool.operate(a, { weight: null, state: null })
  t.same([a.weight, a.administrative], [2, 'draining'])
  t.same(fleet.log, ['drain a'])
  t.end()
})

await t.test('slow start is for those that come back or join later, not for the fleet of the start', t => {
  const fleet = Fleet.up(2)
  t.same([fleet.get('a').startRatio, fleet.get('b').startRatio], [1, 1])
  fleet.pool.replace([describe('a'), describe('b'), describe('c', { weight: 10 })])
  fleet.pool.setHealth(fleet.get('c'), 'up', 'its first pass')
  t.same([fleet.get('c').startRatio, fleet.get('c').weight], [0.1, 1])
  fleet.pool.setHealth(fleet.get('b'), 'down', 'a test says so')
  fleet.pool.setHealth(fleet.get('b'), 'up', 'a test says so')
  t.equal(fleet.get('b').startRatio, 0.1)
  const alone = Fleet.up(1)
  alone.pool.setHealth(alone.get('a'), 'down', 'a test says so')
  alone.pool.setHealth(alone.get('a'), 'up', 'a test says so')
  t.equal(alone.get('a').startRatio, 1, 'the only one gets all at once')
  const without = Fleet.up(2, { slowStart: { durationMs: 0, fromRatio: 0.1 } })
  without.pool.setHealth(without.get('a'), 'down', 'a test says so')
  without.pool.setHealth(without.get('a'), 'up', 'a test says so')
  t.equal(without.get('a').startRatio, 1)
  t.end()
})

await t.test('other settings hold for the very next pick: limits, strategy, load balancing off', t => {
  const fleet = Fleet.up(2)
  fleet.get('a').activeRequests = 4
  fleet.pool.configure(fleet.settings({ endpoint: { circuit: CIRCUIT, maxRequests: 4 } }))
  t.same(fleet.pickIds(3), ['b', 'b', 'b'], 'a is at its limit')
  fleet.pool.configure(fleet.settings({ strategy: 'least-connections' }))
  fleet.get('b').activeRequests = 9
  t.same(fleet.pickIds(2), ['a', 'a'])
  fleet.pool.configure(fleet.settings({ loadBalancing: false }))
  t.same(fleet.pickIds(3), ['a', 'a', 'a'])
  fleet.pool.configure(fleet.settings())
  t.same(new Set(fleet.pickIds(2)), new Set(['a', 'b']))
  t.end()
})

await t.test('without load balancing the first ready endpoint gets everything, whatever is seen of it', t => {
  const fleet = new Fleet({ loadBalancing: false, outliers: { maxEjectedRatio: 0 } })
  fleet.pool.replace([describe('a'), describe('b')])
  t.same(fleet.pickIds(2), ['a', 'a'], 'before any check')
  fleet.pool.setHealth(fleet.get('a'), 'down', 'a test says so')
  for (let i = 0; i < 100; i++)
    t.equal(
      fleet.serve(() => true),
      'a',
    )
  t.equal(fleet.pool.pick([fleet.get('a')], true), null, 'nothing is sent elsewhere')
  fleet.pool.operate(fleet.get('a'), { weight: null, state: 'draining' })
  t.same(fleet.pickIds(1), ['b'])
  t.end()
})

await t.test('in panic all that accept connections are used, starting ones not, and it ends', t => {
  const fleet = Fleet.up(4)
  const down = (...ids: string[]) => ids.forEach(id => fleet.pool.setHealth(fleet.get(id), 'down', 'a test says so'))
  down('a', 'b')
  t.same([fleet.pool.isPanicking, fleet.pool.availableCount], [false, 2], 'half is enough')
  fleet.get('c').acceptsConnections = false
  down('c')
  t.ok(fleet.pool.isPanicking)
  t.same(new Set(fleet.pickIds(6)), new Set(['a', 'b', 'd']))
  t.equal(fleet.pool.lastKind, 'panic')
  fleet.pool.replace(['a', 'b', 'c', 'd', 'e'].map(id => describe(id)))
  t.same(new Set(fleet.pickIds(6)), new Set(['a', 'b', 'd']), 'e has not passed a check yet')
  // A check, or a request, finds that one accepts connections again, or doesn't any more. Its health stays what it was.
  fleet.get('c').acceptsConnections = true
  fleet.get('a').acceptsConnections = false
  down('a', 'c')
  t.same(new Set(fleet.pickIds(6)), new Set(['b', 'c', 'd']))
  fleet.pool.setHealth(fleet.get('a'), 'up', 'a test says so')
  t.same([fleet.pool.isPanicking, new Set(fleet.pickIds(30))], [false, new Set(['a', 'd'])])
  t.same(
    fleet.log.filter(line => line === 'panic' || line === 'calm'),
    ['panic', 'calm'],
  )
  t.end()
})

await t.test('the probe goes before everything else, once, and never above the endpoint’s limit', t => {
  const fleet = Fleet.up(3, { endpoint: { circuit: CIRCUIT, maxRequests: 2 } })
  const c = fleet.get('c')
  fleet.outliers.eject(c, { cause: 'stalled', reason: 'a test says so' })
  t.notOk(fleet.pickIds(4).includes('c'))
  c.activeRequests = 2
  fleet.outliers.onHeard(c)
  t.notOk(fleet.pickIds(4).includes('c'), 'it still has as many as it may')
  c.activeRequests = 1
  t.not(fleet.pool.pick([c], true), c, 'a request that has tried it is no probe')
  t.ok(fleet.pool.takes(c))
  t.equal(fleet.pool.pick([], true), c)
  t.equal(fleet.pool.lastKind, 'probe')
  t.notOk(fleet.pickIds(6).includes('c'))
  t.equal(fleet.pool.lastKind, 'picked')
  t.end()
})
