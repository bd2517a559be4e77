// The authority of a target URI: what may stand in Host, in an absolute-form and in CONNECT's target, by the syntax of RFC 3986.
//
//   Host       = uri-host [ ":" port ]                                                           RFC 9110, 7.2
//   uri-host   = IP-literal / IPv4address / reg-name      port = *DIGIT                          RFC 3986, 3.2.2, 3.2.3
//   IP-literal = "[" ( IPv6address / IPvFuture ) "]"
//
// Narrower than the grammar where an http URI is, or where two readers could differ:
// * the host isn't empty (RFC 9110, 4.2.1: an http URI with an empty host is invalid), also in front of a port;
// * no userinfo (4.2.4), so no "@" at all;
// * no "," (what is left of two Host lines that were joined);
// * a port is at most 65535.
// An IPv4 address needs no rule of its own: it's a reg-name as well (RFC 3986, 3.2.2). No zone in an IPv6 address: it has meaning on
// the sender's machine only (RFC 6874 is withdrawn by RFC 9844).
//
// One object per parser, filled by `read`: hosts are checked without a string.

import * as octets from './character-tables.ts'
import { rangesEqualIgnoringCase } from './ascii-compare.ts'

// An imported binding is looked up at each use; a constant of this module is folded into the code, which saves 10-15 % of a head.
const { COLON, DOT, HEX_VALUE, IP_FUTURE, LEFT_BRACKET, NINE, PERCENT, REG_NAME, RIGHT_BRACKET, ZERO } = octets

const MAX_PORT = 65_535
const LETTER_V = 0x76

export class Authority {
  /** First octet of the host, its bracket included. */
  hostStart = 0
  /** One past the host. */
  hostEnd = 0
  /** The port as a number, -1 if there's none or if it's empty. */
  port = -1
  /** One past the authority, without the colon of an empty port. */
  end = 0

  /** Reads `buffer[start, end)`; false if it isn't valid, and then the fields mean nothing. */
  read(buffer: Buffer, start: number, end: number): boolean {
    if (start === end) return false
    this.hostStart = start
    const hostEnd = buffer[start] === LEFT_BRACKET ? literalEnd(buffer, start, end) : nameEnd(buffer, start, end)
    this.hostEnd = hostEnd
    this.port = -1
    this.end = hostEnd
    if (hostEnd === end) return hostEnd > start
    if (hostEnd <= start || buffer[hostEnd] !== COLON) return false
    if (hostEnd + 1 === end) return true
    let port = 0
    for (let pos = hostEnd + 1; pos < end; pos++) {
      const octet = buffer[pos]!
      if (octet < ZERO || octet > NINE) return false
      port = port * 10 + (octet - ZERO)
      if (port > MAX_PORT) return false
    }
    this.port = port
    this.end = end
    return true
  }

  /** Whether both name the same host and port; a missing port is `defaultPort` (RFC 9110, 4.2.3). */
  equals(buffer: Buffer, other: Authority, defaultPort: number): boolean {
    const port = this.port === -1 ? defaultPort : this.port
    const otherPort = other.port === -1 ? defaultPort : other.port
    return (
      port === otherPort &&
      rangesEqualIgnoringCase(buffer, this.hostStart, this.hostEnd, other.hostStart, other.hostEnd)
    )
  }
}

/** One past the longest reg-name at `start`; `start` if an escape is broken, which no valid host is. */
function nameEnd(buffer: Buffer, start: number, end: number): number {
  let pos = start
  while (pos < end) {
    if (REG_NAME[buffer[pos]!] === 1) pos++
    else if (buffer[pos] !== PERCENT) break
    else if (pos + 2 < end && HEX_VALUE[buffer[pos + 1]!]! >= 0 && HEX_VALUE[buffer[pos + 2]!]! >= 0) pos += 3
    else return start
  }
  return pos
}

/** One past the "]" of a valid IP literal at `start`; `start` if it isn't valid. */
function literalEnd(buffer: Buffer, start: number, end: number): number {
  let close = start + 1
  while (close < end && buffer[close] !== RIGHT_BRACKET) close++
  if (close === end) return start
  const first = start + 1
  const isFuture = (buffer[first]! | 0x20) === LETTER_V
  return (isFuture ? isIpFuture(buffer, first, close) : isIpv6(buffer, first, close)) ? close + 1 : start
}

/** IPvFuture = "v" 1*HEXDIG "." 1*( unreserved / sub-delims / ":" ) */
function isIpFuture(buffer: Buffer, start: number, end: number): boolean {
  let pos = start + 1
  while (pos < end && HEX_VALUE[buffer[pos]!]! >= 0) pos++
  if (pos === start + 1 || pos === end || buffer[pos] !== DOT) return false
  const rest = ++pos
  while (pos < end && IP_FUTURE[buffer[pos]!] === 1) pos++
  return pos === end && pos > rest
}

/**
 * IPv6address (RFC 3986, 3.2.2): eight groups of 1*4HEXDIG with ":" between, the last two perhaps an IPv4 address, and at most once
 * "::" for one or more groups of zero.
 */
function isIpv6(buffer: Buffer, start: number, end: number): boolean {
  let groups = 0
  let elided = false
  let pos = start
  if (pos + 1 < end && buffer[pos] === COLON && buffer[pos + 1] === COLON) {
    elided = true
    pos += 2
  }
  while (pos < end) {
    let digits = 0
    while (pos + digits < end && HEX_VALUE[buffer[pos + digits]!]! >= 0) digits++
    if (pos + digits < end && buffer[pos + digits] === DOT) {
      if (!isIpv4(buffer, pos, end)) return false
      groups += 2
      pos = end
      break
    }
    if (digits === 0 || digits > 4) return false
    groups++
    pos += digits
    if (pos === end) break
    if (buffer[pos] !== COLON) return false
    pos++
    if (pos === end) return false
    if (buffer[pos] === COLON) {
      if (elided) return false
      elided = true
      pos++
    }
  }
  return elided ? groups <= 7 : groups === 8
}

/** IPv4address = dec-octet "." dec-octet "." dec-octet "." dec-octet, without leading zeros. */
function isIpv4(buffer: Buffer, start: number, end: number): boolean {
  let pos = start
  for (let part = 0; part < 4; part++) {
    if (part > 0 && (pos === end || buffer[pos++] !== DOT)) return false
    const first = pos
    let value = 0
    while (pos < end && pos - first < 3 && buffer[pos]! >= ZERO && buffer[pos]! <= NINE)
      value = value * 10 + buffer[pos++]! - ZERO
    if (pos === first || value > 255 || (buffer[first] === ZERO && pos - first > 1)) return false
  }
  return pos === end
}
