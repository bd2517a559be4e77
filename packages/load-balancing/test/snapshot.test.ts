import t from 'tap'
import { type Candidate, createSnapshot, LoadBalancingError } from '../src/index.ts'
import { fleet, Server } from './fleet.ts'

await t.test('a snapshot keeps the list as it was given, whatever happens to the array afterwards', async t => {
  const servers = fleet(1, 2, 3)
  const snapshot = createSnapshot(servers)
  servers.pop()
  t.same(
    snapshot.candidates.map(({ id }) => id),
    ['a', 'b', 'c'],
  )
  t.ok(Object.isFrozen(snapshot))
  t.equal(createSnapshot([]).candidates.length, 0)
})

await t.test(
  'a snapshot holds the candidates themselves, so that a new weight counts without a new snapshot',
  async t => {
    const [a] = fleet(1) as [Server]
    const snapshot = createSnapshot([a])
    a.weight = 5
    t.equal(snapshot.candidates[0]?.weight, 5)
  },
)

await t.test('a part knows the whole list that it was taken from, and a part of a part the same', async t => {
  const servers = fleet(1, 2, 3)
  const whole = createSnapshot(servers)
  t.equal(whole.whole, whole.candidates)
  const part = createSnapshot(servers.slice(1), whole)
  t.equal(part.whole, whole.candidates)
  t.equal(part.candidates.length, 2)
  t.equal(createSnapshot(servers.slice(2), part).whole, whole.candidates)
})

await t.test('what nobody could be picked by is refused with the name of the candidate', async t => {
  const refused = [
    { weight: 0 },
    { weight: -1 },
    { weight: Number.NaN },
    { weight: Infinity },
    { maxRequests: -1 },
    { maxRequests: Number.NaN },
  ]
  for (const numbers of refused) {
    t.throws(
      () => createSnapshot([new Server('fine'), new Server('odd', numbers)]),
      { code: 'LOAD_BALANCING_ERR_CANDIDATE', message: /"odd"/ },
      JSON.stringify(numbers),
    )
  }
  t.throws(() => createSnapshot([new Server('')]), { code: 'LOAD_BALANCING_ERR_CANDIDATE' })
  t.equal(createSnapshot([new Server('closed', { maxRequests: 0, weight: 1e-9 })]).candidates.length, 1)
})

await t.test('an id that two candidates have is refused, and so is a state that two share', async t => {
  t.throws(() => createSnapshot([new Server('a'), new Server('b'), new Server('a')]), {
    code: 'LOAD_BALANCING_ERR_DUPLICATE',
    message: /"a"/,
  })
  const [a] = fleet(1) as [Server]
  const copy = { id: 'copy', weight: 1, activeRequests: 0, maxRequests: 1, pick: a.pick }
  t.throws(() => createSnapshot<Candidate>([a, copy]), {
    code: 'LOAD_BALANCING_ERR_DUPLICATE',
    message: /"a" and "copy"/,
  })
  t.throws(() => createSnapshot([a, a]), LoadBalancingError)
})
