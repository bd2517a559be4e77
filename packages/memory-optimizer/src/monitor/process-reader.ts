// What Node and the kernel say of this process. About 60 µs for one look, most of it two small files of /proc.
import { readFileSync } from 'node:fs'
import { type EventLoopUtilization, monitorEventLoopDelay, performance } from 'node:perf_hooks'

/** In bytes. */
export interface ProcessMemory {
  readonly heapUsedBytes: number
  readonly heapTotalBytes: number
  /** Outside of V8's heap, array buffers (and with them Buffers) included. */
  readonly externalBytes: number
  readonly arrayBuffersBytes: number
  /** All that's resident, with mapped files and shared memory. */
  readonly rssBytes: number
  /** Without these: what goes away when the process ends. A memory map that all workers share would else count once per worker. */
  readonly privateBytes: number
}

export interface LoopReading {
  /** Share of the time since the last reading in which the event loop was busy, 0-1. */
  readonly utilization: number
  /** 99th percentile of the loop's lateness in the last 10 to 20 readings, in milliseconds. */
  readonly delayP99Ms: number
}

export interface ProcessReader {
  memory(): ProcessMemory
  loop(): LoopReading
  close(): void
}

/** The loop's delay is measured by a timer of this period; what it reports includes the period. */
const DELAY_PERIOD_MS = 20
const READINGS_PER_WINDOW = 10
const NS_PER_MS = 1e6

export function openProcessReader(): ProcessReader {
  const delays = monitorEventLoopDelay({ resolution: DELAY_PERIOD_MS })
  delays.enable()
  let before: EventLoopUtilization = performance.eventLoopUtilization()
  let readings = 0
  let windowBeforeMs = 0

  const delayP99Ms = (): number => {
    if (delays.count === 0) return windowBeforeMs
    const nowMs = Math.max(0, delays.percentile(99) / NS_PER_MS - DELAY_PERIOD_MS)
    const worstMs = Math.max(nowMs, windowBeforeMs)
    if (++readings >= READINGS_PER_WINDOW) {
      readings = 0
      windowBeforeMs = nowMs
      delays.reset()
    }
    return worstMs
  }

  return {
    memory() {
      const { rss, heapTotal, heapUsed, external, arrayBuffers } = process.memoryUsage()
      return {
        heapUsedBytes: heapUsed,
        heapTotalBytes: heapTotal,
        externalBytes: external,
        arrayBuffersBytes: arrayBuffers,
        rssBytes: rss,
        privateBytes: rss * (1 - sharedRatio()),
      }
    },
    loop() {
      const now = performance.eventLoopUtilization()
      const { utilization } = performance.eventLoopUtilization(now, before)
      before = now
      return { utilization, delayP99Ms: delayP99Ms() }
    },
    close() {
      delays.disable()
    },
  }
}

/** Share of the resident pages that are of files or shared memory, 0-1; 0 where the kernel doesn't say. A ratio, since Node doesn't tell the size of a page. */
function sharedRatio(): number {
  try {
    const [, resident, shared] = readFileSync('/proc/self/statm', 'latin1').split(' ', 3)
    const ratio = Number(shared) / Number(resident)
    return ratio >= 0 && ratio <= 1 ? ratio : 0
  } catch {
    return 0
  }
}
