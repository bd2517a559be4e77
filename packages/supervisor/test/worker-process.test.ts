// Processes that don't do as they're told.
import type { ChildProcess } from 'node:child_process'
import t from 'tap'
import { isAlive } from '@plimsoll/testing'
import { FakeClock } from './fixture/fake-clock.ts'
import { makeFleet, nextEvent, send, startFleet } from './fixture/fleet.ts'
import { UndeadProcess } from './fixture/undead-process.ts'
import type { WorkerEndedEvent } from '@plimsoll/supervisor'

await t.test('a worker that never finishes draining is told to exit when the drain time-out has passed', async t => {
  const { supervisor, log, pids } = await startFleet(t, { workers: 1, args: ['ignore-drain'], drainTimeoutMs: 100 })
  const ended = nextEvent<WorkerEndedEvent>('ended')
  await supervisor.stop()
  t.match(await ended, { exit: { reason: 'forced', code: 1 } })
  t.match(
    log.lines.filter(({ level }) => level === 'warn'),
    [{ fields: { reason: 'forced' } }],
  )
  t.notOk(pids.some(isAlive))
})

await t.test('a worker whose event loop stands still gets SIGKILL', async t => {
  const { supervisor, pids } = await startFleet(t, { workers: 1, drainTimeoutMs: 100, stopTimeoutMs: 100 })
  const blocked = send(supervisor.workers()[0]?.socketPath ?? '', '/block')
  blocked.answer.catch(() => {}) // It can't be answered.
  await blocked.arrived
  const ended = nextEvent<WorkerEndedEvent>('ended')
  await supervisor.stop()
  t.match(await ended, { exit: { reason: 'forced', signal: 'SIGKILL', code: null } })
  t.notOk(pids.some(isAlive))
})

await t.test('a worker whose drain fails is logged, and exits with 1', async t => {
  const { supervisor, log } = await startFleet(t, { workers: 1, args: ['fail-drain'] })
  const ended = nextEvent<WorkerEndedEvent>('ended')
  await supervisor.stop()
  t.match(await ended, { exit: { reason: 'drained', code: 1 } })
  t.match(log.lines.at(-1), { level: 'warn', fields: { error: 'the pool is stuck' } })
})

await t.test('a worker that has lost its channel and stays is ended, and counts as crashed', async t => {
  const fleet = await makeFleet(t, { workers: 1, args: ['deaf'], stopTimeoutMs: 50 })
  const ended = nextEvent<WorkerEndedEvent>('ended')
  const again = nextEvent('started', ({ generation }: { generation: number }) => generation === 2)
  await fleet.supervisor.start()
  t.match(await ended, { exit: { reason: 'channel-lost' } })
  await again
})

await t.test('a listener that never confirms a drain holds it no longer than the drain time-out', async t => {
  const clock = new FakeClock()
  const announced = Promise.withResolvers<void>()
  const { supervisor } = await startFleet(t, {
    workers: 1,
    clock,
    drainTimeoutMs: 5000,
    onChange(endpoints) {
      if (endpoints[0]?.state !== 'draining') return Promise.resolve()
      announced.resolve()
      return new Promise(() => {})
    },
  })
  const ended = nextEvent<WorkerEndedEvent>('ended')
  const stopping = supervisor.stop()
  await announced.promise
  t.match(supervisor.workers(), [{ state: 'draining' }], 'it has not been told yet')
  clock.advance(5000)
  t.match(await ended, { exit: { reason: 'drained', code: 0 } })
  await stopping
  t.equal(clock.pending, 0, 'no timer is left')
})

await t.test('between the announcement and the order to drain lies the notice', async t => {
  const clock = new FakeClock()
  const undead = new UndeadProcess()
  const { supervisor, announced } = await makeFleet(t, {
    workers: 1,
    clock,
    drainNoticeMs: 500,
    drainTimeoutMs: 1000,
    stopTimeoutMs: 1000,
    fork: () => undead as unknown as ChildProcess,
  })
  const forked = nextEvent('started')
  const starting = supervisor.start()
  await forked
  undead.emit('message', { type: 'worker:ready' })
  await starting
  const stopping = supervisor.stop()
  const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))
  await turn()
  t.match(announced.at(-1), [{ id: '0-1', state: 'draining' }])
  clock.advance(499)
  await turn()
  t.same(undead.received, [])
  clock.advance(1)
  await turn()
  t.same(undead.received, ['supervisor:drain'])
  undead.emit('message', { type: 'worker:drained', metrics: null, error: null })
  t.same(undead.received, ['supervisor:drain', 'supervisor:exit'])
  undead.emit('exit', 0, null)
  await stopping
})

await t.test('a process that outlives SIGKILL (uninterruptible sleep) is given up, so that stop() ends', async t => {
  const clock = new FakeClock()
  const undead = new UndeadProcess()
  const { supervisor, log } = await makeFleet(t, {
    workers: 1,
    clock,
    stopTimeoutMs: 5000,
    drainTimeoutMs: 30_000,
    fork: () => undead as unknown as ChildProcess,
  })
  const forked = nextEvent('started')
  const starting = supervisor.start()
  await forked
  undead.emit('message', { type: 'worker:ready' })
  await starting
  undead.emit('error', new Error('write EPIPE'))
  t.match(supervisor.workers(), [{ state: 'ready' }], 'a message that could not be sent is not its end')

  const stopping = supervisor.stop()
  await undead.told
  clock.advance(30_000)
  t.same(undead.signals, ['SIGTERM'])
  t.match(supervisor.workers(), [{ state: 'stopping' }])
  clock.advance(5000)
  t.same(undead.signals, ['SIGTERM', 'SIGKILL'])
  clock.advance(5000)
  await stopping
  t.match(log.lines.at(-1), { level: 'error', message: /still there after SIGKILL/ })
  t.match(supervisor.workers(), [{ state: 'ended', lastExit: { reason: 'forced', signal: 'SIGKILL' } }])
  t.equal(clock.pending, 0)
})
