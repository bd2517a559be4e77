// What a server says of its load, in units that need no second look. The wire form is in report-fields.ts.

/** The response header that carries a report: ORCA's (Open Request Cost Aggregation). */
export const LOAD_REPORT_HEADER = 'endpoint-load-metrics'

/** Ratios are 0 to 1. A field is NaN where the report doesn't say, or says something that can't be. */
export interface LoadReport {
  /** Grows by 1 with each report of one process, and begins anew with the next process. A whole number. */
  readonly sequence: number
  /** Share of the server's capacity in use, 0 idle; more than 1 (to 100) is allowed. `application_utilization`, else `cpu_utilization`. */
  readonly utilization: number
  /** Share of the memory it may have. `mem_utilization`. */
  readonly memoryUtilization: number
  /** Requests it has answered per second, lately. `rps_fractional`. */
  readonly requestsPerSecond: number
  /** Of those, the ones that failed by its own fault. `eps`. */
  readonly errorsPerSecond: number
  /** How late its event loop is, 99th percentile. On the wire in seconds. */
  readonly loopDelayP99Ms: number
  /** Share of the time in pauses for garbage collection. */
  readonly gcRatio: number
  /** Heap in use of the heap's limit. */
  readonly heapUtilization: number
  /** Requests that wait for a database connection. */
  readonly databaseWaiting: number
  /** Share of cache look-ups that were hits. */
  readonly cacheHitRatio: number
  /** Memory pressure: 0 normal, 1 warning, 2 critical, 3 emergency. */
  readonly pressure: number
}

/** A report that says nothing; to be copied, so that all reports have one shape. */
export const NOTHING_SAID: LoadReport = Object.freeze({
  sequence: Number.NaN,
  utilization: Number.NaN,
  memoryUtilization: Number.NaN,
  requestsPerSecond: Number.NaN,
  errorsPerSecond: Number.NaN,
  loopDelayP99Ms: Number.NaN,
  gcRatio: Number.NaN,
  heapUtilization: Number.NaN,
  databaseWaiting: Number.NaN,
  cacheHitRatio: Number.NaN,
  pressure: Number.NaN,
})
