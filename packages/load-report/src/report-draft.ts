// A report while it's read, with the two rules that both forms share: what can't be isn't believed, and the processor's share of time
// stands in where the server names no better measure.
import { NOTHING_SAID, type LoadReport } from './load-report.ts'
import { canBe, CPU_UTILIZATION, type ReportField } from './report-fields.ts'

export class ReportDraft {
  readonly #report: { -readonly [P in keyof LoadReport]: number } = { ...NOTHING_SAID }
  #cpuUtilization = Number.NaN
  #saysAnything = false

  /** `wireValue` as it was sent; NaN for none. */
  set(field: ReportField, wireValue: number): void {
    const value = wireValue * field.scale
    if (!canBe(field, value)) return
    this.#saysAnything = true
    if (field === CPU_UTILIZATION) this.#cpuUtilization = value
    else this.#report[field.property] = value
  }

  /** The report, or null when nothing was said. Only once. */
  finish(): LoadReport | null {
    if (!this.#saysAnything) return null
    // As gRPC's weights do (A58): 0 is also what a server sends that doesn't measure it.
    if (!(this.#report.utilization > 0) && !Number.isNaN(this.#cpuUtilization))
      this.#report.utilization = this.#cpuUtilization
    return this.#report
  }
}
