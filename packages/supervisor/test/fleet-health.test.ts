// A worker that stands still says nothing: what shows it is how old its last report is.
import t from 'tap'
import { fleetHealth } from '../src/fleet-health.ts'
import { advanceUntil, startScripted, type ScriptedWorker } from './fixture/scripted-fleet.ts'

const SECOND_MS = 1000

await t.test(
  'a worker that reported and fell silent is fully busy, and the reason why the fleet is not well',
  async t => {
    const { supervisor, fleet, clock } = await startScripted(t, { overlapMs: 0 })
    const [steady, silent, mute] = fleet.workers as [ScriptedWorker, ScriptedWorker, ScriptedWorker]
    silent.say('worker:report', { utilization: 0.25 })
    const run = async (seconds: number): Promise<void> => {
      for (let second = 0; second < seconds; second++) {
        await clock.advanceAsync(SECOND_MS)
        steady.say('worker:report', { utilization: 0.5 })
      }
    }
    const health = () => fleetHealth(supervisor.workers(), clock.now())

    await run(5)
    t.match(supervisor.workers(), [
      { utilization: 0.5, reportAgeMs: 0 },
      { utilization: 0.25, reportAgeMs: 5 * SECOND_MS },
      { utilization: null, reportAgeMs: null },
    ])
    t.match(health(), { status: 'ok', ready: 3, reasons: { length: 0 } }, 'who never reported is not missed')
    await run(2)
    t.match(supervisor.workers(), [
      { state: 'ready', utilization: 0.5, reportAgeMs: 0 },
      { state: 'ready', utilization: 1, reportAgeMs: 7 * SECOND_MS },
      { state: 'ready', utilization: null, reportAgeMs: null },
    ])
    const reasons = ["worker 1 is ready, hasn't reported for 7.0 s: its event loop stands still"]
    t.strictSame(health(), { status: 'degraded', ready: 3, workers: 3, reasons })

    // Those of its fleet learn the same.
    const figures = supervisor.figures()
    await advanceUntil(clock, figures, 1)
    t.match(await figures, {
      health: { status: 'degraded' },
      workers: [{}, { utilization: 1, reportAgeMs: Number }, {}],
    })

    silent.say('worker:unready', { reason: 'no database' })
    t.match(health().reasons, [/^worker 1 is unready, it says: no database, hasn't reported for 7.0 s: /])
    silent.say('worker:ready')
    silent.say('worker:report', { utilization: 0.75 })
    t.match(supervisor.workers()[1], { utilization: 0.75, reportAgeMs: 0 })
    t.match(health(), { status: 'ok', reasons: { length: 0 } }, 'over when it reports again')

    silent.say('worker:draining')
    await run(10)
    t.match(
      supervisor.workers().find(({ state }) => state === 'draining'),
      { worker: 1, utilization: 0.75, reportAgeMs: null },
      'who drains need not report',
    )
    t.notMatch(health().reasons.join(), /stands still/)
    t.ok(mute.isAlive)
  },
)
