// Takes the load reports that come in the heads of answers, to requests and to checks: what's believed, what's new, who is told.
//
//   head ─► a report? ─► from somebody trusted? ─► other bytes than the last? ─► decodes? ─► newer? ─► taken: the endpoint's, the picker's
//             │ no             │ untrusted             │ same                    │ invalid    │ stale
//
// Invariants
// * The common case, the same bytes as before, compares them and does nothing else: no allocation, no clock, no parse.
// * Whatever comes, nothing here throws, and the work is bounded: by the length of a report, and by its number of entries in the decoder.
// * Whether a report is passed on to a client isn't decided here: it never is (headers/response-passes.ts).
// @hot
import { HEADER, type MessageHead } from '@plimsoll/http1'
import { decodeLoadReport, type LoadReport } from '@plimsoll/load-report'
import type { Clock } from '../transport/timer-wheel.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import type { UpstreamPool } from '../upstream/upstream-pool.ts'
import { MAX_REPORT_BYTES } from './endpoint-report.ts'

/** What the configuration says of whom to believe, and for how long. */
export interface IntakeOptions {
  /** Whose reports count: of endpoints on Unix sockets, which only who may open them can stand behind; of all; of nobody. */
  readonly from: 'unix' | 'all' | 'none'
  /** Age from which a report doesn't count any more. */
  readonly expiryMs: number
}

/** Reports without a sequence that say the same again are new that often, at most. */
const REPEAT_MS = 100

export class ReportIntake {
  readonly #pool: UpstreamPool
  readonly #clock: Clock
  #options: IntakeOptions
  /** What became of all reports so far. `stale`: not newer than the last one. */
  readonly counts = { taken: 0, same: 0, stale: 0, untrusted: 0, invalid: 0 }

  constructor(pool: UpstreamPool, options: IntakeOptions, clock: Clock) {
    this.#pool = pool
    this.#options = options
    this.#clock = clock
  }

  /** Takes other options. What was said by whom isn't trusted any more is forgotten. */
  configure(options: IntakeOptions): void {
    this.#options = options
    for (const endpoint of this.#pool.endpoints) if (!this.#trusts(endpoint)) endpoint.report.forget()
  }

  /** A final head of the endpoint's has come, to whatever was asked. The first report in it counts. */
  take(endpoint: Endpoint, head: MessageHead): void {
    const index = head.find(HEADER.endpointLoadMetrics)
    if (index === -1) return
    if (!this.#trusts(endpoint)) {
      this.counts.untrusted++
      return
    }
    const start = head.valueStart[index] as number
    const end = head.valueEnd[index] as number
    if (!endpoint.report.isSame(head.buffer, start, end)) return this.#read(endpoint, head.buffer, start, end)
    this.counts.same++
    if (endpoint.report.repeats) this.#again(endpoint)
  }

  #trusts({ address }: Endpoint): boolean {
    const { from } = this.#options
    return from === 'all' || (from === 'unix' && address.kind === 'unix')
  }

  #read(endpoint: Endpoint, buffer: Buffer, start: number, end: number): void {
    const decoded = end - start > MAX_REPORT_BYTES ? null : decodeLoadReport(buffer, start, end)
    if (decoded === null) {
      this.counts.invalid++
      return
    }
    const nowMs = this.#clock.now()
    const { expiryMs } = this.#options
    if (!endpoint.report.follows(decoded.sequence, nowMs, expiryMs)) {
      this.counts.stale++
      return
    }
    this.counts.taken++
    endpoint.report.take(decoded, buffer, start, end, nowMs, expiryMs)
    this.#tellPicker(endpoint, decoded)
  }

  #again(endpoint: Endpoint): void {
    const nowMs = this.#clock.now()
    if (endpoint.report.ageMs(nowMs) < REPEAT_MS) return
    endpoint.report.again(nowMs, this.#options.expiryMs)
    if (endpoint.report.last !== null) this.#tellPicker(endpoint, endpoint.report.last)
  }

  #tellPicker(endpoint: Endpoint, { utilization, requestsPerSecond, errorsPerSecond }: LoadReport): void {
    this.#pool.picker.reported(endpoint, {
      utilization,
      requestsPerSecond,
      // Who doesn't count errors has none to tell.
      errorsPerSecond: Number.isNaN(errorsPerSecond) ? 0 : errorsPerSecond,
    })
  }
}
