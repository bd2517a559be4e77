// HTTP-version, the same eight octets in request lines and status lines.
//
//   HTTP-version = HTTP-name "/" DIGIT "." DIGIT      HTTP-name = %s"HTTP"                       RFC 9112, 2.3
//
// Case-sensitive, one digit each. A later minor version of HTTP/1 is processed as 1.1, the highest that is spoken here (RFC 9110, 2.5);
// another major version isn't HTTP/1 at all: 505. What is written is always HTTP/1.1 (RFC 9112, 2.3).
//
// @hot

import { DOT, NINE, SLASH, ZERO } from './character-tables.ts'
import type { HeadScan } from './head-scan.ts'
import { REFUSALS, type Refusal } from './refusals.ts'

/** Octets of "HTTP/1.1". */
export const HTTP_VERSION_LENGTH = 8

const H = 0x48
const T = 0x54
const P = 0x50
const NAME = [H, T, T, P, SLASH]
const MAJOR = 5
const MINOR = 7

/** Whether "HTTP/1.1" CRLF stands at `pos`, with ten octets there: the usual case in one expression. */
export function isHttp11(buffer: Buffer, pos: number): boolean {
  return (
    buffer[pos] === H &&
    buffer[pos + 1] === T &&
    buffer[pos + 2] === T &&
    buffer[pos + 3] === P &&
    buffer[pos + 4] === SLASH &&
    buffer[pos + 5] === ZERO + 1 &&
    buffer[pos + 6] === DOT &&
    buffer[pos + 7] === ZERO + 1 &&
    buffer[pos + 8] === 0x0d &&
    buffer[pos + 9] === 0x0a
  )
}

/** Takes the octet with this index (0-7) of an HTTP-version. Whether the major version is spoken is asked when the line is whole. */
export function readVersionOctet(scan: HeadScan, index: number, octet: number): Refusal | null {
  if (index < NAME.length) return octet === NAME[index] ? null : REFUSALS.version
  if (index === MAJOR || index === MINOR) {
    if (octet < ZERO || octet > NINE) return REFUSALS.version
    if (index === MAJOR) scan.versionMajor = octet - ZERO
    else scan.head.versionMinor = octet === ZERO ? 0 : 1
    return null
  }
  return octet === DOT ? null : REFUSALS.version
}
