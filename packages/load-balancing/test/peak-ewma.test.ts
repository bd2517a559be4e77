import t from 'tap'
import { SeededRandom } from '@plimsoll/testing'
import { createPicker, createSnapshot, type Picker } from '../src/index.ts'
import { countPicks, equalFleet, fleet, pickIds, Server } from './fleet.ts'
import { type Answer, Simulation, type Tally } from './simulation.ts'

interface Setting {
  readonly servers: number
  readonly requestsPerSecond: number
}

/** From a request now and then to dozens in flight per server; above 16 servers two are compared. */
const SETTINGS: readonly Setting[] = [
  { servers: 2, requestsPerSecond: 20 },
  { servers: 4, requestsPerSecond: 400 },
  { servers: 4, requestsPerSecond: 4000 },
  { servers: 24, requestsPerSecond: 1500 },
]

/** Servers that answer after 5 to 15 ms, but for the first one, which behaves as it's told. */
class Service {
  readonly servers: readonly Server[]
  readonly odd: Server
  behave: (normal: Answer) => Answer = normal => normal
  /** Everybody answers 503 at once. */
  outage = false
  readonly #simulation: Simulation

  constructor({ servers, requestsPerSecond }: Setting) {
    const random = new SeededRandom(1)
    this.servers = equalFleet(servers)
    this.odd = this.servers[0] as Server
    this.#simulation = new Simulation(clock => ({
      picker: createPicker('peak-ewma', { random, clock }),
      random,
      requestsPerSecond,
      answer: server => {
        if (this.outage) return { afterMs: 1, failed: true }
        const normal = { afterMs: 5 + 10 * random.next(), failed: false }
        return server === this.odd ? this.behave(normal) : normal
      },
    }))
  }

  run(durationMs: number, servers = this.servers): Tally {
    return this.#simulation.run(createSnapshot(servers), durationMs)
  }

  /** What a server gets of the next requests, relative to an equal share. */
  share(durationMs: number, server = this.odd, servers = this.servers): number {
    const { sent, total } = this.run(durationMs, servers)
    return ((sent.get(server) ?? 0) / total) * servers.length
  }
}

for (const setting of SETTINGS) {
  await t.test(`${setting.servers} servers, ${setting.requestsPerSecond} requests/s`, async t => {
    await t.test('one that answers 503 within 1 ms attracts nothing, and is found again when it heals', async t => {
      const service = new Service(setting)
      t.ok(service.share(10_000) > 0.8)
      service.behave = () => ({ afterMs: 1, failed: true })
      const { failed, total } = service.run(60_000)
      t.ok((failed.get(service.odd) ?? 0) < 60, `${failed.get(service.odd)} of ${total} failed`)
      service.behave = normal => normal
      service.run(30_000)
      t.ok(service.share(10_000) > 0.8)
    })

    await t.test('one that is ten times slower gets little, and its share again when it heals', async t => {
      const service = new Service(setting)
      service.run(10_000)
      service.behave = ({ afterMs }) => ({ afterMs: 10 * afterMs, failed: false })
      service.run(1000)
      t.ok(service.share(30_000) < 0.1)
      service.behave = normal => normal
      service.run(40_000)
      t.ok(service.share(20_000) > 0.75)
    })

    await t.test('a newcomer gets its share from the start, neither more nor nothing', async t => {
      const service = new Service(setting)
      service.run(5000)
      const newcomer = new Server('new')
      const servers = [...service.servers, newcomer]
      const { sent, total, mostActive } = service.run(2000, servers)
      const share = ((sent.get(newcomer) ?? 0) / total) * servers.length
      t.ok(share > 0.6 && share < 1.5, `${share}`)
      const others = Math.max(...service.servers.map(server => mostActive.get(server) ?? 0))
      t.ok((mostActive.get(newcomer) ?? 0) <= others + 2, `${mostActive.get(newcomer)} in flight, the others ${others}`)
    })

    await t.test('one failed request in a thousand costs next to nothing, one in five nearly everything', async t => {
      const service = new Service(setting)
      const random = new SeededRandom(2)
      const failing = (ratio: number) => (normal: Answer) =>
        random.next() < ratio ? { afterMs: 1, failed: true } : normal
      service.behave = failing(0.001)
      t.ok(service.share(40_000) > 0.7)
      service.behave = failing(0.2)
      t.ok(service.share(40_000) < 0.2)
    })

    await t.test(
      'after an outage of all everybody alive gets traffic again within 20 s, and the dead one does not',
      async t => {
        const service = new Service(setting)
        service.run(5000)
        service.outage = true
        service.run(30_000)
        service.outage = false
        service.behave = () => ({ afterMs: 1, failed: true })
        service.run(20_000)
        const { sent, total } = service.run(5000)
        const [odd, ...alive] = service.servers.map(server => ((sent.get(server) ?? 0) / total) * setting.servers)
        t.ok(odd! < 0.1, `${odd}`)
        t.ok(
          alive.every(share => share > 0.4),
          alive.join(' '),
        )
      },
    )
  })
}

const picker = (scanLimit = 16): Picker<Server> =>
  createPicker('peak-ewma', { random: new SeededRandom(1), clock: { now: () => 0 } }, { scanLimit })

await t.test('cost is latency times requests in flight and one more, by weight', async t => {
  const servers = fleet(1, 2, 1)
  const [a, b, c] = servers as [Server, Server, Server]
  const snapshot = createSnapshot(servers)
  const made = picker()
  made.answered(a, 10)
  made.answered(b, 30)
  made.answered(c, 12)
  a.activeRequests = 1
  t.same(
    servers.map(server => made.score(snapshot, server)),
    [20, 15, 12],
  )
  t.equal(made.pick(snapshot, []), c)
  t.equal(made.pick(snapshot, [c]), b)
  t.equal(made.pick(snapshot, [c, b]), a)
})

await t.test('two at random are compared by the same cost', async t => {
  for (const [activeRequests, weight, latencyMs, isWorse] of [
    [0, 1, 9, false],
    [0, 1, 11, true],
    [1, 1, 9, true],
    [1, 3, 10, false],
    [4, 3, 10, true],
  ] as const) {
    const servers = fleet(1, weight)
    const [a, b] = servers as [Server, Server]
    const made = picker(1)
    made.answered(a, 10)
    made.answered(b, latencyMs)
    b.activeRequests = activeRequests
    t.equal(countPicks(made, createSnapshot(servers), 20).get(b), isWorse ? 0 : 20)
  }
})

await t.test('before anybody has answered, requests in flight decide, and those who waited longest', async t => {
  const servers = fleet(1, 1, 1)
  t.equal(pickIds(picker(), createSnapshot(servers), 6).join(''), 'abcabc')
  servers[0]!.activeRequests = 1
  t.equal(countPicks(picker(), createSnapshot(servers), 9).get(servers[0]!), 0)
})

await t.test(
  'an unmeasured one counts as the fleet, whatever that is: slow, fast, or with one out of order',
  async t => {
    for (const latencies of [
      [500, 500, 500],
      [0.1, 0.1, 0.1],
      [10, 10, 5000],
    ]) {
      for (const scanLimit of [16, 1]) {
        const servers = fleet(1, 1, 1)
        const fresh = new Server('new')
        const made = picker(scanLimit)
        for (const [i, server] of servers.entries()) made.answered(server, latencies[i]!)
        const snapshot = createSnapshot([...servers, fresh])
        for (let i = 0; i < 40; i++) made.pick(snapshot, [])!.activeRequests++
        t.ok(
          fresh.activeRequests >= 6 && fresh.activeRequests <= 20,
          `${latencies.join()}: ${fresh.activeRequests} of 40`,
        )
      }
    }
  },
)
