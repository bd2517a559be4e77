// The field lines of a head or of a trailer section, octet by octet (RFC 9112, 5).
//
//   field-line = field-name ":" OWS field-value OWS CRLF
//
// The hottest loop of the package: almost all octets of a head pass through the two inner `while`s, one table look-up each.
//
// Invariants
// * A CR is followed by LF or the head is refused; a LF stands behind a CR or the head is refused. So "CR CR LF", "LF LF" and "CR x"
//   end nothing (RFC 9112, 2.2).
// * A line that begins with whitespace is refused, the first one too (2.2, 5.2), and so is whitespace before the colon (5.1).
// * `head.headerCount` counts whole lines; the line under way has its offsets in the columns at that index.
//
// @hot

import * as octets from './character-tables.ts'
import { applyField } from './field-rules.ts'
import { headerId } from './header-names.ts'
import * as phases from './head-phases.ts'
import type { HeadScan } from './head-scan.ts'
import { REFUSALS, type Refusal } from './refusals.ts'

// An imported binding is looked up at each use; a constant of this module is folded into the code, which saves 10-15 % of a head.
const { COLON, CR, FIELD_VALUE, HTAB, LF, SP, TOKEN } = octets
const { PHASE_DONE, PHASE_END_LF, PHASE_LINE, PHASE_NAME, PHASE_OWS, PHASE_VALUE, PHASE_VALUE_LF, TRAILERS } = phases

/** Scans from a phase of the fields on. Returns the new position: behind the empty line (PHASE_DONE), `end`, or where it was refused. */
export function scanFieldLines(scan: HeadScan, buffer: Buffer, from: number, end: number): number {
  const head = scan.head
  const dropped = scan.dropped
  const appliesRules = scan.kind !== TRAILERS
  let { nameStart, nameEnd, valueStart, valueEnd, ids, hopByHop } = head
  let count = head.headerCount
  let phase = scan.phase
  let pos = from

  for (;;) {
    if (phase === PHASE_LINE) {
      if (pos === end) break
      if (buffer[pos] === CR) {
        pos++
        phase = PHASE_END_LF
      } else {
        if (count === scan.maxFields) return scan.refuse(scan.tooManyFields, pos)
        if (count === nameStart.length) {
          head.grow()
          ;({ nameStart, nameEnd, valueStart, valueEnd, ids, hopByHop } = head)
        }
        nameStart[count] = pos
        phase = PHASE_NAME
      }
    }

    if (phase === PHASE_NAME) {
      while (pos < end && TOKEN[buffer[pos]!] === 1) pos++
      if (pos === end) break
      if (buffer[pos] !== COLON || pos === nameStart[count]) {
        return scan.refuse(nameRefusal(buffer[pos]!, pos === nameStart[count]), pos)
      }
      nameEnd[count] = pos
      pos++
      phase = PHASE_OWS
    }

    if (phase === PHASE_OWS) {
      while (pos < end && (buffer[pos] === SP || buffer[pos] === HTAB)) pos++
      if (pos === end) break
      valueStart[count] = pos
      phase = PHASE_VALUE
    }

    if (phase === PHASE_VALUE) {
      while (pos < end && FIELD_VALUE[buffer[pos]!] === 1) pos++
      if (pos === end) break
      if (buffer[pos] !== CR) return scan.refuse(buffer[pos] === LF ? REFUSALS.bareLf : REFUSALS.fieldValue, pos)
      const first = valueStart[count]!
      let last = pos
      while (last > first && (buffer[last - 1] === SP || buffer[last - 1] === HTAB)) last--
      valueEnd[count] = last
      pos++
      phase = PHASE_VALUE_LF
    }

    if (phase === PHASE_VALUE_LF) {
      if (pos === end) break
      if (buffer[pos] !== LF) return scan.refuse(REFUSALS.bareCr, pos)
      pos++
      const id = headerId(buffer, nameStart[count]!, nameEnd[count]!)
      ids[count] = id
      hopByHop[count] = dropped[id]!
      head.headerCount = ++count
      if (id !== 0 && appliesRules) {
        const refusal = applyField(scan, buffer, id, count - 1)
        if (refusal !== null) return scan.refuse(refusal, pos)
      }
      phase = PHASE_LINE
    }

    if (phase === PHASE_END_LF) {
      if (pos === end) break
      if (buffer[pos] !== LF) return scan.refuse(REFUSALS.bareCr, pos)
      pos++
      phase = PHASE_DONE
      break
    }
  }

  scan.phase = phase
  return pos
}

/** Why the octet behind a (perhaps empty) name isn't the colon that belongs there. */
function nameRefusal(octet: number, isEmpty: boolean): Refusal {
  if (octet === SP || octet === HTAB) return isEmpty ? REFUSALS.obsFold : REFUSALS.spaceBeforeColon
  if (octet === LF) return REFUSALS.bareLf
  return REFUSALS.fieldName
}
