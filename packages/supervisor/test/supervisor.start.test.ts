// The fleet's start with real processes: what keeps it from starting, and that nothing is left behind then.
import { EventEmitter } from 'node:events'
import { fork, type ChildProcess } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { isAlive } from '@plimsoll/testing'
import {
  createSupervisor,
  type WorkerCrashedEvent,
  type WorkerReadyEvent,
  type WorkerStartedEvent,
} from '@plimsoll/supervisor'
import { get, makeFleet, makeRunFolder, MemoryLog, nextEvent, startFleet, WORKER } from './fixture/fleet.ts'

await t.test(
  'a worker that crashes before it was ever ready fails the start, with its last words, and ends the others',
  async t => {
    const { supervisor, pids, sockets } = await makeFleet(t, { args: ['crash-before-ready'] })
    await t.rejects(supervisor.start(), {
      code: 'SUPERVISOR_ERR_WORKER_START_FAILED',
      message: /Worker [01] didn't start: exit code 3.*the database is on fire/s,
      stderr: /on fire/,
    })
    t.notOk(pids.some(isAlive))
    t.same(await sockets(), [])
  },
)

await t.test("an entry that doesn't exist fails the start and says so", async t => {
  const { supervisor } = await makeFleet(t, { workers: 1, entry: '/nowhere/main.ts' })
  await t.rejects(supervisor.start(), {
    code: 'SUPERVISOR_ERR_WORKER_START_FAILED',
    message: /Cannot find module.*nowhere/s,
  })
})

await t.test("a worker that doesn't get ready in time is ended and fails the start", async t => {
  const { supervisor, pids } = await makeFleet(t, { workers: 1, args: ['never-ready'], startTimeoutMs: 300 })
  await t.rejects(supervisor.start(), {
    code: 'SUPERVISOR_ERR_WORKER_START_FAILED',
    message: /it wasn't ready in time/,
  })
  t.equal(pids.length, 1)
  t.notOk(pids.some(isAlive))
})

await t.test('a fork that throws (out of memory) fails the start', async t => {
  const { supervisor } = await makeFleet(t, {
    workers: 1,
    fork() {
      throw Object.assign(new Error('spawn ENOMEM'), { code: 'ENOMEM' })
    },
  })
  await t.rejects(supervisor.start(), {
    code: 'SUPERVISOR_ERR_WORKER_START_FAILED',
    message: /couldn't be forked \(spawn ENOMEM\)/,
  })
})

await t.test('a fork that fails later (too many processes) is a crash like any other and is tried again', async t => {
  let forks = 0
  const { supervisor } = await startFleet(t, {
    workers: 1,
    fork(entry, args, options) {
      forks++
      if (forks !== 2) return fork(entry, [...args], options)
      const failed = new EventEmitter() as ChildProcess
      process.nextTick(() => failed.emit('error', Object.assign(new Error('spawn EAGAIN'), { code: 'EAGAIN' })))
      return failed
    },
  })
  const failed = nextEvent<WorkerCrashedEvent>('crashed', ({ generation }) => generation === 2)
  const back = nextEvent<WorkerReadyEvent>('ready', ({ generation }) => generation === 3)
  process.kill(supervisor.workers()[0]?.pid ?? 0, 'SIGKILL')
  t.match(await failed, { pid: null, exit: { reason: 'spawn-failed' } })
  await back
  t.match(supervisor.workers(), [{ generation: 3, state: 'ready', restarts: 2 }])
})

await t.test('stop() while starting ends the start and leaves nothing', async t => {
  const { supervisor, pids } = await makeFleet(t, { args: ['never-ready'] })
  const forked = nextEvent<WorkerStartedEvent>('started', ({ worker }) => worker === 1)
  const starting = supervisor.start()
  await forked
  await Promise.all([t.rejects(starting, { code: 'SUPERVISOR_ERR_NOT_RUNNING' }), supervisor.stop()])
  t.equal(pids.length, 2)
  t.notOk(pids.some(isAlive))
})

await t.test('stop() before start() is done at once, also in the turn in which start() was called', async t => {
  const never = await makeFleet(t)
  await never.supervisor.stop()
  t.same(never.supervisor.workers(), [])

  const { supervisor, pids } = await makeFleet(t)
  const starting = supervisor.start()
  await Promise.all([t.rejects(starting, { code: 'SUPERVISOR_ERR_NOT_RUNNING' }), supervisor.stop()])
  t.same(pids, [], 'nothing was forked')
})

await t.test('a second supervisor on the same run folder is refused and touches nothing', async t => {
  const { supervisor, runFolder, sockets } = await startFleet(t)
  const second = createSupervisor({ entry: WORKER, workers: 2, runFolder, logger: new MemoryLog() })
  await t.rejects(second.start(), { code: 'SUPERVISOR_ERR_RUN_FOLDER_IN_USE' })
  t.same(await sockets(), ['0-1.sock', '1-1.sock'])
  t.match(await get(supervisor.workers()[0]?.socketPath ?? '', '/'), { worker: 0 })
})

await t.test('sockets of an earlier run are removed, and generations go on above them', async t => {
  const runFolder = await makeRunFolder(t)
  await Promise.all(['0-7.sock', '3-2.sock', 'endpoints.json'].map(name => writeFile(join(runFolder, name), '')))
  const { supervisor, sockets } = await startFleet(t, { runFolder, workers: 1 })
  t.same(await sockets(), ['0-8.sock'])
  t.match(supervisor.workers(), [{ generation: 8 }])
})

await t.test('options out of range and run folders that cannot be are refused by name', async t => {
  const base = { entry: WORKER, workers: 1, runFolder: '/tmp/x', logger: new MemoryLog() }
  const refused = (options: object, message: RegExp): void => {
    t.throws(() => createSupervisor({ ...base, ...options }), { code: 'SUPERVISOR_ERR_OPTION', message })
  }
  refused({ workers: 0 }, /'workers' is 0/)
  refused({ workers: 1.5 }, /'workers' is 1.5/)
  refused({ entry: '' }, /'entry' is empty/)
  refused({ drainTimeoutMs: 0 }, /'drainTimeoutMs'/)
  refused({ startTimeoutMs: 2 ** 31 }, /'startTimeoutMs'/)
  refused({ workers: { min: 3, max: 2 } }, /'workers.max' is 2; it has to be a whole number, 3 or more/)
  refused({ scaling: { upAbove: 0.5 } }, /'scaling' has no effect with 'workers' at 1/)
  const workers = { min: 1, max: 2 }
  refused({ workers, scaling: { upAbove: 1.5 } }, /'scaling.upAbove' is 1.5; it has to be a number from 0 to 1/)
  refused({ workers, scaling: { upAbove: 0.3 } }, /'scaling.downBelow' \(0.35\) isn't below 'scaling.upAbove' \(0.3\)/)
  refused({ workers, scaling: { mayAdd: true } }, /'scaling.mayAdd' is 'true'; it has to be a function/)
  refused({ workers, scaling: { upAfter: 5 } }, /'scaling.upAfter' is unknown; 'scaling' takes 'upAbove', 'upAfterMs'/)
  refused({ recycling: { perHour: 1 } }, /'recycling.perHour' is unknown/)
  refused({ backoff: { initial: 1 } }, /'backoff.initial' is unknown/)
  refused({ crashLoop: { toString: 1 } }, /'crashLoop.toString' is unknown; 'crashLoop' takes 'crashes', 'withinMs'/)
  t.doesNotThrow(
    () => createSupervisor({ ...base, workers: { min: 2, max: 2 }, scaling: { upAbove: 0.5 } }),
    'a range of one number is still a range',
  )
  refused({ recycling: { maxPerHour: -1 } }, /'recycling.maxPerHour' is -1/)
  refused({ recycling: { maxAgeMs: 2 ** 31 } }, /'recycling.maxAgeMs'/)
  refused({ recycling: { whenStartFails: 'panic' } }, /'recycling.whenStartFails' is 'panic'/)
  refused({ backoff: { initialMs: 500, maxMs: 100 } }, /'backoff.maxMs' \(100\) is below 'backoff.initialMs' \(500\)/)

  const long = createSupervisor({ ...base, runFolder: `/tmp/${'x'.repeat(90)}` })
  await t.rejects(long.start(), { code: 'SUPERVISOR_ERR_SOCKET_PATH_TOO_LONG', message: /at most 100/ })
  const folder = await makeRunFolder(t)
  await writeFile(join(folder, 'file'), '')
  const notAFolder = createSupervisor({ ...base, runFolder: join(folder, 'file') })
  await t.rejects(notAFolder.start(), { code: 'SUPERVISOR_ERR_RUN_FOLDER' })
  await mkdir(join(folder, 'fleet.lock'))
  const notALock = createSupervisor({ ...base, runFolder: folder })
  await t.rejects(notALock.start(), { code: 'SUPERVISOR_ERR_RUN_FOLDER' })
})
