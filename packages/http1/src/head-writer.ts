// Writes the head of a forwarded message out of a parsed one, octets to octets, without a string in between.
//
//   parsed   GET http://a/x HTTP/1.0 ␍␊ Connection: close ␍␊ Accept:*/* ␍␊ Host: a ␍␊ Cookie: c=1 ␍␊ Via: b ␍␊ ␍␊
//   written  GET /x HTTP/1.1 ␍␊ Host: a ␍␊ Accept: */* ␍␊ Cookie: c=1 ␍␊ Via: b ␍␊ [framing] [connection] [extra] ␍␊
//                                          └ rewritten    └──── one run, one copy ────┘
//
// Invariants
// * The version is always HTTP/1.1 (RFC 9112, 2.3).
// * A request has exactly one Host, from the effective authority; no field of that name is copied.
// * Content-Length and Transfer-Encoding are never copied. At most one of them is written, from the framing that was decided.
// * No field with `hopByHop` and no field whose id the caller skips is copied. Every other field is copied once, in order, as
//   "name: value" with one SP and no other whitespace around the value.
// * All octets copied have passed the parser's tables, and `extra` those of `field-line.ts`; so nothing here can split a message.
//
// @hot

import * as characters from './character-tables.ts'
import { octets } from './ascii-compare.ts'
import { HEADER } from './header-names.ts'
import { FRAMING } from './message-framing.ts'
import type { MessageHead } from './message-head.ts'

// An imported binding is looked up at each use; a constant of this module is folded into the code, which saves 10-15 % of a head.
const { CR, LF, SP, ZERO } = characters

/** What to say about the connection in a written head. */
export const CONNECTION = {
  /** Nothing: in HTTP/1.1 the connection lives. */
  none: 0,
  close: 1,
  /** For a client that spoke HTTP/1.0 and asked for it. */
  keepAlive: 2,
  /** Connection: Upgrade, and the parsed head's own Upgrade value. */
  upgrade: 3,
} as const

const NOTHING = Buffer.alloc(0)

/** How a head is changed on its way. Made once and filled anew for each message; the writers keep nothing of it. */
export class HeadRewrite {
  /** 1 for each `HEADER` id that isn't copied. Entry 0 (unknown names) has to stay 0. */
  readonly skip = new Uint8Array(256)
  /** One of `CONNECTION`. */
  connection: number = CONNECTION.none
  /** Field lines to append, each with its CRLF, as `writeFieldLine` and `encodeFieldLine` make them: `extra[extraStart, extraEnd)`. */
  extra: Buffer = NOTHING
  extraStart = 0
  extraEnd = 0
  /** Host of a request that has no authority at all, which only HTTP/1.0 may; empty gives an empty Host field (RFC 9112, 3.2). */
  defaultHost: Buffer = NOTHING

  /** Appends these lines; none at all without an argument. */
  setExtra(lines: Buffer = NOTHING): void {
    this.extra = lines
    this.extraStart = 0
    this.extraEnd = lines.length
  }
}

const VERSION_LINE_END = octets(' HTTP/1.1\r\n')
const VERSION_START = octets('HTTP/1.1 ')
const HOST = octets('Host: ')
const LINE_END = octets('\r\n')
const LIST_SEPARATOR = octets(', ')
const CONTENT_LENGTH = octets('Content-Length: ')
const TRANSFER_ENCODING = octets('Transfer-Encoding: chunked\r\n')
const CONNECTION_CLOSE = octets('Connection: close\r\n')
const CONNECTION_KEEP_ALIVE = octets('Connection: keep-alive\r\n')
const CONNECTION_UPGRADE = octets('Connection: Upgrade\r\nUpgrade: ')

/** More than all that a writer adds of its own: version, Host's name, one framing field, one connection field, line ends. */
const ADDED_BYTES = 160
/** Ranges shorter than this are copied in a loop; above, the runtime's copy wins (about 35 ns, whatever the length up to 1 KiB). */
const LOOP_BYTES = 20

/** Octets of room that the writers below ask for: a little more than what they write. */
export function headRoom(head: MessageHead, rewrite: HeadRewrite): number {
  return (
    head.end -
    head.start +
    head.headerCount +
    (head.hostEnd - head.hostStart) +
    rewrite.defaultHost.length +
    (rewrite.extraEnd - rewrite.extraStart) +
    ADDED_BYTES
  )
}

/** Writes the head of a forwarded request. Returns the new offset, or -1 without writing if there's less than `headRoom`. */
export function writeRequestHead(out: Buffer, offset: number, head: MessageHead, rewrite: HeadRewrite): number {
  if (offset + headRoom(head, rewrite) > out.length) return -1
  const buffer = head.buffer
  let pos = copy(buffer, head.methodStart, head.methodEnd, out, offset)
  out[pos++] = SP
  if (head.pathPrefix !== 0) out[pos++] = head.pathPrefix
  pos = copy(buffer, head.pathStart, head.pathEnd, out, pos)
  pos = put(out, pos, VERSION_LINE_END)
  pos = put(out, pos, HOST)
  if (head.hostEnd > head.hostStart) pos = copy(buffer, head.hostStart, head.hostEnd, out, pos)
  else pos = put(out, pos, rewrite.defaultHost)
  pos = put(out, pos, LINE_END)
  pos = copyFields(out, pos, head, rewrite.skip, head.framing === FRAMING.chunked, HEADER.host)
  pos = writeFraming(out, pos, head.framing, head.contentLength)
  return writeEnd(out, pos, head, rewrite)
}

/**
 * Writes the head of a forwarded response, interim ones too. `framing` is how it's sent on, which may differ from how it came: a
 * chunked one goes to an HTTP/1.0 client as `untilClose`. Returns the new offset, or -1 without writing if there's less than `headRoom`.
 */
export function writeResponseHead(
  out: Buffer,
  offset: number,
  head: MessageHead,
  framing: number,
  rewrite: HeadRewrite,
): number {
  if (offset + headRoom(head, rewrite) > out.length) return -1
  let pos = put(out, offset, VERSION_START)
  pos = writeStatus(out, pos, head.status)
  pos = copy(head.buffer, head.reasonStart, head.reasonEnd, out, pos)
  pos = put(out, pos, LINE_END)
  pos = copyFields(out, pos, head, rewrite.skip, framing === FRAMING.chunked, HEADER.unknown)
  pos = writeFraming(out, pos, framing, head.contentLength)
  return writeEnd(out, pos, head, rewrite)
}

/**
 * Writes the head of a response of our own: `reason` is ASCII text, `contentLength` -1 writes no Content-Length (for 1xx and 204).
 * Returns the new offset, or -1 without writing if there's no room.
 */
export function writeOwnResponseHead(
  out: Buffer,
  offset: number,
  status: number,
  reason: string,
  contentLength: number,
  rewrite: HeadRewrite,
): number {
  if (offset + reason.length + (rewrite.extraEnd - rewrite.extraStart) + ADDED_BYTES > out.length) return -1
  let pos = put(out, offset, VERSION_START)
  pos = writeStatus(out, pos, status)
  pos += out.write(reason, pos, 'latin1')
  pos = put(out, pos, LINE_END)
  if (contentLength !== -1) pos = writeFraming(out, pos, FRAMING.length, contentLength)
  if (rewrite.connection === CONNECTION.close) pos = put(out, pos, CONNECTION_CLOSE)
  else if (rewrite.connection === CONNECTION.keepAlive) pos = put(out, pos, CONNECTION_KEEP_ALIVE)
  pos = copy(rewrite.extra, rewrite.extraStart, rewrite.extraEnd, out, pos)
  return put(out, pos, LINE_END)
}

/**
 * Copies the fields that may be forwarded; `never` is one more id that isn't. The fields of a trailer section too. The caller has seen
 * to the room.
 */
export function copyFields(
  out: Buffer,
  offset: number,
  head: MessageHead,
  skip: Uint8Array,
  keepsTrailers: boolean,
  never: number,
): number {
  const { buffer, nameStart, nameEnd, valueStart, valueEnd, ids, hopByHop, headerCount } = head
  const fieldsEnd = head.end - 2
  let pos = offset
  let runStart = 0
  let runEnd = 0
  for (let i = 0; i < headerCount; i++) {
    const id = ids[i]!
    if (hopByHop[i] === 1) continue
    if (id !== HEADER.unknown) {
      if (skip[id] === 1 || id === never || id === HEADER.contentLength || id === HEADER.transferEncoding) continue
      // A Trailer field announces what isn't sent where there are no chunks (RFC 9110, 6.6.2).
      if (id === HEADER.trailer && !keepsTrailers) continue
    }
    const lineStart = nameStart[i]!
    const nameTo = nameEnd[i]!
    const valueFrom = valueStart[i]!
    const valueTo = valueEnd[i]!
    const lineEnd = i + 1 < headerCount ? nameStart[i + 1]! : fieldsEnd
    if (lineEnd === valueTo + 2 && valueFrom === nameTo + 2 && buffer[nameTo + 1] === SP) {
      // The line stands as it would be written. It lengthens the run if it follows it directly.
      if (runEnd !== lineStart) {
        if (runEnd !== runStart) pos = copy(buffer, runStart, runEnd, out, pos)
        runStart = lineStart
      }
      runEnd = lineEnd
      continue
    }
    if (runEnd !== runStart) pos = copy(buffer, runStart, runEnd, out, pos)
    runStart = runEnd
    // The name and its colon, then the trimmed value.
    pos = copy(buffer, lineStart, nameTo + 1, out, pos)
    out[pos++] = SP
    pos = copy(buffer, valueFrom, valueTo, out, pos)
    out[pos++] = CR
    out[pos++] = LF
  }
  return runEnd === runStart ? pos : copy(buffer, runStart, runEnd, out, pos)
}

/** The one framing field of a message. A head without content may still tell a length: that of HEAD and 304 (RFC 9110, 8.6). */
function writeFraming(out: Buffer, offset: number, framing: number, contentLength: number): number {
  if (framing === FRAMING.chunked) return put(out, offset, TRANSFER_ENCODING)
  if (contentLength === -1 || framing === FRAMING.untilClose || framing === FRAMING.tunnel) return offset
  const pos = writeDecimal(out, put(out, offset, CONTENT_LENGTH), contentLength)
  return put(out, pos, LINE_END)
}

/** Connection, what the caller adds, and the empty line. */
function writeEnd(out: Buffer, offset: number, head: MessageHead, rewrite: HeadRewrite): number {
  let pos = offset
  if (rewrite.connection !== CONNECTION.none) pos = writeConnection(out, pos, head, rewrite.connection)
  if (rewrite.extraEnd > rewrite.extraStart) pos = copy(rewrite.extra, rewrite.extraStart, rewrite.extraEnd, out, pos)
  return put(out, pos, LINE_END)
}

function writeConnection(out: Buffer, offset: number, head: MessageHead, connection: number): number {
  if (connection === CONNECTION.close) return put(out, offset, CONNECTION_CLOSE)
  if (connection === CONNECTION.keepAlive) return put(out, offset, CONNECTION_KEEP_ALIVE)
  let index = head.find(HEADER.upgrade)
  if (index === -1) return offset
  let pos = put(out, offset, CONNECTION_UPGRADE)
  pos = copy(head.buffer, head.valueStart[index]!, head.valueEnd[index]!, out, pos)
  for (index = head.find(HEADER.upgrade, index + 1); index !== -1; index = head.find(HEADER.upgrade, index + 1)) {
    pos = put(out, pos, LIST_SEPARATOR)
    pos = copy(head.buffer, head.valueStart[index]!, head.valueEnd[index]!, out, pos)
  }
  return put(out, pos, LINE_END)
}

function writeStatus(out: Buffer, offset: number, status: number): number {
  const pos = writeDecimal(out, offset, status)
  out[pos] = SP
  return pos + 1
}

/** Decimal digits of a whole number from 0 to 2^53 - 1. */
function writeDecimal(out: Buffer, offset: number, value: number): number {
  let digits = 1
  for (let power = 10; power <= value; power *= 10) digits++
  let rest = value
  for (let pos = offset + digits - 1; pos >= offset; pos--) {
    const tenth = Math.floor(rest / 10)
    out[pos] = ZERO + (rest - tenth * 10)
    rest = tenth
  }
  return offset + digits
}

function put(out: Buffer, offset: number, text: Uint8Array): number {
  const length = text.length
  for (let i = 0; i < length; i++) out[offset + i] = text[i]!
  return offset + length
}

function copy(from: Buffer, start: number, end: number, out: Buffer, offset: number): number {
  const length = end - start
  if (length < LOOP_BYTES) {
    for (let i = 0; i < length; i++) out[offset + i] = from[start + i]!
  } else {
    from.copy(out, offset, start, end)
  }
  return offset + length
}
