// The number of workers follows the load: in a fleet of objects with time that stands still, and once with real processes for the counters.
import t, { type Test } from 'tap'
import type { ScaledEvent, ScalingOptions, WorkerReadyEvent } from '@plimsoll/supervisor'
import { get, nextEvent, startFleet } from './fixture/fleet.ts'
import { parseText, wentBack } from './fixture/prometheus-text.ts'
import { advanceUntil, startScripted } from './fixture/scripted-fleet.ts'

const SECOND_MS = 1000

async function startScaling(t: Test, scaling: Partial<ScalingOptions> = {}) {
  const service = await startScripted(t, { workers: { min: 2, max: 4 }, overlapMs: 0, scaling })
  const { fleet, clock } = service

  /** So many seconds of a load, reported each second; who starts gets ready, who drains finishes. */
  const run = async (seconds: number, utilization: number, fails = false): Promise<void> => {
    for (let second = 0; second < seconds; second++) {
      for (const worker of fleet.alive) {
        if (worker.isStarting && fails) worker.die(1, null)
        else if (worker.isStarting) worker.ready()
        else if (worker.isOrderedToDrain) worker.finishDraining()
        worker.say('worker:report', { utilization })
      }
      await clock.advanceAsync(SECOND_MS)
    }
  }
  const living = (): string[] => fleet.alive.map(({ id }) => id).toSorted()
  return { ...service, run, living }
}

await t.test('the fleet grows under load, shrinks again, and uses no identity twice', async t => {
  const { supervisor, run, living } = await startScaling(t)
  const scaled = nextEvent<ScaledEvent>('scaled')
  await run(15, 0.9)
  t.match(await scaled, { from: 2, to: 3, utilization: 0.9 })
  t.same(living(), ['0-1', '1-1', '2-1'])
  await run(100, 0.9)
  t.same(living(), ['0-1', '1-1', '2-1', '3-1'], 'not beyond the maximum')
  await run(400, 0.05)
  t.same(living(), ['0-1', '1-1'], 'not below the minimum; the highest numbers went')
  await t.rejects(supervisor.replace(2), { code: 'SUPERVISOR_ERR_UNKNOWN_WORKER', message: /0 to 1/ })
  await run(30, 0.9)
  t.same(living(), ['0-1', '1-1', '2-2'])
  t.match(supervisor.workers().at(-1), { worker: 2, generation: 2, state: 'ready', utilization: 0.9 })
})

await t.test('a worker that is taken away drains in order, and is not missed while it does', async t => {
  const { supervisor, fleet, clock, run, living } = await startScaling(t, { cooldownMs: 0, downAfterMs: 0 })
  await run(12, 0.9)
  t.same(living(), ['0-1', '1-1', '2-1'])
  for (const worker of fleet.alive) worker.say('worker:report', { utilization: 0 })
  await clock.advanceAsync(SECOND_MS)
  t.match(supervisor.workers(), [
    { worker: 0, state: 'ready', retiring: false },
    { worker: 1, state: 'ready', retiring: false },
    { worker: 2, state: 'draining', retiring: true },
  ])
  t.ok(fleet.of(2)[0]?.isOrderedToDrain)
  await clock.advanceAsync(10 * SECOND_MS)
  t.equal(fleet.alive.length, 3, 'nothing else is changed meanwhile')
  fleet.of(2)[0]?.finishDraining()
  await clock.advanceAsync(0)
  t.same(
    supervisor.workers().map(({ worker, state }) => `${worker} ${state}`),
    ['0 ready', '1 ready'],
  )
})

await t.test('a new worker that does not start is given up, and tried again after the cooldown', async t => {
  const { supervisor, fleet, log, run, living } = await startScaling(t)
  await run(20, 0.9, true)
  t.same(living(), ['0-1', '1-1'])
  t.match(
    log.lines.filter(({ level }) => level === 'error'),
    [{ message: /could not be scaled/ }],
  )
  t.match(supervisor.workers(), [{ worker: 0 }, { worker: 1 }])
  t.equal(fleet.workers.length, 3)
  await run(60, 0.9)
  t.ok(living().includes('2-2'))
})

await t.test('not while a worker is being replaced, is not ready, or when memory says no', async t => {
  let free = true
  const { supervisor, fleet, clock, run, living } = await startScaling(t, { mayAdd: () => free })
  const replaced = supervisor.replace(0)
  for (let second = 0; second < 25; second++) {
    for (const worker of fleet.alive) worker.say('worker:report', { utilization: 1 })
    await clock.advanceAsync(SECOND_MS)
  }
  t.equal(fleet.workers.length, 3, 'only the replacement, which starts for 25 s')
  await run(2, 1)
  await replaced
  fleet.of(1)[0]?.unready()
  await run(60, 1)
  t.same(living(), ['0-2', '1-1'])
  fleet.of(1)[0]?.ready()
  free = false
  await run(60, 1)
  t.same(living(), ['0-2', '1-1'])
  free = true
  await run(2, 1)
  t.same(living(), ['0-2', '1-1', '2-1'])
})

await t.test('a mayAdd that throws ends nothing: the fleet stays as it is until it answers', async t => {
  let isBroken = true
  const { log, run, living } = await startScaling(t, {
    mayAdd() {
      if (isBroken) throw new Error('no such cgroup')
      return true
    },
  })
  await run(30, 0.9)
  t.same(living(), ['0-1', '1-1'])
  t.match(
    log.lines.filter(({ level }) => level === 'error'),
    [{ fields: { error: 'no such cgroup' } }],
  )
  isBroken = false
  await run(2, 0.9)
  t.same(living(), ['0-1', '1-1', '2-1'])
})

await t.test('stop() while a worker is being added or taken away leaves nothing', async t => {
  const { supervisor, fleet, clock, run } = await startScaling(t)
  await run(11, 0.9)
  t.match(supervisor.workers().at(-1), { worker: 2, state: 'starting' })
  await advanceUntil(clock, supervisor.stop(), SECOND_MS, () => {
    for (const worker of fleet.alive) worker.finishDraining()
  })
  t.equal(fleet.alive.length, 0)
  t.equal(clock.pending, 0)
})

await t.test('with real processes: what a worker that was taken away had counted stays in the sum', async t => {
  const { supervisor } = await startFleet(t, {
    workers: { min: 1, max: 2 },
    scaling: { upAfterMs: 0, downAfterMs: 0, cooldownMs: 0 },
  })
  const socket = (worker: number): string => supervisor.workers()[worker]?.socketPath ?? ''
  const added = nextEvent<WorkerReadyEvent>('ready', event => event.worker === 1)
  await get(socket(0), '/busy/0.9')
  await added
  t.match(await supervisor.metrics(), /supervisor_workers_wanted 2\n/)
  const removed = nextEvent<ScaledEvent>('scaled', event => event.to === 1)
  await get(socket(1), '/counted')
  await get(socket(1), '/busy/0')
  const before = await supervisor.metrics()
  t.equal(parseText(before).get('fixture_requests_total{path="/counted"}'), 1)
  const idle = setInterval(() => void get(socket(0), '/busy/0'), 200)
  t.teardown(() => clearInterval(idle))
  await removed
  clearInterval(idle)
  const after = await supervisor.metrics()
  t.equal(parseText(after).get('fixture_requests_total{path="/counted"}'), 1)
  t.same(wentBack(before, after), [])
  t.match(after, /supervisor_scalings_total\{direction="remove"\} 1\n/)
  t.match(after, /supervisor_workers_wanted 1\n/)
})
