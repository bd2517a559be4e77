// The fleet under every kind of mishap at any time, in any order: workers that exist as objects, and time that stands still.
//
// What has to hold, whatever happens:
// * A worker that's ready is only announced as draining when another process of the same number is ready in its place, or it drains by itself.
// * A replacement is only begun while no other one is under way, and of a ready worker only while every other worker is ready.
// * No process gets the identity of another one.
// * After stop() nothing is forked, nothing lives and no timer is set.
import fc from 'fast-check'
import t from 'tap'
import { createSupervisor } from '@plimsoll/supervisor'
import { FakeClock } from './fixture/fake-clock.ts'
import { makeRunFolder, MemoryLog } from './fixture/fleet.ts'
import { advanceUntil, ScriptedFleet, type ScriptedWorker } from './fixture/scripted-fleet.ts'

const WORKERS = 3

type Command =
  | {
      readonly kind: 'ready' | 'crash' | 'unready' | 'well' | 'drain-by-itself' | 'finish' | 'recycle'
      readonly pick: number
    }
  | { readonly kind: 'replace'; readonly worker: number }
  | { readonly kind: 'replace-all' | 'deploy' }
  | { readonly kind: 'advance'; readonly ms: number }

const pick = fc.nat({ max: 5 })
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('ready' as const), pick }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('finish' as const), pick }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'crash' as const,
        'unready' as const,
        'well' as const,
        'drain-by-itself' as const,
        'recycle' as const,
      ),
      pick,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('replace' as const), worker: fc.nat({ max: WORKERS - 1 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('replace-all' as const, 'deploy' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.constantFrom(1, 100, 2000, 31_000) }),
  },
)

await t.test('never fewer ready workers by its own doing, one replacement at a time, and nothing left', async t => {
  const runFolder = await makeRunFolder(t)
  let replacements = 0
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 60 }), async commands => {
      const violations: string[] = []
      const clock = new FakeClock()
      const fleet = new ScriptedFleet()
      const announcedDraining = new Set<string>()
      let isStopping = false
      const isBeingReplaced = (number: number): boolean => {
        const processes = fleet.of(number)
        return (
          processes.filter(worker => !worker.isEnding).length > 1 || processes.some(worker => worker.isOrderedToDrain)
        )
      }
      fleet.onFork = forked => {
        if (isStopping) violations.push(`${forked.id} was forked after stop()`)
        if (fleet.workers.some(({ id }) => id === forked.id)) violations.push(`${forked.id} was forked twice`)
        const others = [...Array(WORKERS).keys()].filter(number => number !== forked.worker)
        const olds = fleet.of(forked.worker).filter(worker => !worker.isEnding)
        if (olds.length === 0) return
        replacements++
        const busy = others.filter(isBeingReplaced)
        if (busy.length > 0) violations.push(`${forked.id} replaces while ${busy.join(', ')} is being replaced`)
        const missing = others.filter(number => !fleet.isReady(number))
        if (olds.some(old => old.serves) && missing.length > 0) {
          violations.push(`${forked.id} replaces a ready worker while ${missing.join(', ')} isn't ready`)
        }
      }
      const supervisor = createSupervisor({
        entry: 'v1',
        workers: WORKERS,
        runFolder,
        logger: new MemoryLog(),
        clock,
        random: { next: () => 0.5 },
        fork: fleet.fork,
        overlapMs: 2000,
        drainNoticeMs: 0,
        recycling: { minIntervalMs: 1000 },
        onChange(list) {
          for (const { id, state } of list) {
            if (state !== 'draining' || announcedDraining.has(id) || isStopping) continue
            announcedDraining.add(id)
            const worker = fleet.workers.find(one => one.id === id)
            if (worker?.serves === true && !fleet.of(worker.worker).some(other => other !== worker && other.serves)) {
              violations.push(`${id} was ready and drains, with no other in its place`)
            }
          }
        },
      })
      const failures: unknown[] = []
      const order = (promise: Promise<void>): void => void promise.catch((error: unknown) => failures.push(error))
      const started = supervisor.start()
      while (fleet.workers.length < WORKERS) await new Promise(resolve => setImmediate(resolve))
      for (const worker of fleet.workers) worker.ready()
      await started

      for (const each of commands) {
        run(each)
        await clock.advanceAsync(0)
      }
      isStopping = true
      await advanceUntil(clock, supervisor.stop(), 40_000)
      await clock.advanceAsync(0)

      if (fleet.alive.length > 0) violations.push(`${fleet.alive.map(({ id }) => id).join(', ')} outlived stop()`)
      if (clock.pending > 0) violations.push(`${clock.pending} timers outlived stop()`)
      if (violations.length > 0) throw new Error(violations.join('\n'))

      function run(one: Command): void {
        const choose = (fits: (worker: ScriptedWorker) => boolean, index: number): ScriptedWorker | undefined => {
          const fitting = fleet.alive.filter(fits)
          return fitting[index % Math.max(1, fitting.length)]
        }
        switch (one.kind) {
          case 'ready':
            return choose(worker => worker.isStarting, one.pick)?.ready()
          case 'crash':
            return choose(() => true, one.pick)?.die(null, 'SIGKILL')
          case 'unready':
            return choose(worker => worker.serves, one.pick)?.unready()
          case 'well':
            return choose(worker => !worker.isReady && !worker.isStarting && !worker.isEnding, one.pick)?.ready()
          case 'drain-by-itself':
            return choose(worker => worker.serves, one.pick)?.drainByItself()
          case 'finish':
            return choose(worker => worker.isEnding, one.pick)?.finishDraining()
          case 'recycle':
            return choose(worker => worker.serves, one.pick)?.say('worker:recycle', { reason: 'leak', detail: '' })
          case 'replace':
            return order(supervisor.replace(one.worker))
          case 'replace-all':
            return order(supervisor.replace())
          case 'deploy':
            return order(supervisor.deploy({ entry: `v${fleet.workers.length}` }))
          case 'advance':
            return clock.advance(one.ms)
          default:
            return one satisfies never
        }
      }
    }),
    { numRuns: 60 },
  )
  t.ok(replacements > 20, `replacements did happen: ${replacements}`)
})
