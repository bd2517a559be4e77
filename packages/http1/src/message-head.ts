// One parsed head as numbers: offsets into the buffer that holds it, ids and verdicts. Strings are made only when asked for.
//
//   buffer  … G E T   / a ? b   H T T P / 1 . 1 ␍␊ H o s t :   x ␍␊ ␍␊ …
//             ▲start  ▲targetStart ▲targetEnd      ▲    ▲  ▲ ▲         ▲end
//             methodStart     ▲queryStart  nameStart[0] │  │ valueEnd[0]
//                                             nameEnd[0]┘  └valueStart[0]
//
// Invariants
// * One object per parser, reused for each message, every field set in the constructor: its shape never changes.
// * All offsets count from the beginning of `buffer`, and hold only until the next `execute` of the parser (in the in-place case
//   `buffer` is the caller's own read buffer). Whoever needs more copies it, or asks for strings, inside the callback.
// * Values are trimmed of OWS; names and values hold only octets that `character-tables.ts` admits.
// * The columns grow by doubling up to the parser's limit, so that an idle connection doesn't pay for a hundred fields.

import { HEADER, headerId, headerName } from './header-names.ts'
import { FRAMING, type FramedHead } from './message-framing.ts'
import { METHOD } from './methods.ts'

/** The four forms of a request target (RFC 9112, 3.2); `none` in a response. */
export const TARGET_FORM = { none: 0, origin: 1, absolute: 2, authority: 3, asterisk: 4 } as const

/** Scheme of an absolute-form target; `none` for the other forms. */
export const SCHEME = { none: 0, http: 1, https: 2 } as const

const EMPTY = Buffer.alloc(0)
const INITIAL_FIELDS = 24

export class MessageHead implements FramedHead {
  /** Holds the head. In the in-place case this is the buffer given to `execute`. */
  buffer: Buffer = EMPTY
  /** First octet of the request line or status line. */
  start = 0
  /** One past the empty line that ends the head. */
  end = 0

  /** Number of field lines; the columns below have that many valid entries. */
  headerCount = 0
  nameStart = new Int32Array(INITIAL_FIELDS)
  nameEnd = new Int32Array(INITIAL_FIELDS)
  valueStart = new Int32Array(INITIAL_FIELDS)
  valueEnd = new Int32Array(INITIAL_FIELDS)
  /** `HEADER` id of each field, 0 for a name that isn't known. */
  ids = new Uint8Array(INITIAL_FIELDS)
  /** 1: must not be forwarded. Set by the parser; an owner may set more of them before it writes the head. */
  hopByHop = new Uint8Array(INITIAL_FIELDS)

  /** 1 for HTTP/1.1 and for any later minor version (RFC 9110, 2.5), 0 for HTTP/1.0. */
  versionMinor: 0 | 1 = 1

  /** `METHOD` id, 0 for any other token. */
  method: number = METHOD.other
  methodStart = 0
  methodEnd = 0
  /** The request target as received. */
  targetStart = 0
  targetEnd = 0
  /** One of `TARGET_FORM`. */
  targetForm: number = TARGET_FORM.none
  /** One of `SCHEME`. */
  scheme: number = SCHEME.none
  /** Effective authority: the target's if it has one, else Host's value, without the colon of an empty port. Empty only in HTTP/1.0 without Host. */
  hostStart = 0
  hostEnd = 0
  /** Path and query to send upstream, behind `pathPrefix`. */
  pathStart = 0
  pathEnd = 0
  /** Octet to send before `pathStart`, 0 for none: "/" where an absolute-form has an empty path, "*" where OPTIONS asks for a server (RFC 9112, 3.2.4). */
  pathPrefix = 0
  /** Where "?" stands; `pathEnd` if there's no query. */
  queryStart = 0

  /** Status code of a response, 100-599. */
  status = 0
  reasonStart = 0
  reasonEnd = 0
  /** Whether this is a 1xx response with a final one to come; 101 is final. */
  interim = false

  /** One of `FRAMING`. */
  framing: number = FRAMING.none
  /** Value of Content-Length, -1 if there's none. In a response to HEAD and in 304 it's the size of what isn't sent. */
  contentLength = -1
  /** What was seen in Transfer-Encoding; `message-framing.ts` alone reads and writes it. */
  transferCodings = 0

  /** Whether the sender lets the connection live after this message, by its version and Connection (RFC 9112, 9.3). */
  keepAlive = false
  /** Whether Upgrade is present and Connection names it; never in HTTP/1.0 (RFC 9110, 7.8). */
  upgrade = false
  /** Whether `upgrade` asks for exactly one protocol, WebSocket. */
  upgradeToWebSocket = false
  /** Whether the client waits for 100 before it sends the announced content; never in HTTP/1.0 (RFC 9110, 10.1.1). */
  expectContinue = false
  /** Whether Expect has a member that isn't 100-continue: to be answered with 417. */
  expectUnknown = false
  /** Whether TE says that the sender takes trailer fields (RFC 9110, 10.1.4). */
  acceptsTrailers = false

  /** Forgets everything but the columns' size. Called by the parser. */
  clear(): void {
    this.buffer = EMPTY
    this.start = 0
    this.end = 0
    this.headerCount = 0
    this.versionMinor = 1
    this.method = METHOD.other
    this.methodStart = 0
    this.methodEnd = 0
    this.targetStart = 0
    this.targetEnd = 0
    this.targetForm = TARGET_FORM.none
    this.scheme = SCHEME.none
    this.hostStart = 0
    this.hostEnd = 0
    this.pathStart = 0
    this.pathEnd = 0
    this.pathPrefix = 0
    this.queryStart = 0
    this.status = 0
    this.reasonStart = 0
    this.reasonEnd = 0
    this.interim = false
    this.framing = FRAMING.none
    this.contentLength = -1
    this.transferCodings = 0
    this.keepAlive = false
    this.upgrade = false
    this.upgradeToWebSocket = false
    this.expectContinue = false
    this.expectUnknown = false
    this.acceptsTrailers = false
  }

  /** Doubles the columns. Called by the parser when they are full. */
  grow(): void {
    const size = this.nameStart.length * 2
    this.nameStart = widened(this.nameStart, size)
    this.nameEnd = widened(this.nameEnd, size)
    this.valueStart = widened(this.valueStart, size)
    this.valueEnd = widened(this.valueEnd, size)
    const ids = new Uint8Array(size)
    ids.set(this.ids)
    this.ids = ids
    const hopByHop = new Uint8Array(size)
    hopByHop.set(this.hopByHop)
    this.hopByHop = hopByHop
  }

  /** Moves the head to another buffer, in which it begins at 0. `fields` counts a field whose line isn't complete yet. Called by the parser. */
  moveTo(buffer: Buffer, fields: number): void {
    const by = this.start
    this.buffer = buffer
    this.start = 0
    this.end -= by
    this.hostStart -= by
    this.hostEnd -= by
    this.methodStart -= by
    this.methodEnd -= by
    this.targetStart -= by
    this.targetEnd -= by
    this.pathStart -= by
    this.pathEnd -= by
    this.queryStart -= by
    this.reasonStart -= by
    this.reasonEnd -= by
    for (let i = 0; i < fields; i++) {
      this.nameStart[i]! -= by
      this.nameEnd[i]! -= by
      this.valueStart[i]! -= by
      this.valueEnd[i]! -= by
    }
  }

  /** Index of the first field with a `HEADER` id at or behind `from`, -1 if there's none. */
  find(id: number, from = 0): number {
    const ids = this.ids
    for (let i = from, count = this.headerCount; i < count; i++) if (ids[i] === id) return i
    return -1
  }

  /** Index of the first field with this name at or behind `from`, -1 if there's none. `name` is a token in any case; prefer `find` where an id exists. */
  findName(name: string, from = 0): number {
    const wanted = name.toLowerCase()
    const octets = Buffer.from(wanted, 'latin1')
    const id = octets.length === 0 ? HEADER.unknown : headerId(octets, 0, octets.length)
    if (id > HEADER.lookAlike) return this.find(id, from)
    for (let i = from; i < this.headerCount; i++) {
      const length = this.nameEnd[i]! - this.nameStart[i]!
      if (length === octets.length && this.nameString(i).toLowerCase() === wanted) return i
    }
    return -1
  }

  /** Value of the first field with a `HEADER` id, undefined if there's none. */
  value(id: number): string | undefined {
    const index = this.find(id)
    return index === -1 ? undefined : this.valueString(index)
  }

  /** Name of a field as it was sent; of a known one, in lower case. */
  nameString(index: number): string {
    const id = this.ids[index]!
    if (id > HEADER.lookAlike) return headerName(id)
    return this.slice(this.nameStart[index]!, this.nameEnd[index]!)
  }

  /** Value of a field, one character per octet (ISO 8859-1), without leading and trailing whitespace. */
  valueString(index: number): string {
    return this.slice(this.valueStart[index]!, this.valueEnd[index]!)
  }

  methodString(): string {
    return this.slice(this.methodStart, this.methodEnd)
  }

  /** The request target as received. */
  targetString(): string {
    return this.slice(this.targetStart, this.targetEnd)
  }

  /** Path and query as they are sent upstream. */
  pathString(): string {
    const path = this.slice(this.pathStart, this.pathEnd)
    return this.pathPrefix === 0 ? path : String.fromCharCode(this.pathPrefix) + path
  }

  /** Effective authority; empty if there's none. */
  hostString(): string {
    return this.slice(this.hostStart, this.hostEnd)
  }

  reasonString(): string {
    return this.slice(this.reasonStart, this.reasonEnd)
  }

  /** After a refusal some offsets aren't set; what they would delimit is then empty. */
  private slice(start: number, end: number): string {
    return start < end ? this.buffer.toString('latin1', start, end) : ''
  }
}

function widened(column: Int32Array<ArrayBuffer>, size: number): Int32Array<ArrayBuffer> {
  const wide = new Int32Array(size)
  wide.set(column)
  return wide
}
