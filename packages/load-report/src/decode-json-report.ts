// ORCA's JSON form: protobuf's JSON of an OrcaLoadReport, as vLLM sends it when asked. Names are as in the schema or in camel case, as protobuf
// allows both. Of at most a kilobyte, since the caller has looked, so a parser that builds objects is cheap enough.
import type { LoadReport } from './load-report.ts'
import { ReportDraft } from './report-draft.ts'
import { CPU_UTILIZATION, NAMED_METRICS, REPORT_FIELDS } from './report-fields.ts'

const FIELDS = [...REPORT_FIELDS, CPU_UTILIZATION]

/** Reads `buffer[start, end)`. @returns null when it isn't a JSON object, or says nothing that is known here. Never throws. */
export function decodeJsonReport(buffer: Uint8Array, start: number, end: number): LoadReport | null {
  const message = parseObject(new TextDecoder().decode(buffer.subarray(start, end)))
  if (message === null) return null
  const metrics = asObject(member(message, NAMED_METRICS))
  const draft = new ReportDraft()
  for (const field of FIELDS) {
    // The keys of named metrics are data, and stay as they are.
    const value = field.named ? (metrics?.[field.name] ?? null) : member(message, field.name)
    if (typeof value === 'number') draft.set(field, value)
  }
  return draft.finish()
}

function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    return asObject(JSON.parse(text))
  } catch {
    return null
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
}

function member(message: Readonly<Record<string, unknown>>, name: string): unknown {
  return message[name] ?? message[name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())]
}
