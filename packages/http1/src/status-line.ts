// The status line, octet by octet (RFC 9112, 4).
//
//   status-line = HTTP-version SP status-code SP [ reason-phrase ] CRLF      status-code = 3DIGIT
//
// One leniency, because it can't be read in two ways and old servers need it: the SP behind the code may be missing where there's no
// reason phrase. What is written always has it. Nothing is skipped in front of a status line: an octet between two responses is one
// that nobody asked for.
//
// Codes outside 100-599 are invalid (RFC 9110, 15) and are refused: passed on, they would make recipients fail in their own ways.

import { CR, FIELD_VALUE, LF, NINE, SP, ZERO } from './character-tables.ts'
import { PHASE_LINE, PHASE_REASON, PHASE_REASON_LF, PHASE_STATUS_CODE, PHASE_STATUS_VERSION } from './head-phases.ts'
import type { HeadScan } from './head-scan.ts'
import { HTTP_VERSION_LENGTH, readVersionOctet } from './http-version.ts'
import { REFUSALS } from './refusals.ts'

const STATUS_START = HTTP_VERSION_LENGTH + 1
const STATUS_END = STATUS_START + 3

/** Scans from a phase of the status line on. Returns the new position: behind the line (PHASE_LINE), `end`, or where it was refused. */
export function scanStatusLine(scan: HeadScan, buffer: Buffer, from: number, end: number): number {
  const head = scan.head
  let pos = from

  if (scan.phase === PHASE_STATUS_VERSION) {
    for (; ; pos++) {
      if (pos === end) return pos
      const index = pos - head.start
      if (index === HTTP_VERSION_LENGTH) break
      const refusal = readVersionOctet(scan, index, buffer[pos]!)
      if (refusal !== null) return scan.refuse(refusal, pos)
    }
    if (buffer[pos] !== SP) return scan.refuse(REFUSALS.version, pos)
    if (scan.versionMajor !== 1) return scan.refuse(REFUSALS.versionNotSupported, pos)
    pos++
    scan.phase = PHASE_STATUS_CODE
  }

  if (scan.phase === PHASE_STATUS_CODE) {
    for (; ; pos++) {
      if (pos === end) return pos
      const index = pos - head.start
      if (index === STATUS_END) break
      const digit = buffer[pos]! - ZERO
      if (digit < 0 || digit > NINE - ZERO) return scan.refuse(REFUSALS.statusCode, pos)
      head.status = head.status * 10 + digit
    }
    if (head.status < 100 || head.status > 599) return scan.refuse(REFUSALS.statusCode, pos)
    const octet = buffer[pos]
    if (octet === SP) pos++
    else if (octet === LF) return scan.refuse(REFUSALS.bareLf, pos)
    else if (octet !== CR) return scan.refuse(REFUSALS.statusCode, pos)
    head.reasonStart = pos
    head.interim = head.status < 200 && head.status !== 101
    scan.phase = PHASE_REASON
  }

  if (scan.phase === PHASE_REASON) {
    while (pos < end && FIELD_VALUE[buffer[pos]!] === 1) pos++
    if (pos === end) return pos
    if (buffer[pos] === LF) return scan.refuse(REFUSALS.bareLf, pos)
    if (buffer[pos] !== CR) return scan.refuse(REFUSALS.reason, pos)
    head.reasonEnd = pos
    pos++
    scan.phase = PHASE_REASON_LF
  }

  if (pos === end) return pos
  if (buffer[pos] !== LF) return scan.refuse(REFUSALS.bareCr, pos)
  scan.phase = PHASE_LINE
  return pos + 1
}
