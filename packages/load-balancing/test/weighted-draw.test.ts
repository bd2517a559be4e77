import t from 'tap'
import { SeededRandom } from '@plimsoll/testing'
import { createSnapshot } from '../src/index.ts'
import { WeightedDraw } from '../src/weighted-draw.ts'
import { equalFleet, fleet, type Server } from './fleet.ts'

const DRAWS = 20_000

/** True when counts differ from what weights say by less than five standard deviations each. */
function followsWeights(
  servers: readonly Server[],
  draw: () => Server | null,
  weightOf = (server: Server) => server.weight,
): boolean {
  const total = servers.reduce((sum, server) => sum + weightOf(server), 0)
  const counts = new Map<Server | null, number>()
  for (let i = 0; i < DRAWS; i++) {
    const server = draw()
    counts.set(server, (counts.get(server) ?? 0) + 1)
  }
  return servers.every(server => {
    const expected = (DRAWS * weightOf(server)) / total
    return Math.abs((counts.get(server) ?? 0) - expected) < 5 * Math.sqrt(expected) + 1
  })
}

const drawBy = (seed: number): WeightedDraw<Server> =>
  new WeightedDraw(new SeededRandom(seed), server => server.weight, 1)

await t.test('draws are distributed by weight: few, many, and one heavy among many light ones', async t => {
  const fleets = { few: [3, 1], some: [5, 1, 2, 1, 1, 7], many: Array.from({ length: 60 }, (_, i) => 1 + (i % 4)) }
  for (const [name, weights] of Object.entries({ ...fleets, heavy: [1000, ...Array.from({ length: 60 }, () => 1)] })) {
    const servers = fleet(...weights)
    const snapshot = createSnapshot(servers)
    const draw = drawBy(1)
    t.ok(
      followsWeights(servers, () => draw.next(snapshot, [], null)),
      name,
    )
  }
})

await t.test('weights that change after the snapshot count, beyond the largest that was known as well', async t => {
  const servers = equalFleet(20)
  const snapshot = createSnapshot(servers)
  const draw = drawBy(2)
  for (const [index, server] of servers.entries()) server.weight = 0.5 + (index % 7) * 4
  // The largest weight becomes known when it's met for the first time.
  for (let i = 0; i < 100; i++) draw.next(snapshot, [], null)
  t.ok(followsWeights(servers, () => draw.next(snapshot, [], null)))
})

await t.test('who may not be picked is left out and the rest keep their proportions', async t => {
  const servers = fleet(...Array.from({ length: 30 }, (_, i) => 1 + (i % 3)))
  for (const server of servers.slice(4)) server.maxRequests = 0
  const [a, b, c, d] = servers as [Server, Server, Server, Server]
  const snapshot = createSnapshot(servers)
  const draw = drawBy(3)
  t.ok(followsWeights([b, d], () => draw.next(snapshot, [a], c)))
  t.equal(draw.next(snapshot, [a, b], c), d)
  t.equal(draw.next(snapshot, [a, b, d], c), null)
})

await t.test('a source of random numbers that reaches 1 still gives somebody', async t => {
  for (const count of [2, 9]) {
    const servers = equalFleet(count, 0.1)
    const draw = new WeightedDraw<Server>({ next: () => 1 }, server => server.weight, 1)
    t.ok(draw.next(createSnapshot(servers), [], null))
  }
})
