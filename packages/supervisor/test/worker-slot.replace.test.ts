// Replacements, rolling and single, with real processes: old and new side by side, and what goes wrong meanwhile.
import t from 'tap'
import { isAlive } from '@plimsoll/testing'
import type { WorkerCrashedEvent, WorkerReplacedEvent, WorkerStartedEvent } from '@plimsoll/supervisor'
import { FakeClock } from './fixture/fake-clock.ts'
import { get, nextEvent, startFleet } from './fixture/fleet.ts'
import { RoundRobinClient } from './fixture/round-robin-client.ts'

await t.test('a rolling replacement under continuous load loses no request', async t => {
  const client = new RoundRobinClient()
  t.teardown(() => client.close())
  const { supervisor, pids, sockets } = await startFleet(t, { onChange: endpoints => client.use(endpoints) })
  client.start(8)
  await supervisor.replace()
  await client.stop()

  t.same(client.failures, [])
  t.same([...client.served.keys()].toSorted(), ['0-1', '0-2', '1-1', '1-2'], 'all four processes have served')
  t.match(supervisor.workers(), [
    { worker: 0, generation: 2, state: 'ready', restarts: 0, lastExit: { reason: 'drained' } },
    { worker: 1, generation: 2, state: 'ready', restarts: 0, lastExit: { reason: 'drained' } },
  ])
  t.equal(pids.filter(isAlive).length, 2)
  t.same(await sockets(), ['0-2.sock', '1-2.sock'])
  t.ok(
    client.lists.every(list => list.filter(({ state }) => state === 'ready').length >= 2),
    'never below two ready ones',
  )
})

await t.test("a new generation that doesn't get ready leaves the old one serving", async t => {
  const { supervisor, announced } = await startFleet(t, { args: ['not-twice'] })
  const before = announced.length
  await t.rejects(supervisor.replace(), {
    code: 'SUPERVISOR_ERR_REPLACE_FAILED',
    message: /Generation 2 of worker 0 didn't get ready: exit code 3\. The one before it keeps serving.*on fire/s,
  })
  t.equal(announced.length, before, 'nothing was announced')
  t.match(supervisor.workers(), [
    { worker: 0, generation: 1, state: 'ready', recentCrashes: 0 },
    { worker: 1, generation: 1, state: 'ready' },
  ])
  t.match(await get(supervisor.workers()[0]?.socketPath ?? '', '/'), { generation: 1 })
})

await t.test(
  'an old worker that crashes while its successor starts is succeeded by it, without a back-off',
  async t => {
    const { supervisor } = await startFleet(t, { workers: 1, backoff: { initialMs: 60_000, maxMs: 60_000 } })
    const started = nextEvent<WorkerStartedEvent>('started')
    const replacing = supervisor.replace(0)
    await started
    const crashed = nextEvent<WorkerCrashedEvent>('crashed')
    process.kill(supervisor.workers()[0]?.pid ?? 0, 'SIGKILL')
    t.match(await crashed, { generation: 1, restartInMs: null })
    await replacing
    t.match(supervisor.workers(), [{ generation: 2, state: 'ready' }])
  },
)

await t.test('replacing a worker that waits to be started again starts it now', async t => {
  const { supervisor } = await startFleet(t, { workers: 1, backoff: { initialMs: 60_000, maxMs: 60_000 } })
  const crashed = nextEvent('crashed')
  process.kill(supervisor.workers()[0]?.pid ?? 0, 'SIGKILL')
  await crashed
  await supervisor.replace(0)
  t.match(supervisor.workers(), [{ generation: 2, state: 'ready' }])
})

await t.test('replacing a worker that waits, without success, makes it wait again', async t => {
  const { supervisor } = await startFleet(t, {
    workers: 1,
    args: ['not-twice'],
    backoff: { initialMs: 60_000, maxMs: 60_000 },
  })
  const crashed = nextEvent('crashed')
  process.kill(supervisor.workers()[0]?.pid ?? 0, 'SIGKILL')
  await crashed
  await t.rejects(supervisor.replace(0), { code: 'SUPERVISOR_ERR_REPLACE_FAILED', message: /There is none before it/ })
  t.match(supervisor.workers(), [{ generation: 2, state: 'backing-off', recentCrashes: 2 }])
})

await t.test('old and new serve together for the overlap, then the old one drains', async t => {
  const clock = new FakeClock()
  const { supervisor } = await startFleet(t, { workers: 1, clock, overlapMs: 2000 })
  const ready = nextEvent('ready')
  const replaced = nextEvent<WorkerReplacedEvent>('replaced')
  const replacing = supervisor.replace()
  await ready
  await new Promise(resolve => setImmediate(resolve))
  const both = [
    { generation: 1, state: 'ready', onProbation: false },
    { generation: 2, state: 'ready', onProbation: true },
  ]
  clock.advance(1999)
  await new Promise(resolve => setImmediate(resolve))
  t.match(supervisor.workers(), both)
  clock.advance(1)
  await replacing
  t.match(await replaced, { generation: 2, previousGeneration: 1 })
  t.match(supervisor.workers(), [{ generation: 2, state: 'ready', onProbation: false }])
})

await t.test('stop() while replacing ends both generations', async t => {
  const { supervisor, pids } = await startFleet(t, { workers: 1, overlapMs: 60_000 })
  const ready = nextEvent('ready')
  const replacing = supervisor.replace()
  await ready
  t.match(supervisor.workers(), [
    { generation: 1, state: 'ready' },
    { generation: 2, state: 'ready' },
  ])
  await Promise.all([t.rejects(replacing, { code: 'SUPERVISOR_ERR_NOT_RUNNING' }), supervisor.stop()])
  t.equal(pids.length, 2)
  t.notOk(pids.some(isAlive))
})

await t.test('replacements wait for each other, and the same one that still waits is joined', async t => {
  const { supervisor, pids } = await startFleet(t, { workers: 1 })
  await Promise.all([supervisor.replace(0), supervisor.replace(0), supervisor.replace(0)])
  // The first begins in a later turn, so all three are one.
  t.equal(pids.length, 2)
  const started = nextEvent('started')
  const first = supervisor.replace(0)
  await started
  await Promise.all([first, supervisor.replace(0), supervisor.replace()])
  t.equal(pids.length, 5)
  t.match(supervisor.workers(), [{ generation: 5, state: 'ready' }])
  await t.rejects(supervisor.replace(1), { code: 'SUPERVISOR_ERR_UNKNOWN_WORKER', message: /0 to 0/ })
})
