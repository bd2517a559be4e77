import fc from 'fast-check'
import t from 'tap'
import { SeededRandom } from '@plimsoll/testing'
import { createPicker, createSnapshot, type Picker, type PickerOptions } from '../src/index.ts'
import { equalFleet, fleet, Server, walk } from './fleet.ts'

const KEYS = 20_000
const weights = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 24 })

const consistentHash = (options: Partial<PickerOptions> = {}): Picker<Server> =>
  createPicker('consistent-hash', { random: new SeededRandom(1), clock: { now: () => 0 } }, options)

/** Who each key belongs to. */
function owners(servers: readonly Server[], keys: number, picker = consistentHash()): string[] {
  const snapshot = createSnapshot(servers)
  return Array.from({ length: keys }, (_, key) => picker.pick(snapshot, [], `key-${key}`)?.id ?? '-')
}

function share(owned: readonly string[], id: string): number {
  return owned.filter(owner => owner === id).length / owned.length
}

await t.test('a key has the same candidate in every picker and in any order of the list', async t => {
  const servers = fleet(1, 2, 3, 1)
  t.same(owners(servers, 500), owners(servers.toReversed(), 500))
  t.not(
    owners(servers, 500).join(''),
    owners(servers, 500, consistentHash({ hashSeed: 1 })).join(''),
    'but for the seed',
  )
})

await t.test('keys are spread by weight, within what chance allows', async t => {
  for (const given of [[1, 1, 1, 1], [5, 1, 1], [0.3, 0.6, 0.1], Array.from({ length: 40 }, () => 2)]) {
    const servers = fleet(...given)
    const total = given.reduce((sum, weight) => sum + weight, 0)
    const owned = owners(servers, KEYS)
    for (const { id, weight } of servers) {
      const expected = weight / total
      t.ok(Math.abs(share(owned, id) - expected) < 5 * Math.sqrt(expected / KEYS), `${id} of ${given.join()}`)
    }
  }
})

await t.test('when one of n leaves only its keys move, and when it comes back exactly those come back', async () => {
  fc.assert(
    fc.property(weights, fc.nat(), (given, place) => {
      const servers = fleet(...given)
      const leaving = servers[place % servers.length] as Server
      const before = owners(servers, 400)
      const after = owners(
        servers.filter(server => server !== leaving),
        400,
      )
      return before.every((owner, key) => owner === leaving.id || owner === after[key])
    }),
    { numRuns: 100 },
  )
})

await t.test('a newcomer takes its share and nobody else gains a key', async t => {
  for (const count of [1, 3, 10, 40]) {
    const servers = equalFleet(count)
    const before = owners(servers, KEYS)
    const after = owners([...servers, new Server('new')], KEYS)
    t.ok(after.every((owner, key) => owner === before[key] || owner === 'new'))
    const expected = 1 / (count + 1)
    t.ok(Math.abs(share(after, 'new') - expected) < 5 * Math.sqrt(expected / KEYS), `${count} and one more`)
  }
})

await t.test('a weight that grows, as in slow start, only draws keys to its own candidate', async () => {
  fc.assert(
    fc.property(weights, fc.nat(), fc.double({ min: 1, max: 10, noNaN: true }), (given, place, factor) => {
      const servers = fleet(...given)
      const growing = servers[place % servers.length] as Server
      const before = owners(servers, 300)
      growing.weight *= factor
      const after = owners(servers, 300)
      return after.every((owner, key) => owner === before[key] || owner === growing.id)
    }),
    { numRuns: 100 },
  )
})

await t.test('a walk visits everybody once, in the same order for a key, and as if those tried had left', async () => {
  fc.assert(
    fc.property(weights, fc.oneof(fc.string(), fc.maxSafeInteger()), (given, key) => {
      const servers = fleet(...given)
      const picker = consistentHash()
      const walked = walk(picker, createSnapshot(servers), key)
      const shorter = walk(picker, createSnapshot(servers.filter(server => server !== walked[0])), key)
      return new Set(walked).size === servers.length && walked.slice(1).every((server, i) => server === shorter[i])
    }),
    { numRuns: 200 },
  )
})

await t.test(
  'bounded load: nobody takes a request beyond the factor times its share, and somebody always may',
  async () => {
    const factor = fc.constantFrom(1, 1.25, 2)
    // Few keys, so that there are hot ones.
    const key = fc.integer({ min: 0, max: 3 })
    const step = fc.record({ key, ending: fc.option(fc.nat(), { freq: 2 }) })
    fc.assert(
      fc.property(weights, factor, fc.array(step, { maxLength: 150 }), (given, hashLoadFactor, steps) => {
        const servers = fleet(...given)
        const snapshot = createSnapshot(servers)
        const picker = consistentHash({ hashLoadFactor })
        const total = given.reduce((sum, weight) => sum + weight, 0)
        const inFlight: Server[] = []
        for (const { key, ending } of steps) {
          const server = picker.pick(snapshot, [], key)
          if (server === null) return false
          inFlight.push(server)
          server.activeRequests++
          const most = Math.ceil((hashLoadFactor * inFlight.length * server.weight) / total - 1e-9)
          if (server.activeRequests > most) return false
          if (ending === null) continue
          const [ended] = inFlight.splice(ending % inFlight.length, 1)
          if (ended) ended.activeRequests--
        }
        return true
      }),
      { numRuns: 200 },
    )
  },
)

await t.test('a hot key spills over to the next of its walk, and returns when there is room', async t => {
  const servers = fleet(1, 1, 1, 1)
  const snapshot = createSnapshot(servers)
  const picker = consistentHash()
  const [first, second] = walk(picker, snapshot, 'hot') as [Server, Server]
  for (const server of servers) server.activeRequests = 10
  first.activeRequests = 14
  t.equal(picker.pick(snapshot, [], 'hot'), first, 'one more is 15 of 45, and 1.25 × 45 / 4 = 14.1, rounded up')
  first.activeRequests = 15
  t.equal(picker.pick(snapshot, [], 'hot'), second, 'one more would be 16 of 46, and 1.25 × 46 / 4 = 14.4')
  t.equal(consistentHash({ hashLoadFactor: Infinity }).pick(snapshot, [], 'hot'), first, 'without a bound it stays')
})

await t.test('those at their limit and those tried do not count for the average', async t => {
  const servers = fleet(1, 1, 1, 1)
  const snapshot = createSnapshot(servers)
  const picker = consistentHash()
  const [first, second, full, tried] = walk(picker, snapshot, 'key') as [Server, Server, Server, Server]
  first.activeRequests = 10
  full.activeRequests = full.maxRequests = 1000
  tried.activeRequests = 1000
  t.equal(picker.pick(snapshot, [tried], 'key'), second, 'one more would be 11 of 11, and 1.25 × 11 / 2 = 6.9')
  t.equal(picker.pick(snapshot, [tried, second], 'key'), first, 'alone it is the average')
})

await t.test('without a key it is least connections', async t => {
  const servers = fleet(1, 1, 1)
  const [a, b, c] = servers as [Server, Server, Server]
  a.activeRequests = 2
  c.activeRequests = 1
  t.equal(consistentHash().pick(createSnapshot(servers), []), b)
  t.equal(consistentHash().score(createSnapshot(servers), a), 2)
})
