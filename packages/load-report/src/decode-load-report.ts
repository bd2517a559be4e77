// From the bytes of the header's value to a report. They come from another process, so nothing in them is believed unseen.
//
// Forms: TEXT, with entries `name=value` (the ORCA specification, vLLM) or `name:value` (what Envoy reads), and JSON, see decode-json-report.ts.
// BIN is protobuf for gRPC's own clients; no HTTP server sends it in this field, and it's no report here.
//
// Invariants
// * Never throws, whatever the bytes: at most MAX_REPORT_BYTES are looked at, at most MAX_ENTRIES entries are read, each byte a fixed number of times.
// * Unknown names, entries without a value, and values that aren't numbers or are out of their field's range say nothing, and the rest counts. So
//   a newer server may say more, and one bad figure doesn't take the others along.
// * What comes twice counts as it comes last.
// * No strings, no regular expressions: the report is all that's allocated.
import { decodeJsonReport } from './decode-json-report.ts'
import type { LoadReport } from './load-report.ts'
import { readNumber } from './read-number.ts'
import { ReportDraft } from './report-draft.ts'
import { CPU_UTILIZATION, NAMED_METRICS, REPORT_FIELDS, type ReportField } from './report-fields.ts'

/** Ours is about 300 bytes. */
const MAX_REPORT_BYTES = 1024
const MAX_ENTRIES = 64

const SPACE = 0x20
const TAB = 0x09
const COMMA = 0x2c
const EQUALS = 0x3d
const COLON = 0x3a

interface KnownName {
  readonly octets: Uint8Array
  readonly field: ReportField
}

const TEXT_PREFIX = octets('TEXT ')
const JSON_PREFIX = octets('JSON ')
const KNOWN_NAMES: readonly KnownName[] = [...REPORT_FIELDS, CPU_UTILIZATION].map(field => ({
  octets: octets(field.named ? `${NAMED_METRICS}.${field.name}` : field.name),
  field,
}))

/**
 * Reads `buffer[start, end)`, the value of the header field, without allocating more than the report.
 *
 * @returns null when it isn't a report, says nothing that is known here, or is longer than 1024 bytes or 64 entries. Never throws.
 */
export function decodeLoadReport(buffer: Uint8Array, start: number, end: number): LoadReport | null {
  if (!(start >= 0 && end <= buffer.length)) return null
  const from = skipBlanks(buffer, start, end)
  if (end - from > MAX_REPORT_BYTES) return null
  if (startsWith(buffer, from, end, TEXT_PREFIX)) return decodeText(buffer, from + TEXT_PREFIX.length, end)
  if (startsWith(buffer, from, end, JSON_PREFIX)) return decodeJsonReport(buffer, from + JSON_PREFIX.length, end)
  return null
}

function decodeText(buffer: Uint8Array, start: number, end: number): LoadReport | null {
  const draft = new ReportDraft()
  let entries = 0
  for (let from = start; from < end; entries++) {
    if (entries === MAX_ENTRIES) return null
    const comma = find(buffer, from, end, COMMA, COMMA)
    decodeEntry(buffer, from, comma, draft)
    from = comma + 1
  }
  return draft.finish()
}

function decodeEntry(buffer: Uint8Array, start: number, end: number, draft: ReportDraft): void {
  const separator = find(buffer, start, end, EQUALS, COLON)
  if (separator === end) return
  const nameStart = skipBlanks(buffer, start, separator)
  const field = findField(buffer, nameStart, skipBlanksBackwards(buffer, nameStart, separator))
  if (field === null) return
  const valueStart = skipBlanks(buffer, separator + 1, end)
  draft.set(field, readNumber(buffer, valueStart, skipBlanksBackwards(buffer, valueStart, end)))
}

function findField(buffer: Uint8Array, start: number, end: number): ReportField | null {
  for (const { octets, field } of KNOWN_NAMES) {
    if (octets.length === end - start && startsWith(buffer, start, end, octets)) return field
  }
  return null
}

function startsWith(buffer: Uint8Array, start: number, end: number, prefix: Uint8Array): boolean {
  if (end - start < prefix.length) return false
  for (let i = 0; i < prefix.length; i++) if (buffer[start + i] !== prefix[i]) return false
  return true
}

/** The place of the first of both, else `end`. */
function find(buffer: Uint8Array, start: number, end: number, one: number, other: number): number {
  let at = start
  while (at < end && buffer[at] !== one && buffer[at] !== other) at++
  return at
}

function skipBlanks(buffer: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && (buffer[at] === SPACE || buffer[at] === TAB)) at++
  return at
}

function skipBlanksBackwards(buffer: Uint8Array, start: number, end: number): number {
  let at = end
  while (at > start && (buffer[at - 1] === SPACE || buffer[at - 1] === TAB)) at--
  return at
}

function octets(ascii: string): Uint8Array {
  return Uint8Array.from(ascii, character => character.charCodeAt(0))
}
