import fc from 'fast-check'
import t from 'tap'
import { createPicker, createSnapshot } from '../src/index.ts'
import { SmoothTurns } from '../src/smooth-turns.ts'
import { equalFleet, fleet, pickIds, type Server } from './fleet.ts'

const sources = { random: { next: () => 0 }, clock: { now: () => 0 } }

function next(turns: SmoothTurns<Server>, servers: readonly Server[], tried: readonly Server[] = []): Server {
  const server = turns.next(servers, tried, Infinity, 1)
  if (server === null) throw new Error('nobody was picked')
  return server
}

/** Largest distance of anybody's count from the exact share, in picks, over so many picks. */
function worstError(servers: readonly Server[], picks: number): number {
  const turns = new SmoothTurns<Server>()
  const total = servers.reduce((sum, { weight }) => sum + weight, 0)
  const counts = new Map(servers.map(server => [server, 0]))
  let worst = 0
  for (let pick = 1; pick <= picks; pick++) {
    const server = next(turns, servers)
    counts.set(server, counts.get(server)! + 1)
    for (const [{ weight }, count] of counts) worst = Math.max(worst, Math.abs(count - (pick * weight) / total))
  }
  return worst
}

const bound = (count: number): number => (count === 1 ? 0 : 1 - 1 / (2 * count - 2)) + 1e-6

await t.test('the weights 5, 1, 1 are spread as a a b a c a a, over and over', async t => {
  const picker = createPicker<Server>('weighted-round-robin', sources)
  const snapshot = createSnapshot(fleet(5, 1, 1))
  t.equal(pickIds(picker, snapshot, 21).join(''), 'aabacaa'.repeat(3))
})

await t.test('equal weights take turns in the order of the list', async t => {
  const picker = createPicker<Server>('weighted-round-robin', sources)
  t.equal(pickIds(picker, createSnapshot(fleet(3, 3, 3, 3)), 8).join(''), 'abcdabcd')
})

await t.test(
  'after every pick everybody is within 1 - 1/(2n - 2) of the exact share: all of 2 to 4 candidates',
  async t => {
    for (const [count, heaviest] of [
      [2, 12],
      [3, 7],
      [4, 4],
    ] as const) {
      const weights = Array.from({ length: count }, () => 1)
      let worst = 0
      for (let combination = 0; combination < heaviest ** count; combination++) {
        for (const place of weights.keys())
          weights[place] = 1 + (Math.floor(combination / heaviest ** place) % heaviest)
        worst = Math.max(worst, worstError(fleet(...weights), 2 * weights.reduce((sum, weight) => sum + weight, 0)))
      }
      t.ok(worst <= bound(count), `${count} candidates: ${worst}`)
    }
  },
)

await t.test('... and any weights, whole or not, of up to 40 candidates', async () => {
  const weight = fc.oneof(
    fc.integer({ min: 1, max: 3 }),
    fc.integer({ min: 1, max: 1000 }),
    fc.double({ min: 0.1, max: 100, noNaN: true }),
  )
  fc.assert(
    fc.property(fc.array(weight, { minLength: 1, maxLength: 40 }), weights => {
      return worstError(fleet(...weights), 300) <= bound(weights.length)
    }),
    { numRuns: 150 },
  )
})

await t.test(
  'few heavy weights among light ones, where the largest credit first leaves some behind by 1.21 picks',
  async t => {
    const weights = [1, 14, 6, 1, 97, 1, 51, 1, 1, 6, 154]
    t.ok(worstError(fleet(...weights), 666) <= bound(weights.length))
  },
)

await t.test('a weight that falls from 1000 to 1 costs at most one turn, not hundreds', async t => {
  const servers = fleet(1000, 1, 1)
  const turns = new SmoothTurns<Server>()
  const [a] = servers as [Server]
  for (let i = 0; i < 700; i++) next(turns, servers)
  a.weight = 1
  const ids = Array.from({ length: 12 }, () => next(turns, servers).id)
  for (const id of 'abc') {
    const count = ids.filter(picked => picked === id).length
    t.ok(count >= 3 && count <= 5, `${id}: ${count} of 12`)
  }
})

await t.test(
  'weights, limits and exclusions that change at every pick starve nobody and keep credits within bounds',
  async () => {
    const change = fc.record({
      place: fc.nat(),
      weight: fc.double({ min: 0.1, max: 100, noNaN: true }),
      excluded: fc.array(fc.nat(), { maxLength: 2 }),
      full: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 8 }), fc.array(change, { maxLength: 60 }), (count, changes) => {
        const servers = equalFleet(count)
        const turns = new SmoothTurns<Server>()
        for (const { place, weight, excluded, full } of changes) {
          const changed = servers[place % count] as Server
          changed.weight = weight
          changed.maxRequests = full ? 0 : Infinity
          turns.next(
            servers,
            excluded.map(other => servers[other % count] as Server),
            Infinity,
            1,
          )
        }
        for (const server of servers) server.maxRequests = Infinity
        const total = servers.reduce((sum, { weight }) => sum + weight, 0)
        const lightest = Math.min(...servers.map(({ weight }) => weight))
        const seen = new Set<Server>()
        const most = Math.ceil((4 * total) / lightest)
        for (let pick = 0; pick < most && seen.size < count; pick++) seen.add(next(turns, servers))
        return seen.size === count && servers.every(({ pick }) => Math.abs(pick.credit) <= 2 * total)
      }),
      { numRuns: 100 },
    )
  },
)

await t.test('one that is left alone is picked without being charged for it', async t => {
  const servers = fleet(5, 1)
  const turns = new SmoothTurns<Server>()
  const [a, b] = servers as [Server, Server]
  const ids = [next(turns, servers).id, next(turns, servers).id]
  t.equal(b.pick.credit, 2)
  for (let i = 0; i < 5; i++) t.equal(next(turns, servers, [a]), b)
  t.equal(b.pick.credit, 2)
  while (ids.length < 6) ids.push(next(turns, servers).id)
  t.equal(ids.toSorted().join(''), 'aaaaab', 'and the cycle goes on')
})

await t.test('without anybody who may take a request there is nobody, and nothing changes', async t => {
  const servers = fleet(2, 1)
  const turns = new SmoothTurns<Server>()
  t.equal(turns.next([], [], Infinity, 1), null)
  t.equal(turns.next(servers, servers, Infinity, 1), null)
  t.same(
    servers.map(({ pick }) => pick.credit),
    [0, 0],
  )
})
