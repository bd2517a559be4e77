// The request line, octet by octet: method, target, version (RFC 9112, 3).
//
//   request-line = method SP request-target SP HTTP-version CRLF
//
// Exactly one SP between the parts and CRLF at the end; the leniency that RFC 9112, 3 allows (any whitespace, any number) is how two
// recipients come to read two targets, so it isn't used. Empty lines in front are skipped up to a limit (2.2).
//
// Invariant: when the phase has left PHASE_VERSION without a refusal, the target has passed `request-target.ts`.
//
// @hot

import * as octets from './character-tables.ts'
import * as phases from './head-phases.ts'
import type { HeadScan } from './head-scan.ts'
import { HTTP_VERSION_LENGTH, isHttp11, readVersionOctet } from './http-version.ts'
import { methodId } from './methods.ts'
import { REFUSALS } from './refusals.ts'
import { readTarget } from './request-target.ts'

// An imported binding is looked up at each use; a constant of this module is folded into the code, which saves 10-15 % of a head.
const { CR, HASH, LF, SP, TARGET_PLAIN, TARGET_QUESTION, TOKEN } = octets
const { PHASE_LINE, PHASE_METHOD, PHASE_SKIPPING, PHASE_SKIPPING_LF, PHASE_TARGET, PHASE_VERSION } = phases

/**
 * Skips empty lines before a request line. Returns the new position; the phase stays PHASE_SKIPPING… if there's nothing but empty
 * lines, and is PHASE_METHOD with `head.start` set otherwise.
 */
export function skipEmptyLines(scan: HeadScan, buffer: Buffer, from: number, end: number): number {
  let pos = from
  while (pos < end) {
    const octet = buffer[pos]
    if (scan.phase === PHASE_SKIPPING_LF) {
      if (octet !== LF) return scan.refuse(REFUSALS.bareCr, pos)
      if (++scan.emptyLines > scan.limits.maxLeadingEmptyLines) return scan.refuse(REFUSALS.emptyLines, pos)
      scan.phase = PHASE_SKIPPING
    } else if (octet === CR) {
      scan.phase = PHASE_SKIPPING_LF
    } else if (octet === LF) {
      return scan.refuse(REFUSALS.bareLf, pos)
    } else {
      scan.phase = PHASE_METHOD
      scan.head.start = pos
      scan.head.methodStart = pos
      return pos
    }
    pos++
  }
  return pos
}

/** Scans from a phase of the request line on. Returns the new position: behind the line (PHASE_LINE), `end`, or where it was refused. */
export function scanRequestLine(scan: HeadScan, buffer: Buffer, from: number, end: number): number {
  const head = scan.head
  const limits = scan.limits
  let pos = from

  if (scan.phase === PHASE_METHOD) {
    while (pos < end && TOKEN[buffer[pos]!] === 1) pos++
    const most = head.methodStart + limits.maxMethodBytes
    if (pos > most) return scan.refuse(REFUSALS.methodTooLong, most)
    if (pos === end) return pos
    if (buffer[pos] !== SP || pos === head.methodStart) return scan.refuse(REFUSALS.method, pos)
    head.methodEnd = pos
    head.method = methodId(buffer, head.methodStart, pos)
    pos++
    head.targetStart = pos
    scan.phase = PHASE_TARGET
  }

  if (scan.phase === PHASE_TARGET) {
    const octets = scan.targetOctets
    let kinds = scan.targetKinds
    for (; pos < end; pos++) {
      const kind = octets[buffer[pos]!]!
      if (kind === TARGET_PLAIN) continue
      if (kind === 0) break
      if (kind === TARGET_QUESTION && (kinds & TARGET_QUESTION) === 0) scan.queryOffset = pos - head.targetStart
      kinds |= kind
    }
    scan.targetKinds = kinds
    const most = head.targetStart + limits.maxTargetBytes
    if (pos > most) return scan.refuse(REFUSALS.targetTooLong, most)
    if (pos === end) return pos
    const octet = buffer[pos]
    if (octet !== SP) {
      // "GET /" and no version is HTTP/0.9, which has no heads; everything else is a character that a target may not have.
      if (octet === CR) return scan.refuse(REFUSALS.version, pos)
      if (octet === LF) return scan.refuse(REFUSALS.bareLf, pos)
      return scan.refuse(octet === HASH ? REFUSALS.targetFragment : REFUSALS.target, pos)
    }
    if (pos === head.targetStart) return scan.refuse(REFUSALS.target, pos)
    head.targetEnd = pos
    pos++
    scan.phase = PHASE_VERSION
  }

  // HTTP-version and CRLF: a fixed ten octets behind the target and its SP.
  const versionStart = head.targetEnd + 1
  if (pos === versionStart && end - pos >= HTTP_VERSION_LENGTH + 2 && isHttp11(buffer, pos)) {
    pos += HTTP_VERSION_LENGTH + 2
    head.versionMinor = 1
  } else {
    for (; ; pos++) {
      if (pos === end) return pos
      const index = pos - versionStart
      if (index < HTTP_VERSION_LENGTH) {
        const refusal = readVersionOctet(scan, index, buffer[pos]!)
        if (refusal !== null) return scan.refuse(refusal, pos)
      } else if (index === HTTP_VERSION_LENGTH) {
        if (buffer[pos] === LF) return scan.refuse(REFUSALS.bareLf, pos)
        if (buffer[pos] !== CR) return scan.refuse(REFUSALS.version, pos)
      } else {
        if (buffer[pos] !== LF) return scan.refuse(REFUSALS.bareCr, pos)
        pos++
        break
      }
    }
    if (scan.versionMajor !== 1) return scan.refuse(REFUSALS.versionNotSupported, pos)
  }

  const refusal = readTarget(scan, buffer)
  if (refusal !== null) return scan.refuse(refusal, pos)
  scan.phase = PHASE_LINE
  return pos
}
