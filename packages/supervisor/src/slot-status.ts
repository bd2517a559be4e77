// How a worker number looks to operators, and the closed sets of words for it.
import { currentUtilization } from './scaling.ts'
import type { EndReason, ProcessState, WorkerExit, WorkerProcess } from './worker-process.ts'

/** What a worker number is doing: the state of a process, or the wait between two. */
export type WorkerState = ProcessState | 'backing-off'

/** One process of a slot; one that's being replaced has two, one that waits has one without a pid. */
export interface SlotStatus {
  /** Number of the worker, from 0. */
  readonly worker: number
  /** How many processes this worker number has had, counted on from what earlier runs left in the run folder. */
  readonly generation: number
  readonly pid: number | null
  readonly state: WorkerState
  /** The worker is taken away because the load is low: nothing will follow it. */
  readonly retiring: boolean
  /** The next generation, ready beside the one before it, which is still there to go back to. */
  readonly onProbation: boolean
  /** What it says is wrong with it, while it's `unready`; null otherwise. */
  readonly unreadyReason: string | null
  /** Utilisation of its event loop as of its last report, 0 to 1; 1 when it serves and has been silent for more than 5 s; null when it never reported. */
  readonly utilization: number | null
  /** Time since its last report; null when it never reported, or doesn't serve and so needn't. */
  readonly reportAgeMs: number | null
  readonly socketPath: string
  /** When its process was forked, in milliseconds since the epoch. */
  readonly startedAtMs: number
  /** Time since it was forked; 0 when there's no process. */
  readonly uptimeMs: number
  /** How often this worker number was started again without having been asked to. */
  readonly restarts: number
  /** It crashed too often and is restarted at the slowest pace, until a run has been stable. */
  readonly crashLoop: boolean
  /** Crashes of this worker number inside the crash-loop window, as of the last one. */
  readonly recentCrashes: number
  /** How this worker number's last process ended. */
  readonly lastExit: WorkerExit | null
  /** When the next process is forked; only while `backing-off`. */
  readonly nextStartAtMs?: number
}

/** What's to be said of a process's reports. Only one that serves has to report, so only that can fall silent. */
export function reportStatus(
  { utilization: sample, serves }: Pick<WorkerProcess, 'utilization' | 'serves'>,
  nowMs: number,
): Pick<SlotStatus, 'utilization' | 'reportAgeMs'> {
  if (sample === null) return { utilization: null, reportAgeMs: null }
  if (!serves) return { utilization: sample.utilization, reportAgeMs: null }
  return { utilization: currentUtilization(sample, nowMs), reportAgeMs: nowMs - sample.atMs }
}

/** Why a worker was started again; label values of a metric, so a closed set. */
export type RestartReason = 'crashed' | 'start-timeout' | 'channel-lost' | 'spawn-failed' | 'terminated' | 'replaced'

/** The reason of a restart by how the process before it ended. */
export function restartReason(reason: EndReason): RestartReason {
  switch (reason) {
    case 'start-timeout':
    case 'channel-lost':
    case 'spawn-failed':
    case 'terminated':
      return reason
    case 'crashed':
    case 'drained':
    case 'cancelled':
    case 'forced':
      return 'crashed'
    default:
      return reason satisfies never
  }
}
