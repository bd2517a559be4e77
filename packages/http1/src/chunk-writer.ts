// Writes the chunked transfer coding around content that is passed on (RFC 9112, 7.1).
//
// Chunks are never forwarded as they came: sizes are written anew, in as few digits as they need, and without extensions.

import { CR, LF } from './character-tables.ts'
import { copyFields, type HeadRewrite } from './head-writer.ts'
import { HEADER } from './header-names.ts'
import type { MessageHead } from './message-head.ts'

/** Room that a chunk's size line needs at most: 14 digits and CRLF. */
export const MAX_CHUNK_HEAD_BYTES = 16

/** What stands behind a chunk's data. Not to be written to. */
export const CRLF: Buffer = Buffer.from('\r\n', 'latin1')
/** Last chunk and empty trailer section: the end of a chunked message. Not to be written to. */
export const LAST_CHUNK: Buffer = Buffer.from('0\r\n\r\n', 'latin1')

const LAST_SIZE_LINE_BYTES = 3
const HEX_DIGITS = Buffer.from('0123456789abcdef', 'latin1')

/**
 * Writes the size line of a chunk; its data and `CRLF` have to follow. `size` is from 1 to 2^53 - 1 octets; for 0 nothing is written,
 * since an empty chunk would end the message. Returns the new offset, or -1 without writing if there's no room.
 */
export function writeChunkHead(out: Buffer, offset: number, size: number): number {
  if (size === 0) return offset
  let digits = 1
  for (let power = 16; power <= size; power *= 16) digits++
  if (offset + digits + 2 > out.length) return -1
  let rest = size
  for (let pos = offset + digits - 1; pos >= offset; pos--) {
    const sixteenth = Math.floor(rest / 16)
    out[pos] = HEX_DIGITS[rest - sixteenth * 16]!
    rest = sixteenth
  }
  out[offset + digits] = CR
  out[offset + digits + 1] = LF
  return offset + digits + 2
}

/**
 * Writes the end of a chunked message with the trailer fields that may be forwarded. Returns the new offset, or -1 without writing if
 * there's less room than the section as received plus one octet per field and 3.
 */
export function writeTrailers(out: Buffer, offset: number, trailers: MessageHead, rewrite: HeadRewrite): number {
  if (offset + (trailers.end - trailers.start) + trailers.headerCount + LAST_SIZE_LINE_BYTES > out.length) return -1
  LAST_CHUNK.copy(out, offset, 0, LAST_SIZE_LINE_BYTES)
  const pos = copyFields(out, offset + LAST_SIZE_LINE_BYTES, trailers, rewrite.skip, false, HEADER.unknown)
  CRLF.copy(out, pos)
  return pos + CRLF.length
}
