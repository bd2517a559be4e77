// Tells the supervisor once a second how busy this worker's event loop is; it scales by that, whether or not anybody watches the memory.
import { performance } from 'node:perf_hooks'

/** What's told; a link to the supervisor fits. */
export interface UtilizationListener {
  report(report: { readonly utilization: number }): void
}

const REPORT_INTERVAL_MS = 1000

/** The returned function ends it. */
export function reportUtilization(listener: UtilizationListener): () => void {
  let before = performance.eventLoopUtilization()
  const timer = setInterval(() => {
    const now = performance.eventLoopUtilization()
    listener.report({ utilization: performance.eventLoopUtilization(now, before).utilization })
    before = now
  }, REPORT_INTERVAL_MS).unref()
  return () => clearInterval(timer)
}
