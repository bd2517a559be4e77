// What isn't as it has to be: in every phase nothing may fail, with one exception (recycle-tally.ts), and nothing may be done twice or lost.
import { judgePhase, type Miss } from '../verdict.ts'
import type { RecyclePhase } from './recycle-plan.ts'
import type { RecycleTally } from './recycle-tally.ts'

export interface PhaseFacts {
  readonly phase: RecyclePhase
  readonly tally: RecycleTally
  /** The fewest workers that took requests. */
  readonly leastReady: number
  readonly workers: number
  /** What has gone wrong with what the phase is about; null when it went well. */
  readonly trouble: string | null
  /** Workers that ended without having been told to: "0-3: crashed, exit code 1". */
  readonly crashes: readonly string[]
}

export function judgeRecyclePhase({ phase, tally, leastReady, workers, trouble, crashes }: PhaseFacts): Miss[] {
  const misses = judgePhase(phase.name, tally, { failedRatio: 0, backRatio: null })
  const miss = (what: string) => misses.push({ phase: phase.name, what })
  if (tally.sentTwice > 0) miss(`${tally.sentTwice} POSTs sent to workers twice`)
  if (leastReady < workers - 1) miss(`only ${leastReady} of ${workers} workers took requests, at least ${workers - 1}`)
  if (trouble !== null) miss(trouble)
  for (const crash of crashes) miss(`worker ${crash}`)
  return misses
}
