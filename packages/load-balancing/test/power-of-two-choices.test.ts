import t from 'tap'
import { SeededRandom } from '@plimsoll/testing'
import { createPicker, createSnapshot, type Picker } from '../src/index.ts'
import { countPicks, equalFleet, fleet, type Server } from './fleet.ts'

const twoChoices = (seed = 1): Picker<Server> =>
  createPicker('power-of-two-choices', { random: new SeededRandom(seed), clock: { now: () => 0 } })

await t.test('the two are different: of two candidates the busier one is never picked', async t => {
  const servers = fleet(1, 1)
  const [, b] = servers as [Server, Server]
  b.activeRequests = 1
  t.equal(countPicks(twoChoices(), createSnapshot(servers), 1000).get(b), 0)
})

await t.test('the busiest of many is never picked while somebody else may be', async t => {
  const servers = equalFleet(30)
  const [a] = servers as [Server]
  a.activeRequests = 1
  const counts = countPicks(twoChoices(), createSnapshot(servers), 5000)
  t.equal(counts.get(a), 0)
  t.ok([...counts.values()].filter(count => count > 100).length === 29)
})

await t.test('requests in flight are weighed: two of weight 3 are fewer than one of weight 1', async t => {
  const servers = fleet(3, 1)
  const [a, b] = servers as [Server, Server]
  a.activeRequests = 2
  b.activeRequests = 1
  t.equal(countPicks(twoChoices(), createSnapshot(servers), 100).get(a), 100)
  a.activeRequests = 4
  t.equal(countPicks(twoChoices(), createSnapshot(servers), 100).get(b), 100)
})

await t.test('at low load, where all are ties, everybody gets its share, more evenly than chance', async t => {
  const weights = Array.from({ length: 24 }, (_, i) => [1, 1, 4, 10][i % 4] ?? 1)
  const servers = fleet(...weights)
  const picks = 24_000
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  for (const [server, count] of countPicks(twoChoices(), createSnapshot(servers), picks)) {
    const share = count / ((picks * server.weight) / total)
    t.ok(share > 0.8 && share < 1.2, `${server.id} of weight ${server.weight}: ${share}`)
  }
  const equal = equalFleet(24)
  const counts = [...countPicks(twoChoices(), createSnapshot(equal), picks).values()]
  // Chance alone has a standard deviation of 31, and a range of about 120.
  t.ok(Math.max(...counts) - Math.min(...counts) < 100, `${Math.min(...counts)} to ${Math.max(...counts)}`)
})

await t.test(
  'a candidate that another picker has used a million times is not taken for overdue or never due',
  async t => {
    const servers = equalFleet(20)
    for (const server of servers.slice(0, 10)) server.pick.turn = 1_000_000
    const counts = [...countPicks(twoChoices(), createSnapshot(servers), 2000).values()]
    t.ok(Math.min(...counts) > 70 && Math.max(...counts) < 130, counts.join(' '))
  },
)

await t.test('one that another route has used a million times still gets its share of an idle fleet', async t => {
  const servers = equalFleet(20)
  const [shared] = servers as [Server]
  shared.pick.turn = 1_000_000
  t.ok(countPicks(twoChoices(), createSnapshot(servers), 2000).get(shared)! > 70)
})

await t.test('requests in flight stay close together where draws of one would pile up', async t => {
  const servers = equalFleet(64)
  const snapshot = createSnapshot(servers)
  const random = new SeededRandom(5)
  const picker = twoChoices()
  const inFlight: Server[] = []
  for (let i = 0; i < 20_000; i++) {
    const server = picker.pick(snapshot, [])
    if (server === null) throw new Error('nobody was picked')
    server.activeRequests++
    inFlight.push(server)
    if (inFlight.length <= 640) continue
    const [ended] = inFlight.splice(random.integer(0, inFlight.length - 1), 1)
    if (ended) ended.activeRequests--
  }
  // Ten each on average; draws of one reach 20.
  t.ok(Math.max(...servers.map(server => server.activeRequests)) <= 14)
})
