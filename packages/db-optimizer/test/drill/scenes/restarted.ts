// Scene 2: the server is stopped, fast or at once, and started again, while clients go on. At once is a crash: what wasn't flushed is gone.
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '@plimsoll/testing'
import type { OwnServer, StopMode } from '../server.ts'
import type { Stage } from '../stage.ts'

const CLIENTS = 16
/** How long nobody listens, in milliseconds. */
const DOWN_MS = [0, 400] as const
const FIRST_COMMIT_TIMEOUT_MS = 20_000

/** Gives, for each stop, the milliseconds from a plain connection's first answer until a client's first commit. */
export async function restarted(
  stage: Stage,
  server: OwnServer,
  stops: readonly StopMode[],
): Promise<readonly number[]> {
  const load = stage.load(stage.database(), {
    clients: CLIENTS,
    options: () => ({ retries: stage.random.integer(0, 2) }),
  })
  const recoveries: number[] = []
  for (const mode of stops) {
    await stage.untilServed(load, `before the stop (${mode})`, 100)
    await server.stop(mode)
    const stoppedAtMs = performance.now()
    await sleep(stage.random.integer(...DOWN_MS))
    const backAtMs = await server.start()
    const first = await until(() => load.firstCommitAfter(stoppedAtMs), {
      what: 'a first commit',
      timeoutMs: FIRST_COMMIT_TIMEOUT_MS,
      intervalMs: 1,
    }).catch(() => Infinity)
    recoveries.push(Math.max(0, first - backAtMs))
    await stage.untilServed(load, `after the stop (${mode})`)
  }
  stage.figure(
    `first commit after the server's return: ${recoveries.map((ms, i) => `${Math.round(ms)} ms (${stops[i]})`).join(', ')}`,
  )
  return recoveries
}
