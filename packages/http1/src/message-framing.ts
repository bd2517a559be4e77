// Where a message ends: RFC 9112, section 6, for requests and for responses, and nowhere else in this package.
//
// Fields are read as their lines come (`readContentLength`, `readTransferEncoding`); when the head is whole, `decide...Framing`
// turns what was read into one verdict or a refusal. Writers write the verdict and never copy the fields, so that what the next
// recipient reads can't differ from what was decided here.
//
// Invariants
// * A message has at most one way to end. Whatever could be read in two ways is refused, also where the RFC would allow to choose:
//   Transfer-Encoding beside Content-Length, codings other than chunked, Transfer-Encoding in HTTP/1.0 (families CL.TE, TE.CL, TE.TE).
// * Content-Length may be repeated, as lines or as a list, if all values are the same number (6.3, rule 5); anything else that isn't
//   1*DIGIT is refused. Numbers above 2^53 - 1 can't be counted exactly, and are refused.
// * What a method means has no say in how a request is framed (6): a GET with Content-Length has content.

import { COMMA, HTAB, SP, ZERO } from './character-tables.ts'
import { equalsIgnoringCase, octets } from './ascii-compare.ts'
import { METHOD } from './methods.ts'
import { REFUSALS, type Refusal } from './refusals.ts'
import { LIST_END, LIST_MALFORMED, type TokenList } from './token-list.ts'

/** How the end of a message is known (RFC 9112, 6.3). */
export const FRAMING = {
  /** No content: the message ends with its head. */
  none: 0,
  /** `contentLength` octets, which may be 0. */
  length: 1,
  /** Chunked transfer coding. */
  chunked: 2,
  /** Response without a declared length: it ends where the connection ends. */
  untilClose: 3,
  /** Not HTTP from here on: 101, 2xx to CONNECT, and a CONNECT request. */
  tunnel: 4,
} as const

/** The part of a head that framing is about. */
export interface FramedHead {
  readonly versionMinor: 0 | 1
  readonly method: number
  readonly status: number
  readonly interim: boolean
  contentLength: number
  transferCodings: number
  framing: number
}

/** Bits of `transferCodings`. */
const PRESENT = 1
const CHUNKED = 2
const CHUNKED_LAST = 4
const UNKNOWN = 8

const CHUNKED_NAME = octets('chunked')

/** Content-Length = 1*DIGIT, or a list of the same (RFC 9110, 8.6). Reads one field line. */
export function readContentLength(head: FramedHead, buffer: Buffer, start: number, end: number): Refusal | null {
  let pos = start
  for (;;) {
    const first = pos
    let length = 0
    for (; pos < end; pos++) {
      const digit = buffer[pos]! - ZERO
      if (digit < 0 || digit > 9) break
      length = length * 10 + digit
      if (length > Number.MAX_SAFE_INTEGER) return REFUSALS.contentLength
    }
    if (pos === first) return REFUSALS.contentLength
    if (head.contentLength !== -1 && head.contentLength !== length) return REFUSALS.contentLengthConflict
    head.contentLength = length
    pos = skipWhitespace(buffer, pos, end)
    if (pos === end) return null
    if (buffer[pos] !== COMMA) return REFUSALS.contentLength
    pos = skipWhitespace(buffer, pos + 1, end)
  }
}

function skipWhitespace(buffer: Buffer, from: number, end: number): number {
  let pos = from
  while (pos < end && (buffer[pos] === SP || buffer[pos] === HTAB)) pos++
  return pos
}

/**
 * Transfer-Encoding = #transfer-coding (RFC 9112, 6.1). Reads one field line; several lines are one list. Empty elements, which no
 * sender may generate (RFC 9110, 5.6.1.1), are refused here and nowhere else: ",chunked" is chunked to some and unknown to others.
 */
export function readTransferEncoding(
  head: FramedHead,
  list: TokenList,
  buffer: Buffer,
  start: number,
  end: number,
): Refusal | null {
  list.open(start, end)
  let codings = head.transferCodings | PRESENT
  let found = list.next(buffer)
  if (found === LIST_END) return REFUSALS.transferEncoding
  for (; found !== LIST_END; found = list.next(buffer)) {
    // A parameter is an error on chunked (7.1) and of no use on codings that are refused anyway.
    if (found === LIST_MALFORMED) return REFUSALS.transferEncoding
    if (equalsIgnoringCase(buffer, list.start, list.end, CHUNKED_NAME)) {
      if ((codings & CHUNKED) !== 0) return REFUSALS.transferEncoding
      codings |= CHUNKED | CHUNKED_LAST
    } else {
      codings = (codings | UNKNOWN) & ~CHUNKED_LAST
    }
  }
  if (list.empties !== 0) return REFUSALS.transferEncoding
  head.transferCodings = codings
  return null
}

/** Rules for Transfer-Encoding that hold in both directions; called if it's present. */
function checkTransferEncoding(head: FramedHead): Refusal | null {
  const codings = head.transferCodings
  if (head.versionMinor === 0) return REFUSALS.transferEncodingInHttp10
  if (head.contentLength !== -1) return REFUSALS.transferEncodingWithLength
  if ((codings & CHUNKED_LAST) === 0) return REFUSALS.transferEncoding
  if ((codings & UNKNOWN) !== 0) return REFUSALS.transferCodingUnknown
  return null
}

/** RFC 9112, 6.3 for a request whose head is whole. */
export function decideRequestFraming(head: FramedHead): Refusal | null {
  const isConnect = head.method === METHOD.CONNECT
  if (head.transferCodings !== 0) {
    const refusal = checkTransferEncoding(head)
    if (refusal !== null) return refusal
    if (isConnect) return REFUSALS.connectContent
    head.framing = FRAMING.chunked
    return null
  }
  if (isConnect) {
    // RFC 9110, 9.3.6: CONNECT has no content; what stands behind its head is the tunnel's.
    if (head.contentLength > 0) return REFUSALS.connectContent
    head.framing = FRAMING.tunnel
    return null
  }
  head.framing = head.contentLength === -1 ? FRAMING.none : FRAMING.length
  return null
}

/** RFC 9112, 6.3 for a response whose head is whole, to a request with the given `METHOD`. */
export function decideResponseFraming(head: FramedHead, requestMethod: number): Refusal | null {
  const status = head.status
  if (requestMethod === METHOD.CONNECT && status >= 200 && status <= 299) {
    // Rule 2: a client ignores Content-Length and Transfer-Encoding here.
    head.contentLength = -1
    head.framing = FRAMING.tunnel
    return null
  }
  if (head.transferCodings !== 0) {
    const refusal = checkTransferEncoding(head)
    if (refusal !== null) return refusal
  }
  if (status === 101) {
    head.contentLength = -1
    head.framing = FRAMING.tunnel
  } else if (head.interim || status === 204) {
    // A Content-Length is forbidden here (RFC 9110, 8.6): it says nothing and isn't passed on.
    head.contentLength = -1
    head.framing = FRAMING.none
  } else if (status === 304 || requestMethod === METHOD.HEAD) {
    head.framing = FRAMING.none
  } else if (head.transferCodings !== 0) {
    head.framing = FRAMING.chunked
  } else {
    head.framing = head.contentLength === -1 ? FRAMING.untilClose : FRAMING.length
  }
  return null
}
