// A worker that asks to be replaced, from its link to the fleet's figures, with real processes under load.
import t from 'tap'
import type { RecycledEvent, RecycleRequestedEvent, WorkerStatus } from '@plimsoll/supervisor'
import { fleetHealth } from '../src/fleet-health.ts'
import { get, nextEvent, startFleet } from './fixture/fleet.ts'
import { RoundRobinClient } from './fixture/round-robin-client.ts'
import { startScripted } from './fixture/scripted-fleet.ts'

await t.test('a worker that asks for it is replaced under load, and no request is lost', async t => {
  const client = new RoundRobinClient()
  t.teardown(() => client.close())
  const { supervisor } = await startFleet(t, { onChange: endpoints => client.use(endpoints) })
  const requested = nextEvent<RecycleRequestedEvent>('recycleRequested')
  const recycled = nextEvent<RecycledEvent>('recycled')
  const socketPath = supervisor.workers()[1]?.socketPath ?? ''
  client.start(4)
  await get(socketPath, '/recycle/leak')
  t.match(await requested, { worker: 1, generation: 1, reason: 'leak', detail: 'asked over HTTP' })
  t.match(await recycled, { worker: 1, generation: 1, reason: 'leak', result: 'replaced', waitedMs: Number })
  await client.stop()
  t.same(client.failures, [])
  t.match(supervisor.workers(), [
    { worker: 0, generation: 1, state: 'ready' },
    { worker: 1, generation: 2, state: 'ready', restarts: 0, recycleRequested: null },
  ])
  t.match(await supervisor.metrics(), /supervisor_recycles_total\{reason="leak",result="replaced"\} 1\n/)
})

await t.test('it waits while another worker is not ready, and operators see that', async t => {
  const { supervisor } = await startFleet(t)
  const [first, second] = supervisor.workers()
  await get(first?.socketPath ?? '', '/unready')
  const requested = nextEvent<RecycleRequestedEvent>('recycleRequested')
  await get(second?.socketPath ?? '', '/recycle/fragmentation')
  await requested
  const statuses: WorkerStatus[] = supervisor.workers()
  t.match(statuses, [
    { state: 'unready', unreadyReason: 'no database' },
    { state: 'ready', recycleRequested: { reason: 'fragmentation', detail: 'asked over HTTP', sinceMs: Number } },
  ])
  t.match(fleetHealth(statuses, statuses[1]?.recycleRequested?.sinceMs ?? 0), {
    status: 'degraded',
    ready: 1,
    reasons: [
      'worker 0 is unready, it says: no database',
      'worker 1 has waited to be recycled for 0.0 s: fragmentation (asked over HTTP)',
    ],
  })
  t.match(await supervisor.metrics(), /supervisor_recycles_deferred 1\n/)
  const recycled = nextEvent<RecycledEvent>('recycled')
  await get(first?.socketPath ?? '', '/well')
  t.match(await recycled, { worker: 1, result: 'replaced' })
})

await t.test(
  'an emergency for which two replacements did not start is drained first, and only then started again',
  async t => {
    const { supervisor, fleet, clock } = await startScripted(t, {
      recycling: { whenStartFails: 'drain-first', minIntervalMs: 1000 },
    })
    const [old] = fleet.of(1)
    old?.say('worker:recycle', { reason: 'emergency', detail: '96 %' })
    for (const expected of ['1-2', '1-3']) {
      await clock.advanceAsync(2000)
      const successor = fleet.of(1).at(-1)
      t.equal(successor?.id, expected)
      t.ok(old?.serves, 'the old one serves meanwhile')
      successor?.die(null, 'SIGKILL')
      await clock.advanceAsync(0)
    }
    await clock.advanceAsync(2000)
    t.ok(old?.isOrderedToDrain)
    t.same(fleet.of(1), [old], 'nothing starts beside it')
    const recycled = nextEvent<RecycledEvent>('recycled')
    old?.finishDraining()
    await clock.advanceAsync(0)
    t.equal(fleet.of(1)[0]?.id, '1-4')
    fleet.of(1)[0]?.ready()
    await clock.advanceAsync(0)
    t.match(await recycled, { worker: 1, generation: 1, reason: 'emergency', result: 'drained-first' })
    t.equal(fleet.workers.length, 6, 'and the others were left alone')
    const metrics = supervisor.metrics()
    await clock.advanceAsync(1) // Scripted workers don't answer a scrape.
    t.match(await metrics, /supervisor_recycles_total\{reason="emergency",result="failed"\} 2\n/)
  },
)

await t.test('workers of one start that reach their age go one after the other', async t => {
  const { supervisor, fleet, clock } = await startScripted(t, {
    recycling: { maxAgeMs: 3_600_000, minIntervalMs: 60_000 },
  })
  const busiest: number[] = []
  for (let minute = 0; minute < 62; minute++) {
    for (const worker of fleet.alive) {
      if (worker.isStarting) worker.ready()
      else if (worker.isOrderedToDrain) worker.finishDraining()
    }
    busiest.push(fleet.alive.length)
    await clock.advanceAsync(60_000)
  }
  t.same(
    supervisor.workers().map(({ generation }) => generation),
    [2, 2, 2],
  )
  t.equal(Math.max(...busiest), 4, 'at most one more than there should be')
})
