// From a report to the header's value: TEXT, the one of ORCA's forms that costs nothing to read.
//
// Invariants
// * Only fields that can be said are: NaN, Infinity and what's below 0 are left out; what's above a field's largest value is said as that.
// * Numbers are short decimals, without sign and exponent: at most four digits behind the point for ratios, six for seconds.
// * No name comes twice. Nothing in the value needs escaping, whatever the report holds.
import type { LoadReport } from './load-report.ts'
import { NAMED_METRICS, REPORT_FIELDS, type ReportField } from './report-fields.ts'

/** The header's value, about 300 characters; null when the report says nothing. */
export function encodeLoadReport(report: LoadReport): string | null {
  let text = ''
  for (const field of REPORT_FIELDS) {
    const value = report[field.property]
    if (!(value >= 0 && value < Infinity)) continue
    text += `${text === '' ? 'TEXT ' : ','}${field.named ? `${NAMED_METRICS}.` : ''}${field.name}=${wireNumber(field, value)}`
  }
  return text === '' ? null : text
}

// With no more than six decimals and nothing above 2^53, String() never turns to exponents.
function wireNumber({ most, scale, decimals }: ReportField, value: number): string {
  const power = 10 ** decimals
  return String(Math.round((Math.min(value, most) / scale) * power) / power)
}
