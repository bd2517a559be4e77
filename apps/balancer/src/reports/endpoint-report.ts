// What one endpoint last said of its load.
//
//   none ──taken──► fresh ──`expiryMs` without a newer one──► expired ──taken──► fresh
//     ▲               │                                          │
//     └── forgotten: it was down, or isn't trusted any more ─────┘
//
// Invariants
// * Only a fresh report counts, whoever asks.
// * A report with a sequence is as old as its first arrival: the same bytes again say nothing new. One without a sequence may be new each time.
// * A lower sequence is an older report that was overtaken, and isn't taken, unless the last one has expired: then it's a new process behind the
//   same address, which counts from 1 again. One that was seen to be down is forgotten at once.
// * Smoothing begins anew behind a gap.
import type { LoadReport } from '@plimsoll/load-report'
import { Smoothed } from './smoothed.ts'

/** A longer value is no report; ours are about 300 bytes. */
export const MAX_REPORT_BYTES = 1024
/** One long pause stands in all reports of the next seconds, though it's over: what goes on has to count, not what happened once. */
const SMOOTHING_MS = 4000
const UTILIZATION_SMOOTHING_MS = 1000
/** Waiters come and go faster than loads do. */
const DATABASE_SMOOTHING_MS = 500

const NOTHING = Buffer.alloc(0)

export class EndpointReport {
  /** Smoothed; NaN where nothing is known. */
  readonly loopDelayMs = new Smoothed(SMOOTHING_MS)
  readonly gcRatio = new Smoothed(SMOOTHING_MS)
  readonly utilization = new Smoothed(UTILIZATION_SMOOTHING_MS)
  readonly databaseWaiting = new Smoothed(DATABASE_SMOOTHING_MS)
  #last: LoadReport | null = null
  #takenAtMs = Number.NEGATIVE_INFINITY
  /** The bytes of `#last`; allocated with the first report. */
  #bytes = NOTHING
  #length = -1

  /** The last one that was taken, fresh or not. */
  get last(): LoadReport | null {
    return this.#last
  }

  /** Whether the last one may say the same again later, and mean it: it has no sequence. */
  get repeats(): boolean {
    return this.#last !== null && Number.isNaN(this.#last.sequence)
  }

  ageMs(nowMs: number): number {
    return nowMs - this.#takenAtMs
  }

  isFresh(nowMs: number, expiryMs: number): boolean {
    return nowMs - this.#takenAtMs <= expiryMs
  }

  /** Whether these are the bytes of the last one. @hot */
  isSame(buffer: Buffer, start: number, end: number): boolean {
    const length = end - start
    if (length !== this.#length) return false
    // For 300 bytes 0.1 µs; a loop takes twice as long.
    return this.#bytes.compare(buffer, start, end, 0, length) === 0
  }

  /** Whether a report with this sequence is to be taken. */
  follows(sequence: number, nowMs: number, expiryMs: number): boolean {
    const before = this.#last?.sequence ?? Number.NaN
    // False for a lower or equal one, true when either has none.
    return !(sequence <= before) || !this.isFresh(nowMs, expiryMs)
  }

  /** `buffer[start, end)` is at most `MAX_REPORT_BYTES` long. */
  take(report: LoadReport, buffer: Buffer, start: number, end: number, nowMs: number, expiryMs: number): void {
    if (this.#bytes.length === 0) this.#bytes = Buffer.allocUnsafeSlow(MAX_REPORT_BYTES)
    buffer.copy(this.#bytes, 0, start, end)
    this.#length = end - start
    this.#record(report, nowMs, expiryMs)
  }

  /** The last one was said again. Only where it repeats. */
  again(nowMs: number, expiryMs: number): void {
    if (this.#last !== null) this.#record(this.#last, nowMs, expiryMs)
  }

  forget(): void {
    this.#last = null
    this.#takenAtMs = Number.NEGATIVE_INFINITY
    this.#length = -1
    this.#clear()
  }

  #record(report: LoadReport, nowMs: number, expiryMs: number): void {
    if (!this.isFresh(nowMs, expiryMs)) this.#clear()
    this.#last = report
    this.#takenAtMs = nowMs
    this.loopDelayMs.add(report.loopDelayP99Ms, nowMs)
    this.gcRatio.add(report.gcRatio, nowMs)
    this.utilization.add(report.utilization, nowMs)
    this.databaseWaiting.add(report.databaseWaiting, nowMs)
  }

  #clear(): void {
    this.loopDelayMs.clear()
    this.gcRatio.clear()
    this.utilization.clear()
    this.databaseWaiting.clear()
  }
}
