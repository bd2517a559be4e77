// The fleet with real processes: up, down, and through what happens to processes.
import { fork } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { isAlive } from '@plimsoll/testing'
import type { WorkerCrashedEvent, WorkerEndedEvent, WorkerReadyEvent } from '@plimsoll/supervisor'
import { get, makeFleet, nextEvent, send, startFleet } from './fixture/fleet.ts'

await t.test('every worker listens on a socket of its own and says who it is', async t => {
  const { supervisor, announced, runFolder } = await startFleet(t, { env: { GREETING: 'ahoy' } })
  const statuses = supervisor.workers()
  t.match(statuses, [
    { worker: 0, generation: 1, state: 'ready', restarts: 0, lastExit: null, crashLoop: false },
    { worker: 1, generation: 1, state: 'ready', restarts: 0, lastExit: null, crashLoop: false },
  ])
  for (const { worker, generation, pid, socketPath } of statuses) {
    t.equal(socketPath, join(runFolder, `${worker}-${generation}.sock`))
    const answer = await get(socketPath, '/')
    t.match(answer, { worker, generation, pid })
    t.equal(answer.env['GREETING'], 'ahoy', 'it has the environment that was passed')
    t.notOk('PATH' in answer.env, "and none of the supervisor's own")
  }
  t.same(announced[0], [], 'first of all an old list is emptied')
  t.same(
    announced
      .at(-1)
      ?.map(({ id, state }) => ({ id, state }))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1)),
    [
      { id: '0-1', state: 'ready' },
      { id: '1-1', state: 'ready' },
    ],
  )
})

await t.test('a worker killed with SIGKILL leaves the list at once and comes back as the next generation', async t => {
  const { supervisor, announced, sockets } = await startFleet(t)
  const victim = supervisor.workers()[0]
  const crashed = nextEvent<WorkerCrashedEvent>('crashed')
  const back = nextEvent<WorkerReadyEvent>('ready')
  process.kill(victim?.pid ?? 0, 'SIGKILL')

  t.match(await crashed, { worker: 0, generation: 1, exit: { code: null, signal: 'SIGKILL', reason: 'crashed' } })
  await Promise.resolve()
  t.same(
    announced.at(-1)?.map(({ id }) => id),
    ['1-1'],
  )
  t.match(supervisor.workers()[0], { worker: 0, pid: null, state: 'backing-off', nextStartAtMs: Number })

  const { socketPath } = await back
  t.match(await get(socketPath, '/'), { worker: 0, generation: 2 })
  t.same(await sockets(), ['0-2.sock', '1-1.sock'], 'the socket of the dead one is gone')
  t.match(supervisor.workers()[0], { generation: 2, state: 'ready', restarts: 1, lastExit: { signal: 'SIGKILL' } })
  t.notSame(supervisor.workers()[0]?.pid, victim?.pid)
})

await t.test('a worker that exits with 0 by itself has crashed', async t => {
  const fleet = await makeFleet(t, { workers: 1, args: ['exit-zero'] })
  const crashed = nextEvent<WorkerCrashedEvent>('crashed')
  await fleet.supervisor.start()
  t.match(await crashed, { exit: { code: 0, reason: 'crashed' }, restartInMs: Number })
})

await t.test('a worker that closes its channel is ended and started again', async t => {
  const fleet = await makeFleet(t, { workers: 1, args: ['close-channel'] })
  const crashed = nextEvent<WorkerCrashedEvent>('crashed')
  await fleet.supervisor.start()
  const { pid, restartInMs } = await crashed
  t.type(restartInMs, 'number')
  t.notOk(isAlive(pid ?? 0))
})

await t.test('stop() drains: a request in flight is answered, then no process and no socket is left', async t => {
  const { supervisor, announced, pids, sockets } = await startFleet(t)
  const slow = send(supervisor.workers()[0]?.socketPath ?? '', '/')
  await slow.arrived
  const ended = [0, 1].map(worker => nextEvent<WorkerEndedEvent>('ended', event => event.worker === worker))
  const stopping = supervisor.stop()
  t.equal(supervisor.stop(), stopping, 'a second call joins the first')
  await ended[1]
  t.match(supervisor.workers(), [{ worker: 0, state: 'draining' }, { worker: 1 }], 'the other one still has a request')
  slow.finish()
  await stopping
  const exits = await Promise.all(ended)
  t.match(await slow.answer, { worker: 0 })
  t.ok(exits.every(({ exit }) => exit.reason === 'drained' && exit.code === 0))
  t.equal(pids.length, 2)
  t.notOk(pids.some(isAlive))
  t.same(await sockets(), [])
  t.match(supervisor.workers(), [{ state: 'ended' }, { state: 'ended' }])
  t.same(announced.at(-1), [])
  const draining = announced.findIndex(list => list.length === 2 && list.every(({ state }) => state === 'draining'))
  t.ok(draining > 0, 'all of them were announced as draining in one list first')
  await t.rejects(supervisor.start(), { code: 'SUPERVISOR_ERR_NOT_RUNNING' })
  await t.rejects(supervisor.replace(), { code: 'SUPERVISOR_ERR_NOT_RUNNING' })
})

await t.test('stop() while a worker waits to be started again forks nothing more', async t => {
  const { supervisor, pids } = await startFleet(t, { workers: 1, backoff: { initialMs: 60_000, maxMs: 60_000 } })
  const crashed = nextEvent('crashed')
  process.kill(supervisor.workers()[0]?.pid ?? 0, 'SIGKILL')
  await crashed
  t.match(supervisor.workers(), [{ state: 'backing-off' }])
  await supervisor.stop()
  t.equal(pids.length, 1)
  t.match(supervisor.workers(), [{ state: 'ended' }])
})

await t.test(
  'a worker that gets SIGTERM from outside drains, while the next generation starts in its place',
  async t => {
    const { supervisor, announced } = await startFleet(t, { workers: 1 })
    const old = supervisor.workers()[0]
    const slow = send(old?.socketPath ?? '', '/')
    await slow.arrived
    const ended = nextEvent<WorkerEndedEvent>('ended')
    const ready = nextEvent<WorkerReadyEvent>('ready')
    process.kill(old?.pid ?? 0, 'SIGTERM')
    t.match(await ready, { generation: 2 }, 'not only after its end')
    slow.finish()
    t.match(await slow.answer, { generation: 1 }, 'the request in flight was answered')
    t.match(await ended, { generation: 1, exit: { code: 0, reason: 'terminated' } })
    t.ok(announced.some(list => list.some(({ id, state }) => id === '0-1' && state === 'draining')))
    t.match(supervisor.workers(), [{ generation: 2, restarts: 1, recentCrashes: 0 }])
  },
)

await t.test('an inspector flag goes to worker 0 alone, and not to its successor while it still listens', async t => {
  const seen: string[] = []
  const { supervisor } = await startFleet(t, {
    execArgv: ['--inspect=127.0.0.1:0', '--no-deprecation'],
    fork(entry, args, options) {
      seen.push(`${options.env?.['PLIMSOLL_WORKER']}: ${options.execArgv?.join(' ')}`)
      return fork(entry, [...args], { ...options, execArgv: [] })
    },
  })
  await supervisor.replace(0)
  await supervisor.replace(0)
  t.same(seen, [
    '0: --inspect=127.0.0.1:0 --no-deprecation',
    '1: --no-deprecation',
    '0: --no-deprecation',
    '0: --inspect=127.0.0.1:0 --no-deprecation',
  ])
})

await t.test('a listener that throws or rejects is logged and harms nothing', async t => {
  const { supervisor, log } = await startFleet(t, {
    workers: 1,
    onChange: () => Promise.reject(new Error('disk full')),
  })
  t.match(supervisor.workers(), [{ state: 'ready' }])
  t.match(
    log.lines.find(({ level }) => level === 'error'),
    { fields: { error: 'disk full' } },
  )
})
