// How the fleet is, in a word and in sentences: made of the states of its processes, of when they last reported, and of nothing else.
import { isSilent } from './scaling.ts'
import type { WorkerStatus } from './worker-status.ts'

/** How the fleet is: answer of GET /health on the control server. */
export interface FleetHealth {
  /** `ok`: every worker is ready, and none stands still. `degraded`: at least one is ready. `down`: none is. */
  readonly status: 'ok' | 'degraded' | 'down'
  /** Workers with a ready process. */
  readonly ready: number
  /** Workers there should be. */
  readonly workers: number
  /**
   * A sentence for each worker that isn't ready, stands still or crashes in a loop, which is why it isn't `ok`, and for each that waits to be
   * recycled, which alone doesn't make it `degraded`.
   */
  readonly reasons: readonly string[]
}

/** How a fleet of this state is. */
export function fleetHealth(statuses: readonly WorkerStatus[], nowMs: number): FleetHealth {
  const byWorker = Map.groupBy(statuses, status => status.worker)
  const reasons: string[] = []
  const notes: string[] = []
  let ready = 0
  let workers = 0
  for (const processes of byWorker.values()) {
    if (processes.every(({ retiring }) => retiring)) continue
    workers++
    const isReady = processes.some(({ state }) => state === 'ready')
    if (isReady) ready++
    for (const { worker, recycleRequested } of processes) {
      if (recycleRequested === null) continue
      const { reason, detail, sinceMs } = recycleRequested
      notes.push(
        `worker ${worker} has waited to be recycled for ${seconds(nowMs - sinceMs)}: ${reason}${detail === '' ? '' : ` (${detail})`}`,
      )
    }
    // One that stands still speaks for its worker, else the newest generation.
    const silent = processes.find(({ reportAgeMs }) => reportAgeMs !== null && isSilent(reportAgeMs))
    const speaker = silent ?? processes.at(-1)
    if (speaker !== undefined && (!isReady || silent !== undefined || speaker.crashLoop)) {
      reasons.push(reasonOf(speaker, nowMs))
    }
  }
  const status = ready === 0 ? 'down' : reasons.length > 0 ? 'degraded' : 'ok'
  return { status, ready, workers, reasons: [...reasons, ...notes] }
}

function reasonOf(
  { worker, state, unreadyReason, reportAgeMs, crashLoop, recentCrashes, lastExit, nextStartAtMs }: WorkerStatus,
  nowMs: number,
): string {
  const parts = [`worker ${worker} is ${state}`]
  if (unreadyReason !== null && unreadyReason !== '') parts.push(`it says: ${unreadyReason}`)
  if (reportAgeMs !== null && isSilent(reportAgeMs)) {
    parts.push(`hasn't reported for ${seconds(reportAgeMs)}: its event loop stands still`)
  }
  if (crashLoop) parts.push(`in a crash loop (${recentCrashes} crashes)`)
  if (nextStartAtMs !== undefined) parts.push(`next start in ${seconds(nextStartAtMs - nowMs)}`)
  if (lastExit !== null) parts.push(`last exit: ${lastExit.signal ?? `code ${lastExit.code}`}, ${lastExit.reason}`)
  return parts.join(', ')
}

function seconds(ms: number): string {
  return `${Math.max(0, ms / 1000).toFixed(1)} s`
}
