// Rolls of the whole fleet, with workers that exist as objects where order and time matter, and with real ones for a roll back.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { SupervisorOptions } from '@plimsoll/supervisor'
import { get, startFleet, WORKER } from './fixture/fleet.ts'
import { startScripted, type ScriptedFleet, type ScriptedService } from './fixture/scripted-fleet.ts'

/** Processes that were forked after the start, as `worker-generation entry`. */
function forkedOf(fleet: ScriptedFleet): () => string[] {
  return () => fleet.workers.slice(3).map(({ id, entry }) => `${id} ${entry}`)
}

async function startRolling(t: Test, options: Partial<SupervisorOptions> = {}) {
  const service = await startScripted(t, options)
  return { ...service, forked: forkedOf(service.fleet) }
}

/** Everything that's begun goes well for so long: who starts gets ready, who drains finishes. */
async function goOn(
  { fleet, clock }: ScriptedService,
  fails: (entry: string, worker: number) => boolean = () => false,
): Promise<void> {
  for (let step = 0; step < 40; step++) {
    for (const worker of fleet.alive) {
      if (worker.isStarting && fails(worker.entry, worker.worker)) worker.die(1, null)
      else if (worker.isStarting) worker.ready()
      else if (worker.isOrderedToDrain) worker.finishDraining()
    }
    await clock.advanceAsync(1000)
  }
}

await t.test('workers that are not ready are replaced first, and nothing else until they are back', async t => {
  const rolling = await startRolling(t)
  const { fleet, clock, supervisor, forked } = rolling
  fleet.workers[2]?.unready()
  const replaced = supervisor.replace()
  await clock.advanceAsync(0)
  t.same(forked(), ['2-2 v1'])
  await goOn(rolling)
  await replaced
  t.same(forked(), ['2-2 v1', '0-2 v1', '1-2 v1'])
})

await t.test('a ready worker is not replaced while another one stays away, and the call says which', async t => {
  const { fleet, clock, supervisor, forked } = await startRolling(t, { startTimeoutMs: 5000 })
  fleet.workers[1]?.unready()
  const refused = t.rejects(supervisor.replace(0), {
    code: 'SUPERVISOR_ERR_OTHERS_NOT_READY',
    message: /Worker 0 isn't replaced: worker 1 isn't ready, also after 5 s/,
  })
  await clock.advanceAsync(4999)
  t.same(forked(), [])
  await clock.advanceAsync(1)
  await refused
  t.same(forked(), [])
})

await t.test('it goes on as soon as the other one is back', async t => {
  const rolling = await startRolling(t)
  const { fleet, clock, supervisor, forked } = rolling
  fleet.workers[1]?.unready()
  const replaced = supervisor.replace(0)
  await clock.advanceAsync(1000)
  t.same(forked(), [])
  fleet.workers[1]?.ready()
  await goOn(rolling)
  await replaced
  t.same(forked(), ['0-2 v1'])
})

await t.test('a deploy that works: all run the other program, and so does what is started after a crash', async t => {
  const rolling = await startRolling(t)
  const { fleet, clock, supervisor, forked } = rolling
  const deployed = supervisor.deploy({ entry: 'v2' })
  await goOn(rolling)
  await deployed
  t.same(forked(), ['0-2 v2', '1-2 v2', '2-2 v2'])
  fleet.of(1)[0]?.die(1, null)
  await clock.advanceAsync(1000)
  t.same(forked().at(-1), '1-3 v2')
})

await t.test('a deploy that fails at the second worker rolls the first one back', async t => {
  const rolling = await startRolling(t)
  const { fleet, clock, supervisor, forked } = rolling
  const failed = t.rejects(supervisor.deploy({ entry: 'v2' }), {
    code: 'SUPERVISOR_ERR_DEPLOY_FAILED',
    message: /Rolled back: worker 0\. Generation 2 of worker 1 didn't get ready/,
    stuck: [],
    cause: { code: 'SUPERVISOR_ERR_REPLACE_FAILED' },
  })
  await goOn(rolling, (entry, worker) => entry === 'v2' && worker === 1)
  await failed
  t.same(forked(), ['0-2 v2', '1-2 v2', '0-3 v1'])
  t.match(supervisor.workers(), [
    { worker: 0, generation: 3, state: 'ready' },
    { worker: 1, generation: 1, state: 'ready' },
    { worker: 2, generation: 1, state: 'ready' },
  ])
  fleet.of(2)[0]?.die(1, null)
  await clock.advanceAsync(1000)
  t.equal(forked().at(-1), '2-2 v1', 'what is started from now on is the program before')
})

await t.test('a new program that crashes after its probation, while the roll goes on, is rolled back too', async t => {
  const rolling = await startRolling(t, { startTimeoutMs: 5000 })
  const { fleet, clock, supervisor, forked } = rolling
  const failed = t.rejects(supervisor.deploy({ entry: 'v2' }), {
    message: /Rolled back: worker 0\. Worker 1 isn't replaced/,
  })
  await clock.advanceAsync(0)
  fleet.of(0).at(-1)?.ready()
  await clock.advanceAsync(2000)
  fleet
    .of(0)
    .find(worker => worker.isOrderedToDrain)
    ?.finishDraining()
  fleet.of(0).at(-1)?.die(1, null)
  await goOn(rolling, entry => entry === 'v2')
  await failed
  t.ok(forked().filter(id => id.startsWith('1-')).length === 0, 'worker 1 was never touched')
  t.match(forked().at(-1), /^0-\d+ v1$/)
})

await t.test(
  'a worker that goes down while the last one is replaced, and stays down, fails the deploy too',
  async t => {
    const rolling = await startRolling(t, { startTimeoutMs: 5000 })
    const { fleet, clock, supervisor, forked } = rolling
    const failed = t.rejects(supervisor.deploy({ entry: 'v2' }), {
      code: 'SUPERVISOR_ERR_DEPLOY_FAILED',
      message: /Rolled back: workers 0, 1, 2\. All workers were replaced, but worker 0 isn't ready, also after 5 s/,
      cause: { code: 'SUPERVISOR_ERR_OTHERS_NOT_READY', worker: null },
      stuck: [],
    })
    const hasChanged = [false, false, false]
    fleet.onFork = ({ worker }) => {
      if (worker !== 2 || hasChanged[2] === true) return
      hasChanged[2] = true
      // By now the others were all ready: this replacement is begun, and is the last.
      queueMicrotask(() => fleet.of(0)[0]?.die(1, null))
    }
    await goOn(rolling, (entry, worker) => entry === 'v2' && worker === 0 && hasChanged[2] === true)
    await failed
    t.equal(fleet.alive.map(({ entry }) => entry).join(' '), 'v1 v1 v1')
    t.ok(forked().includes('2-2 v2'))
    fleet.of(1)[0]?.die(1, null)
    await clock.advanceAsync(1000)
    t.match(forked().at(-1), /^1-\d+ v1$/, 'what is started from now on is the program before')
  },
)

await t.test('one that goes down meanwhile and comes back in time does not', async t => {
  const rolling = await startRolling(t, { startTimeoutMs: 5000 })
  const { fleet, supervisor } = rolling
  let hasDied = false
  const deployed = supervisor.deploy({ entry: 'v2' })
  fleet.onFork = ({ worker }) => {
    if (worker !== 2 || hasDied) return
    hasDied = true
    queueMicrotask(() => fleet.of(0)[0]?.die(1, null))
  }
  await goOn(rolling)
  await deployed
  t.ok(hasDied)
  t.equal(fleet.alive.map(({ entry }) => entry).join(' '), 'v2 v2 v2')
})

await t.test('a worker that can not be rolled back is named, and the others are', async t => {
  const rolling = await startRolling(t, { startTimeoutMs: 5000 })
  let backs = 0
  const failed = t.rejects(rolling.supervisor.deploy({ entry: 'v2' }), {
    message: /Rolled back: worker 1\. Could NOT be rolled back: worker 0/,
    stuck: [0],
  })
  await goOn(rolling, (entry, worker) => (entry === 'v2' ? worker === 2 : worker === 0 && backs++ === 0))
  await failed
})

await t.test('a deploy waits for a roll that is under way, and builds on the deploy before it', async t => {
  const rolling = await startRolling(t)
  const { supervisor } = rolling
  const all = Promise.all([
    supervisor.replace(),
    supervisor.deploy({ entry: 'v2' }),
    supervisor.deploy({ args: ['x'] }),
  ])
  await goOn(rolling)
  await all
  t.equal(rolling.forked().join(', '), '0-2 v1, 1-2 v1, 2-2 v1, 0-3 v2, 1-3 v2, 2-3 v2, 0-4 v2, 1-4 v2, 2-4 v2')
})

await t.test('with real processes: a broken version is rolled back from, its environment and all', async t => {
  const { supervisor, runFolder } = await startFleet(t, { env: { GREETING: 'ahoy' } })
  const broken = join(runFolder, 'broken.mjs')
  await writeFile(broken, "throw new Error('syntax of next year')\n")
  await t.rejects(supervisor.deploy({ entry: broken, env: {} }), {
    code: 'SUPERVISOR_ERR_DEPLOY_FAILED',
    message: /No worker had changed.*syntax of next year/s,
  })
  await supervisor.deploy({ entry: WORKER, args: ['serve', 'v2'] })
  for (const { socketPath, generation } of supervisor.workers()) {
    const { env } = await get(socketPath, '/')
    t.match(env, { GREETING: 'ahoy', PLIMSOLL_GENERATION: String(generation) })
  }
})
