import { until } from '@plimsoll/testing'
import t from 'tap'
import { Fleet } from './fixture/fleet.ts'

await t.test('10,000 concurrent misses of one key over four processes call the loader once', async t => {
  for (const kind of ['bounded', 'strict'] as const) {
    const fleet = new Fleet(t, { loadMs: () => 30 })
    const processes = await fleet.startMany(4)
    fleet.bump('hot')
    const answers = await Promise.all(processes.map(process => process.get(kind, 'hot', 2_500)))
    t.strictSame(
      answers.map(answer => answer.version),
      [1, 1, 1, 1],
      kind,
    )
    t.equal(fleet.reads, 1, kind)
    t.equal((await processes[0]?.get(kind, 'hot'))?.version, 1)
    t.equal(fleet.reads, 1, 'and who comes later finds it')
  }
})

await t.test('when the process that loads for all is killed, another one takes over at once', async t => {
  let loadMs = 60_000
  const fleet = new Fleet(t, { leaseMs: 30_000, loadMs: () => loadMs })
  const [holder, other, third] = await fleet.startMany(3)
  const lost = holder?.get('strict', 'hot')
  await until(() => fleet.reads === 1, { what: 'the first load' })
  loadMs = 0
  const waiting = Promise.all([other?.get('strict', 'hot'), third?.get('strict', 'hot')])
  holder?.signal('SIGKILL')
  t.strictSame(
    (await waiting).map(answer => answer?.version),
    [0, 0],
    'long before the lease is over',
  )
  t.equal((await lost)?.code, 'DIED')
  t.equal(fleet.reads, 2)
})

await t.test('when it hangs, others wait for its lease and no longer', async t => {
  let loadMs = 60_000
  const fleet = new Fleet(t, { leaseMs: 300, loadMs: () => loadMs })
  const [holder, other] = await fleet.startMany(2)
  void holder?.get('strict', 'hot')
  await until(() => fleet.reads === 1, { what: 'the first load' })
  loadMs = 0
  holder?.signal('SIGSTOP')
  t.equal((await other?.get('strict', 'hot'))?.version, 0)
  t.equal(fleet.reads, 2)
})

await t.test('what one process has loaded the others find in shared memory, also those that start later', async t => {
  const fleet = new Fleet(t)
  const first = await fleet.start()
  for (let key = 0; key < 20; key++) await first.get('bounded', `key ${key}`)
  const second = await fleet.start()
  for (let key = 0; key < 20; key++) t.equal((await second.get('bounded', `key ${key}`)).version, 0)
  t.equal(fleet.reads, 20)
  t.match((await second.stats()).namespaces.bounded, { loads: 0, hits: { machine: 20 } })
  await first.end()
  await second.end()
  const third = await fleet.start()
  await until(async () => (await third.get('bounded', 'key 1')).version === 0, {
    what: 'an answer after everybody had gone',
  })
})
