// The server's side: one string per server, made anew when it's asked for and older than 100 ms.
//
//   header() ── younger than rebuildAfterMs ──► the same string
//      └─────── else: read the totals and signals, sequence + 1, encode ──► a new string
//
// Why a string that's made on demand, not a timer: a server without requests has nobody to tell, and the answer to a balancer's check is a request as
// any other. So an idle server still tells what's true now.
//
// Invariants
// * header() and requestEnded() never throw: they're called while a request is answered.
// * What a report says of rates is of the time since some earlier report (recent-totals.ts), never of the time before the reporter was made.
// * After close() the last report stands, and nothing is measured.
// @hot
import { encodeLoadReport } from './encode-load-report.ts'
import { NOTHING_SAID, type LoadReport } from './load-report.ts'
import { openProcessMeasures, type Measures } from './process-measures.ts'
import { RecentTotals, type Totals } from './recent-totals.ts'
import { completeOptions, type CompleteOptions, type LoadReporterOptions, type Signal } from './reporter-options.ts'

/** What a server says of its load, ready to be sent. */
export interface LoadReporter {
  /** The whole value of the header `endpoint-load-metrics`, for every answer. Never throws. */
  header(): string
  /** Counts a request that has been answered. `failed`: by the server's own fault (5xx), not by its client's. */
  requestEnded(failed: boolean): void
  /** The figures of what `header()` gives now; NaN where it doesn't say. */
  latest(): LoadReport
  /** Ends measuring; the last report stands. */
  close(): void
}

/**
 * Begins to measure this process. One per process.
 * @throws LoadReportError `LOAD_REPORT_ERR_OPTION`
 */
export function createLoadReporter(options: LoadReporterOptions = {}): LoadReporter {
  const complete = completeOptions(options)
  const { signals, clock } = complete
  const measures = openProcessMeasures(clock.now(), {
    loopDelay: signals.loopDelayP99Ms === undefined,
    gc: signals.gcRatio === undefined,
  })
  return new ProcessLoadReporter(complete, measures)
}

/** With measures of the caller's; createLoadReporter is for everybody else. */
export class ProcessLoadReporter implements LoadReporter {
  readonly #options: CompleteOptions
  readonly #measures: Measures
  readonly #recent: RecentTotals
  #ended = 0
  #failed = 0
  #builtAtMs = Number.NEGATIVE_INFINITY
  #closed = false
  #header = ''
  #report = NOTHING_SAID
  #sequence = 0

  constructor(options: CompleteOptions, measures: Measures) {
    this.#options = options
    this.#measures = measures
    this.#recent = new RecentTotals(options.windowMs, this.#totals(options.clock.now()))
  }

  header(): string {
    this.#renew()
    return this.#header
  }

  latest(): LoadReport {
    this.#renew()
    return this.#report
  }

  requestEnded(failed: boolean): void {
    this.#ended++
    if (failed) this.#failed++
  }

  close(): void {
    if (this.#closed) return
    this.#renew()
    this.#closed = true
    this.#measures.close()
  }

  #renew(): void {
    if (this.#closed) return
    const nowMs = this.#options.clock.now()
    if (nowMs - this.#builtAtMs < this.#options.rebuildAfterMs) return
    this.#builtAtMs = nowMs
    this.#report = this.#measure(nowMs)
    // Never empty: a report always has a sequence. Copied, so that it's one flat string and not a tree of its pieces, which every answer would walk anew.
    this.#header = Buffer.from(encodeLoadReport(this.#report) as string, 'latin1').toString('latin1')
  }

  #measure(nowMs: number): LoadReport {
    const { signals, rebuildAfterMs } = this.#options
    const measures = this.#measures
    const { atMs: elapsedMs, activeMs, idleMs, ended, failed, gcPauseMs } = this.#recent.advance(this.#totals(nowMs))
    // The first report may come right after the start: of a few milliseconds there's nothing to say.
    const elapsedSeconds = elapsedMs < rebuildAfterMs ? Number.NaN : elapsedMs / 1000
    return {
      sequence: ++this.#sequence,
      utilization: read(signals.utilization, () =>
        elapsedMs < rebuildAfterMs ? Number.NaN : activeMs / (activeMs + idleMs),
      ),
      memoryUtilization: read(signals.memoryUtilization, () => measures.memoryUtilization()),
      requestsPerSecond: ended / elapsedSeconds,
      errorsPerSecond: failed / elapsedSeconds,
      loopDelayP99Ms: read(signals.loopDelayP99Ms, () => measures.loopDelayP99Ms(nowMs)),
      gcRatio: read(signals.gcRatio, () => gcPauseMs / 1000 / elapsedSeconds),
      heapUtilization: read(signals.heapUtilization, () => measures.heapUtilization()),
      databaseWaiting: read(signals.databaseWaiting, nothing),
      cacheHitRatio: read(signals.cacheHitRatio, nothing),
      pressure: read(signals.pressure, nothing),
    }
  }

  #totals(atMs: number): Totals {
    const { activeMs, idleMs } = this.#measures.eventLoop()
    return { atMs, activeMs, idleMs, ended: this.#ended, failed: this.#failed, gcPauseMs: this.#measures.gcPauseMs() }
  }
}

function read(given: Signal | null | undefined, measured: Signal): number {
  if (given === null) return Number.NaN
  try {
    return (given ?? measured)()
  } catch {
    // A report without one of its figures is still a report; an answer that fails because of it is none.
    return Number.NaN
  }
}

function nothing(): number {
  return Number.NaN
}
