// What every strategy has to keep, whatever it prefers.
import fc from 'fast-check'
import t from 'tap'
import { FakeClock, SeededRandom } from '@plimsoll/testing'
import { createPicker, createSnapshot, type Picker, STRATEGIES, type Strategy } from '../src/index.ts'
import { equalFleet, fleet, type Server, walk } from './fleet.ts'

/** Where two at random are compared; missed by chance once in 10^15. */
const byChance = (count: number): number => 40 * count

/** Picks within which everybody of n equal candidates gets a request, where all requests end at once. Scans are up to 16 candidates. */
const STARVATION_BOUNDS: Readonly<Record<Strategy, (count: number) => number>> = {
  'round-robin': count => count,
  'weighted-round-robin': count => 2 * count,
  'least-connections': count => (count > 16 ? byChance(count) : 2 * count),
  'power-of-two-choices': byChance,
  'peak-ewma': count => (count > 16 ? byChance(count) : 2 * count),
  'consistent-hash': byChance,
  random: byChance,
  'least-loaded': byChance,
}

/** After failures: peak EWMA waits until they've faded, so its bound is a time, here 20 s. */
const RECOVERY_BOUNDS: Partial<typeof STARVATION_BOUNDS> = { 'peak-ewma': () => 2000 }

/** A whole service in small: what a picker may be told and asked, in any order. */
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('pick'), key: fc.nat(20), tried: fc.array(fc.nat(9), { maxLength: 3 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('end'), which: fc.nat(), failed: fc.boolean(), ms: fc.nat(500) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('report'),
      place: fc.nat(9),
      load: fc.double({ min: 0, max: 2, noNaN: true }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('weigh'),
      place: fc.nat(9),
      weight: fc.double({ min: 0.01, max: 50, noNaN: true }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('limit'), place: fc.nat(9), most: fc.constantFrom(0, 1, 2, 5, Infinity) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('list'), places: fc.uniqueArray(fc.nat(9)) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.constantFrom(1, 100, 1000, 30_000) }) },
)
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never

class Model {
  readonly clock = new FakeClock({ startMs: 1 })
  readonly servers = equalFleet(10)
  readonly picker: Picker<Server>
  readonly picked: (string | null)[] = []
  #list: readonly Server[] = this.servers
  #snapshot = createSnapshot(this.#list)
  readonly #inFlight: Server[] = []

  constructor(strategy: Strategy, scanLimit: number) {
    this.picker = createPicker(strategy, { random: new SeededRandom(7), clock: this.clock }, { scanLimit })
  }

  /** False when something that has to hold doesn't. */
  take(one: Step): boolean {
    switch (one.kind) {
      case 'pick':
        return this.#pick(one.key, this.#all(one.tried))
      case 'end': {
        const [server] = this.#inFlight.splice(one.which % Math.max(1, this.#inFlight.length), 1)
        if (!server) return true
        server.activeRequests--
        if (one.failed) this.picker.failed(server, one.ms)
        else this.picker.answered(server, one.ms)
        return true
      }
      case 'report':
        this.picker.reported(this.#one(one.place), { utilization: one.load, requestsPerSecond: 10, errorsPerSecond: 0 })
        return true
      case 'weigh':
        this.#one(one.place).weight = one.weight
        return true
      case 'limit':
        this.#one(one.place).maxRequests = one.most
        return true
      case 'list':
        this.#list = this.#all(one.places)
        this.#snapshot = createSnapshot(this.#list)
        return true
      case 'wait':
        this.clock.advance(one.ms)
        return true
      default:
        one satisfies never
        return false
    }
  }

  #pick(key: number, tried: readonly Server[]): boolean {
    const allowed = this.#list.filter(server => !tried.includes(server) && server.activeRequests < server.maxRequests)
    const server = this.picker.pick(this.#snapshot, tried, key)
    this.picked.push(server?.id ?? null)
    if (server === null) return allowed.length === 0
    server.activeRequests++
    this.#inFlight.push(server)
    return allowed.includes(server)
  }

  #one(place: number): Server {
    return this.servers[place] as Server
  }

  #all(places: readonly number[]): Server[] {
    return places.map(place => this.#one(place))
  }
}

for (const { name } of STRATEGIES) {
  const sources = () => ({ random: new SeededRandom(1), clock: new FakeClock({ startMs: 1 }) })

  await t.test(name, async t => {
    await t.test(
      'somebody is picked exactly when somebody may be: below the limit, in the list, not tried',
      async () => {
        fc.assert(
          fc.property(fc.array(step, { maxLength: 120 }), fc.constantFrom(16, 3), (steps, scanLimit) => {
            const model = new Model(name, scanLimit)
            return steps.every(one => model.take(one))
          }),
          { numRuns: 60 },
        )
      },
    )

    await t.test('the same seed, time and events give the same picks', async () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 60 }), steps => {
          const [one, other] = [new Model(name, 3), new Model(name, 3)]
          for (const each of steps) {
            one.take(each)
            other.take(each)
          }
          return one.picked.join() === other.picked.join()
        }),
        { numRuns: 30 },
      )
    })

    await t.test('a walk gives everybody once, also from lists of none, one and twenty', async t => {
      for (const count of [0, 1, 2, 5, 20]) {
        const servers = fleet(...Array.from({ length: count }, (_, i) => 1 + (i % 3)))
        const picker = createPicker<Server>(name, sources())
        for (const key of ['some', 'key', undefined]) {
          const walked = walk(picker, createSnapshot(servers), key)
          t.equal(new Set(walked).size, count)
        }
      }
    })

    await t.test('nobody alive waits longer than the bound', async t => {
      for (const count of [1, 2, 3, 7, 20]) {
        const servers = equalFleet(count)
        const picker = createPicker<Server>(name, sources())
        for (let round = 0; round < 5; round++) {
          t.equal(seenWithin(STARVATION_BOUNDS[name](count), picker, servers).size, count, `${count} candidates`)
        }
      }
    })

    await t.test('after a total outage and a partial recovery everybody alive is picked within the bound', async t => {
      const servers = fleet(1, 1, 1, 1, 1)
      const alive = servers.slice(1, 4)
      const { random, clock } = sources()
      const picker = createPicker<Server>(name, { random, clock })
      seenWithin(50, picker, servers)
      // Everybody fails for a while, then nobody is left in the list.
      const everybody = createSnapshot(servers)
      for (let i = 0; i < 500; i++) {
        const server = picker.pick(everybody, [], i)
        clock.advance(5)
        if (server) picker.failed(server, 1)
      }
      for (let i = 0; i < 10; i++) t.equal(picker.pick(createSnapshot<Server>([]), [], i), null)
      const bound = RECOVERY_BOUNDS[name] ?? STARVATION_BOUNDS[name]
      for (let round = 0; round < 5; round++)
        t.equal(seenWithin(bound(3), picker, alive, clock).size, 3, `round ${round}`)
      t.equal(seenWithin(bound(5), picker, servers, clock).size, 5, 'and the rest when it returns')
    })

    await t.test('pickers that share candidates, as two routes do, starve nobody', async t => {
      const servers = fleet(1, 2, 3)
      const names = [name, 'random', 'weighted-round-robin', 'power-of-two-choices', name] as const
      const pickers = names.map(each => createPicker<Server>(each, sources()))
      const snapshot = createSnapshot(servers)
      const seen = new Set<Server | null>()
      for (let i = 0; i < 400; i++) seen.add(pickers[i % pickers.length]!.pick(snapshot, [], i))
      t.equal(seen.size, 3)
      t.ok(servers.every(({ pick }) => Math.abs(pick.credit) <= 12 && pick.turn <= 400))
    })

    await t.test('a score is a number, and asking for it changes nothing', async t => {
      const [asked, unasked] = [fleet(1, 2, 3, 4), fleet(1, 2, 3, 4)]
      const pickers = [createPicker<Server>(name, sources()), createPicker<Server>(name, sources())] as const
      const snapshots = [createSnapshot(asked), createSnapshot(unasked)] as const
      for (let key = 0; key < 50; key++) {
        for (const server of asked) t.notOk(Number.isNaN(pickers[0].score(snapshots[0], server, key)))
        const [one, other] = [pickers[0].pick(snapshots[0], [], key), pickers[1].pick(snapshots[1], [], key)]
        if (one?.id !== other?.id) t.fail(`asking for scores changed pick ${key}`)
        if (key % 3 === 0 && one && other) {
          one.activeRequests++
          other.activeRequests++
        }
      }
    })
  })
}

for (const name of [
  'round-robin',
  'weighted-round-robin',
  'least-connections',
  'peak-ewma',
  'consistent-hash',
] as const) {
  await t.test(`${name}: the one with the lowest score is picked`, async t => {
    const clock = new FakeClock({ startMs: 1 })
    const random = new SeededRandom(1)
    const picker = createPicker<Server>(name, { random, clock })
    const servers = fleet(3, 1, 2, 1)
    const snapshot = createSnapshot(servers)
    const picks = new Set<Server>()
    const wrong: string[] = []
    for (let key = 0; key < 300; key++) {
      for (const server of servers) server.activeRequests = random.integer(0, 4)
      const scores = servers.map(server => picker.score(snapshot, server, key))
      const picked = picker.pick(snapshot, [], key) as Server
      if (scores[servers.indexOf(picked)]! > Math.min(...scores))
        wrong.push(`${key}: ${picked.id} of ${scores.join(' ')}`)
      picks.add(picked)
      clock.advance(700)
      picker.answered(picked, 5 + (key % 13))
    }
    t.same(wrong, [])
    t.equal(picks.size, 4)
  })
}

/** Who is picked among the next `picks` at most, one every 10 ms when there's a clock, each answered after 10 ms. */
function seenWithin(picks: number, picker: Picker<Server>, servers: readonly Server[], clock?: FakeClock): Set<Server> {
  const snapshot = createSnapshot(servers)
  const seen = new Set<Server>()
  for (let i = 0; i < picks && seen.size < servers.length; i++) {
    const server = picker.pick(snapshot, [], i)
    if (server === null) throw new Error('nobody was picked')
    seen.add(server)
    clock?.advance(10)
    picker.answered(server, 10)
  }
  return seen
}
