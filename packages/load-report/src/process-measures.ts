// What the process can tell of itself. Everything here is read at most once per report, and what isn't asked for isn't switched on.
import { totalmem } from 'node:os'
import { performance, PerformanceObserver } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import { LoopDelay } from './loop-delay.ts'

/** Where the figures come from that no signal of the caller's replaces. */
export interface Measures {
  /** Time that the event loop has worked and waited so far. */
  eventLoop(): { readonly activeMs: number; readonly idleMs: number }
  /** Time in pauses for garbage collection so far; NaN when it isn't measured. */
  gcPauseMs(): number
  loopDelayP99Ms(nowMs: number): number
  heapUtilization(): number
  memoryUtilization(): number
  close(): void
}

export interface MeasuresWanted {
  readonly loopDelay: boolean
  readonly gc: boolean
}

/** Starts measuring. `close()` ends it; nothing here keeps the process alive. */
export function openProcessMeasures(nowMs: number, wanted: MeasuresWanted): Measures {
  const memoryLimitBytes = readMemoryLimit()
  const loopDelay = wanted.loopDelay ? new LoopDelay(nowMs) : null
  let gcPauseMs = wanted.gc ? 0 : Number.NaN
  const observer = new PerformanceObserver(list => {
    for (const { duration } of list.getEntries()) gcPauseMs += duration
  })
  if (wanted.gc) observer.observe({ entryTypes: ['gc'] })
  return {
    eventLoop: () => {
      const { active, idle } = performance.eventLoopUtilization()
      return { activeMs: active, idleMs: idle }
    },
    gcPauseMs: () => gcPauseMs,
    loopDelayP99Ms: nowMs => loopDelay?.p99Ms(nowMs) ?? Number.NaN,
    heapUtilization: () => {
      const { used_heap_size, heap_size_limit } = getHeapStatistics()
      return used_heap_size / heap_size_limit
    },
    memoryUtilization: () => process.memoryUsage.rss() / memoryLimitBytes,
    close: () => {
      observer.disconnect()
      loopDelay?.close()
    },
  }
}

/** The container's limit where there is one, else the machine's memory. Without a limit Node says 0, or a number larger than any memory. */
function readMemoryLimit(): number {
  const machineBytes = totalmem()
  const containerBytes = process.constrainedMemory()
  return containerBytes > 0 && containerBytes < machineBytes ? containerBytes : machineBytes
}
