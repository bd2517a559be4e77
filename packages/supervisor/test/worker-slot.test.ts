// One worker number over time, with real processes and a clock that stands still: crashes, back-off, the crash loop.
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { CrashLoopEvent, WorkerCrashedEvent, WorkerReadyEvent } from '@plimsoll/supervisor'
import { FakeClock } from './fixture/fake-clock.ts'
import { makeFleet, makeRunFolder, nextEvent } from './fixture/fleet.ts'

await t.test(
  'a worker that crashes again and again is restarted ever later, found to be in a loop, and forgiven',
  async t => {
    const clock = new FakeClock()
    const runFolder = await makeRunFolder(t)
    const crash = join(runFolder, 'crash')
    await writeFile(crash, '')
    const { supervisor, log } = await makeFleet(t, {
      workers: 1,
      runFolder,
      clock,
      random: { next: () => 1 - Number.EPSILON },
      args: ['crash-while', crash],
      backoff: { initialMs: 100, factor: 2, maxMs: 10_000, resetAfterMs: 60_000 },
      crashLoop: { crashes: 3, withinMs: 60_000 },
    })
    const delaysMs: (number | null)[] = []
    const looped = nextEvent<CrashLoopEvent>('crashLoop')
    let crashed = nextEvent<WorkerCrashedEvent>('crashed')
    await supervisor.start()
    for (let crashes = 1; crashes <= 4; crashes++) {
      const { restartInMs } = await crashed
      delaysMs.push(restartInMs === null ? null : Math.round(restartInMs))
      t.match(supervisor.workers(), [
        {
          state: 'backing-off',
          pid: null,
          recentCrashes: crashes,
          crashLoop: crashes >= 3,
          nextStartAtMs: clock.now() + (restartInMs ?? 0),
        },
      ])
      if (crashes === 4) break
      crashed = nextEvent<WorkerCrashedEvent>('crashed')
      clock.advance(restartInMs ?? 0)
    }
    t.same(delaysMs, [100, 200, 10_000, 10_000])
    t.match(await looped, { worker: 0, crashes: 3, withinMs: 60_000 })
    t.match(
      log.lines.filter(({ level }) => level === 'error'),
      [{ message: /Worker 0 crashes in a loop: 3 crashes within 60 s/ }],
      'one line',
    )

    await rm(crash)
    const ready = nextEvent<WorkerReadyEvent>('ready')
    clock.advance(10_000)
    await ready
    t.match(supervisor.workers(), [{ state: 'ready', crashLoop: true, restarts: 4 }], 'being ready is not enough')
    clock.advance(59_999)
    t.match(supervisor.workers(), [{ crashLoop: true }])
    clock.advance(1)
    t.match(supervisor.workers(), [{ state: 'ready', crashLoop: false, recentCrashes: 0 }])
    t.match(log.lines.at(-1), { level: 'info', message: /its crash loop is over/ })

    const later = nextEvent<WorkerCrashedEvent>('crashed')
    process.kill(supervisor.workers()[0]?.pid ?? 0, 'SIGKILL')
    t.match(await later, { restartInMs: 100 - 50 * Number.EPSILON }, 'the next crash is a first one again')
  },
)
