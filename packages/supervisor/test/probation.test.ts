// A new generation that gets ready and then fails, with real processes: the old one goes on as if nothing had been.
import t from 'tap'
import { isAlive } from '@plimsoll/testing'
import type { ProbationFailedEvent, WorkerReadyEvent } from '@plimsoll/supervisor'
import { FakeClock } from './fixture/fake-clock.ts'
import { get, nextEvent, send, startFleet } from './fixture/fleet.ts'
import { RoundRobinClient } from './fixture/round-robin-client.ts'

/** Longer than any test: a probation that ends is one that was decided. */
const FOR_EVER_MS = 600_000

await t.test(
  'a new generation that crashes on probation: the old one was never told anything, and the roll stops',
  async t => {
    const { supervisor, announced, pids, log } = await startFleet(t, {
      args: ['ready-and-crash'],
      overlapMs: FOR_EVER_MS,
    })
    const failed = nextEvent<ProbationFailedEvent>('probationFailed')
    const slow = send(supervisor.workers()[0]?.socketPath ?? '', '/')
    await slow.arrived
    await t.rejects(supervisor.replace(), {
      code: 'SUPERVISOR_ERR_REPLACE_FAILED',
      message:
        /Generation 2 of worker 0 got ready and failed on probation: exit code 3\. The one before it keeps serving/,
    })
    t.match(await failed, { worker: 0, generation: 2, failure: 'exit code 3' })
    t.match(supervisor.workers(), [
      { worker: 0, generation: 1, state: 'ready', restarts: 0, recentCrashes: 0, onProbation: false },
      { worker: 1, generation: 1, state: 'ready' },
    ])
    t.notOk(
      announced.some(list => list.some(({ id, state }) => id === '0-1' && state !== 'ready')),
      'it was announced as ready all the time',
    )
    slow.finish()
    t.match(await slow.answer, { generation: 1 })
    t.equal(pids.length, 3, 'worker 1 was left alone')
    t.match(
      log.lines.find(({ level }) => level === 'error'),
      { message: /failed on probation/ },
    )
    t.match(await supervisor.metrics(), /supervisor_replacements_failed_total 1/)
  },
)

await t.test('one that takes its readiness back on probation drains what it has got, and is gone', async t => {
  const { supervisor, announced, pids } = await startFleet(t, {
    workers: 1,
    args: ['ready-and-unready'],
    overlapMs: FOR_EVER_MS,
  })
  await t.rejects(supervisor.replace(0), {
    message:
      /failed on probation: it says that it isn't ready any more \(no database\)\. The one before it keeps serving/,
  })
  t.match(supervisor.workers(), [{ generation: 1, state: 'ready' }])
  t.ok(
    announced.some(list => list.some(({ id, state }) => id === '0-2' && state === 'draining')),
    'it was announced as draining before it ended: it had been listed',
  )
  t.same(pids.map(isAlive), [true, false])
})

await t.test(
  'a SIGKILL of the new one on probation, under load: the old one goes on alone and loses nothing',
  async t => {
    const client = new RoundRobinClient()
    t.teardown(() => client.close())
    const { supervisor } = await startFleet(t, {
      workers: 1,
      overlapMs: FOR_EVER_MS,
      // What the killed one had got is lost with it, so this client leaves the new one alone.
      onChange: endpoints => client.use(endpoints.filter(({ id }) => id === '0-1')),
    })
    client.start(4)
    const ready = nextEvent<WorkerReadyEvent>('ready')
    const replacing = supervisor.replace(0)
    process.kill((await ready).pid ?? 0, 'SIGKILL')
    await t.rejects(replacing, { code: 'SUPERVISOR_ERR_REPLACE_FAILED', message: /ended by SIGKILL/ })
    await client.stop()
    t.same(client.failures, [])
    t.match(supervisor.workers(), [{ generation: 1, state: 'ready', restarts: 0 }])
  },
)

await t.test('a SIGKILL of the old one on probation: the new one takes its place at once', async t => {
  const clock = new FakeClock()
  const { supervisor } = await startFleet(t, { workers: 1, clock, overlapMs: 2000 })
  const old = supervisor.workers()[0]
  const ready = nextEvent<WorkerReadyEvent>('ready')
  const replacing = supervisor.replace(0)
  await ready
  const ended = nextEvent('ended')
  process.kill(old?.pid ?? 0, 'SIGKILL')
  await ended
  t.match(supervisor.workers(), [{ generation: 2, state: 'ready', onProbation: false, restarts: 0 }])
  clock.advance(2000)
  await replacing
  t.match(await get(supervisor.workers()[0]?.socketPath ?? '', '/'), { generation: 2 })
})

await t.test('a SIGKILL of another worker during a roll: it comes back, and the roll goes on', async t => {
  const { supervisor } = await startFleet(t, { backoff: { initialMs: 10 } })
  const ready = nextEvent<WorkerReadyEvent>('ready', event => event.worker === 0)
  const replacing = supervisor.replace()
  await ready
  process.kill(supervisor.workers().at(-1)?.pid ?? 0, 'SIGKILL')
  await replacing
  t.match(supervisor.workers(), [
    { worker: 0, generation: 2, state: 'ready' },
    // Whoever comes first starts it again: the restart after the pause, or the roll, whose turn it may be by then.
    { worker: 1, state: 'ready', recentCrashes: 1 },
  ])
  t.ok((supervisor.workers()[1]?.generation ?? 0) >= 2)
})
