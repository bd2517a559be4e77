import t from 'tap'
import { parseUpstreamAddress } from '../../src/upstream/address.ts'
import type { Endpoint, EndpointDescription } from '../../src/upstream/endpoint.ts'
import { UpstreamPool } from '../../src/upstream/upstream-pool.ts'

function describe(id: string, change: Partial<EndpointDescription> = {}): EndpointDescription {
  const url = change.url ?? `http://127.0.0.1:${3000 + id.charCodeAt(0)}`
  return { id, url, address: parseUpstreamAddress(url), weight: 1, administrative: 'ready', ...change }
}

function poolOf(...ids: string[]) {
  const joined: string[] = []
  const left: string[] = []
  const pool = new UpstreamPool(
    endpoint => joined.push(endpoint.id),
    endpoint => left.push(endpoint.id),
  )
  pool.replace(ids.map(id => describe(id)))
  const up = () => pool.endpoints.forEach(endpoint => pool.setHealth(endpoint, 'up', 'a test says so'))
  return { pool, joined, left, up }
}

await t.test('an endpoint takes nothing until a check has passed', async t => {
  const { pool, up } = poolOf('a')
  t.equal(pool.pick([]), null)
  t.match(pool.endpoints[0]?.unavailableReason, /^starting: /)
  up()
  t.equal(pool.pick([])?.id, 'a')
  t.equal(pool.endpoints[0]?.unavailableReason, null)
})

await t.test('endpoints take turns, and a retry never gets one that was tried', async t => {
  const { pool, up } = poolOf('a', 'b', 'c')
  up()
  const turns = Array.from({ length: 6 }, () => pool.pick([])?.id)
  t.same(turns, ['a', 'b', 'c', 'a', 'b', 'c'])
  const tried: Endpoint[] = []
  for (let i = 0; i < 3; i++) tried.push(pool.pick(tried) as Endpoint)
  t.same(new Set(tried.map(endpoint => endpoint.id)), new Set(['a', 'b', 'c']))
  t.equal(pool.pick(tried), null)
})

await t.test('one that is down or draining is passed over, with the reason', async t => {
  const { pool, up } = poolOf('a', 'b')
  up()
  const [a, b] = pool.endpoints
  pool.setHealth(a as Endpoint, 'down', '3 checks failed')
  t.same([pool.pick([])?.id, pool.pick([])?.id], ['b', 'b'])
  t.equal(a?.unavailableReason, 'down: 3 checks failed')
  pool.replace([describe('a'), describe('b', { administrative: 'draining' })])
  t.equal(pool.pick([]), null)
  t.match(b?.unavailableReason, /^draining/)
  t.equal(pool.availableCount, 0)
})

await t.test('a known endpoint keeps its object, counters and health when the list is replaced', async t => {
  const { pool, up, joined, left } = poolOf('a', 'b')
  up()
  const [a] = pool.endpoints
  if (a) a.requestsTotal = 7
  pool.replace([describe('a', { weight: 5 }), describe('c')])
  t.equal(pool.endpoints[0], a)
  t.equal(a?.requestsTotal, 7)
  t.equal(a?.weight, 5)
  t.equal(a?.health, 'up')
  t.same([joined, left], [['a', 'b', 'c'], ['b']])
})

await t.test('the same id at another address is another endpoint, and starts down', async t => {
  const { pool, up, joined, left } = poolOf('a')
  up()
  pool.replace([describe('a', { url: 'unix:/run/other.sock' })])
  t.equal(pool.pick([]), null)
  t.same([joined, left], [['a', 'a'], ['a']])
})
