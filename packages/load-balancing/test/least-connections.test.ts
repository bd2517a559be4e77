import fc from 'fast-check'
import t from 'tap'
import { SeededRandom } from '@plimsoll/testing'
import { createPicker, createSnapshot, type Picker } from '../src/index.ts'
import { countPicks, equalFleet, fleet, pickIds, Server } from './fleet.ts'

const leastConnections = (scanLimit = 16): Picker<Server> =>
  createPicker('least-connections', { random: new SeededRandom(1), clock: { now: () => 0 } }, { scanLimit })

/** Requests per weight as a whole number: 6 is a multiple of every weight up to 3. */
const load = ({ activeRequests, weight }: Server): number => (activeRequests * 6) / weight

/** All fleets of so many servers: weight 1-3, requests 0-3, limit one of those given. */
function* allFleets(count: number, limits: readonly number[]): Generator<Server[]> {
  const kinds = 12 * limits.length
  for (let state = 0; state < kinds ** count; state++) {
    yield Array.from({ length: count }, (_, i) => {
      const kind = Math.floor(state / kinds ** i) % kinds
      const maxRequests = limits[Math.floor(kind / 12)] as number
      return new Server(String(i), { weight: 1 + (kind % 3), activeRequests: Math.floor(kind / 3) % 4, maxRequests })
    })
  }
}

await t.test(
  'in all fleets of up to 4, weights to 3 and requests to 3, the pick is among the least loaded',
  async t => {
    const wrong: Server[][] = []
    let fleets = 0
    const cases = [1, 2, 3].map(count => allFleets(count, [Infinity, 3])).concat(allFleets(4, [Infinity]))
    for (const servers of cases.flatMap(all => [...all])) {
      const picked = leastConnections().pick(createSnapshot(servers), [])
      const free = servers.filter(server => server.activeRequests < server.maxRequests)
      const least = Math.min(...free.map(load))
      if (picked === null ? free.length > 0 : !free.includes(picked) || load(picked) !== least) wrong.push(servers)
      fleets++
    }
    t.same(wrong, [])
    t.equal(fleets, 24 + 24 ** 2 + 24 ** 3 + 12 ** 4)
  },
)

await t.test('a whole walk visits everybody once, the least loaded first', async () => {
  const server = fc.record({ weight: fc.integer({ min: 1, max: 3 }), activeRequests: fc.integer({ min: 0, max: 3 }) })
  fc.assert(
    fc.property(fc.array(server, { maxLength: 8 }), numbers => {
      const servers = numbers.map((given, i) => new Server(String(i), given))
      const picker = leastConnections()
      const snapshot = createSnapshot(servers)
      const tried: Server[] = []
      for (let picked = picker.pick(snapshot, tried); picked; picked = picker.pick(snapshot, tried)) tried.push(picked)
      const loads = tried.map(load)
      return tried.length === servers.length && loads.every((one, i) => i === 0 || loads[i - 1]! <= one)
    }),
    { numRuns: 200 },
  )
})

await t.test('an idle fleet is used by weight, not from the front of the list', async t => {
  t.equal(pickIds(leastConnections(), createSnapshot(fleet(5, 1, 1)), 14).join(''), 'aabacaaaabacaa')
})

await t.test('an idle candidate goes before a busy one, however heavy that is', async t => {
  const servers = fleet(100, 1)
  const [a, b] = servers as [Server, Server]
  a.activeRequests = 1
  t.equal(leastConnections().pick(createSnapshot(servers), []), b)
})

await t.test('under load, requests in flight follow the weights', async t => {
  const servers = fleet(6, 3, 2, 1)
  const snapshot = createSnapshot(servers)
  const picker = leastConnections()
  for (let i = 0; i < 120; i++) picker.pick(snapshot, [])!.activeRequests++
  t.same(
    servers.map(server => server.activeRequests),
    [60, 30, 20, 10],
  )
})

await t.test('a new weight counts for the very next pick', async t => {
  const servers = fleet(1, 1)
  const [a, b] = servers as [Server, Server]
  const snapshot = createSnapshot(servers)
  const picker = leastConnections()
  a.activeRequests = 2
  b.activeRequests = 1
  t.equal(picker.pick(snapshot, []), b)
  a.weight = 3
  t.equal(picker.pick(snapshot, []), a)
})

await t.test(
  'above the scan limit two are compared: the busiest gets nothing, but not always the least busy is found',
  async t => {
    const servers = equalFleet(17)
    for (const server of servers) server.activeRequests = 1
    const [a, b] = servers as [Server, Server]
    a.activeRequests = 0
    b.activeRequests = 2
    const counts = countPicks(leastConnections(), createSnapshot(servers), 1000)
    t.equal(counts.get(b), 0)
    t.ok(counts.get(a)! < 300)
    t.equal(countPicks(leastConnections(17), createSnapshot(servers), 100).get(a), 100, 'a higher limit scans')
  },
)
