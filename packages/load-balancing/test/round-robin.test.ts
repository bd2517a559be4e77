import fc from 'fast-check'
import t from 'tap'
import { createPicker, createSnapshot, type Picker } from '../src/index.ts'
import { equalFleet, fleet, pickIds, Server } from './fleet.ts'

const roundRobin = (): Picker<Server> =>
  createPicker('round-robin', { random: { next: () => 0 }, clock: { now: () => 0 } })

await t.test('each in turn, in the order of the list, whatever their weights', async t => {
  t.equal(pickIds(roundRobin(), createSnapshot(fleet(1, 9, 3)), 7).join(''), 'abcabca')
})

await t.test("a retry takes nobody's turn", async t => {
  const servers = fleet(1, 1)
  const [a, b] = servers as [Server, Server]
  const picker = roundRobin()
  const snapshot = createSnapshot(servers)
  t.equal(picker.pick(snapshot, []), a)
  t.equal(picker.pick(snapshot, [a]), b, 'a has failed')
  t.equal(picker.pick(snapshot, []), b, 'the next request does not meet it again')
  t.equal(picker.pick(snapshot, []), a)
})

await t.test('one at its limit is passed over until it has room again', async t => {
  const servers = fleet(1, 1, 1)
  const [, b] = servers as [Server, Server]
  const picker = roundRobin()
  const snapshot = createSnapshot(servers)
  b.maxRequests = 0
  t.equal(pickIds(picker, snapshot, 4).join(''), 'acac')
  b.maxRequests = 1
  t.equal(pickIds(picker, snapshot, 4).join(''), 'abca')
})

await t.test('the turn goes on where it was when the list is rebuilt, with or without the last one picked', async t => {
  const servers = fleet(1, 1, 1, 1)
  const [a, b, c, d] = servers as [Server, Server, Server, Server]
  const picker = roundRobin()
  t.equal(pickIds(picker, createSnapshot(servers), 2).join(''), 'ab')
  t.equal(pickIds(picker, createSnapshot(servers), 1).join(''), 'c', 'the same list made anew')
  t.equal(pickIds(picker, createSnapshot([a, b, d]), 1).join(''), 'd', 'without the last one picked')
  t.equal(pickIds(picker, createSnapshot([a, b, c, d]), 5).join(''), 'abcda', 'with one that came back')
})

await t.test('a newcomer is next, and then waits for its turn like all', async t => {
  const servers = fleet(1, 1)
  const picker = roundRobin()
  pickIds(picker, createSnapshot(servers), 101)
  const snapshot = createSnapshot([...servers, new Server('new')])
  t.same(pickIds(picker, snapshot, 4), ['new', 'a', 'b', 'new'])
})

await t.test('it goes on from the turns that another picker has given', async t => {
  const servers = fleet(1, 1, 1)
  for (const [i, turn] of [10, 1000, 500].entries()) servers[i]!.pick.turn = turn
  const picker = roundRobin()
  const ids = Array.from({ length: 6 }, () => picker.pick(createSnapshot(servers), [])?.id)
  t.equal(ids.join(''), 'acbacb')
})

await t.test('nobody waits longer than n picks, however often the list is rebuilt in its order', async () => {
  const rebuilds = fc.array(fc.boolean(), { minLength: 1, maxLength: 80 })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), rebuilds, (count, rebuildBefore) => {
      const servers = equalFleet(count)
      const picker = roundRobin()
      let snapshot = createSnapshot(servers)
      const picked = rebuildBefore.map(rebuild => {
        if (rebuild) snapshot = createSnapshot(servers)
        return picker.pick(snapshot, [])
      })
      return picked.every((server, i) => server === servers[i % count])
    }),
    { numRuns: 100 },
  )
})

await t.test('nobody is forgotten when every rebuild shuffles the list', async () => {
  const order = fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 })
  fc.assert(
    fc.property(fc.array(order, { minLength: 5, maxLength: 40 }), orders => {
      const servers = fleet(1, 1, 1, 1, 1)
      const picker = roundRobin()
      const picked = orders.map(indexes => picker.pick(createSnapshot(indexes.map(index => servers[index]!)), []))
      return servers.every(server =>
        Array.from({ length: picked.length - 4 }, (_, i) => i).every(i => picked.slice(i, i + 5).includes(server)),
      )
    }),
    { numRuns: 100 },
  )
})
