// Field names that somebody asks for, as ids: a head is searched by comparing small numbers, and no name becomes a string.
//
// A name is found by a hash of its length, its first and its last two octets, then compared octet by octet; names with one hash
// are chained. None of those octets is a hyphen in any known name, so that a look-alike (below) has the hash of its original.
//
// Invariants
// * Every name in the table is lower-case ASCII letters, digits and "-". Folding an octet by `| 0x20` is exact for those:
//   the only tokens that it maps onto a letter, a digit or "-" are that character itself and its upper-case form.
// * A name that is known except that "_" stands for "-" gets the id `lookAlike`. Gateways of the CGI family read `X_Forwarded_For`
//   and `X-Forwarded-For` as one variable; so such a field is never forwarded, whoever sends it.

import { UNDERSCORE } from './character-tables.ts'

/** Ids of known field names; 0 is any other name. Names of extension fields are ids too, so that an owner can skip and find them. */
export const HEADER = {
  unknown: 0,
  lookAlike: 1,
  host: 2,
  connection: 3,
  contentLength: 4,
  transferEncoding: 5,
  te: 6,
  trailer: 7,
  upgrade: 8,
  keepAlive: 9,
  proxyConnection: 10,
  proxyAuthenticate: 11,
  proxyAuthorization: 12,
  proxyAuthenticationInfo: 13,
  http2Settings: 14,
  expect: 15,
  maxForwards: 16,
  via: 17,
  forwarded: 18,
  xForwardedFor: 19,
  xForwardedProto: 20,
  xForwardedHost: 21,
  xForwardedPort: 22,
  xForwardedPrefix: 23,
  xRealIp: 24,
  xRequestId: 25,
  xRequestDeadlineMs: 26,
  xRequestPriority: 27,
  endpointLoadMetrics: 28,
  traceparent: 29,
  tracestate: 30,
  idempotencyKey: 31,
  contentType: 32,
  contentEncoding: 33,
  contentRange: 34,
  contentLanguage: 35,
  contentLocation: 36,
  contentDisposition: 37,
  authorization: 38,
  authenticationInfo: 39,
  wwwAuthenticate: 40,
  cookie: 41,
  setCookie: 42,
  cacheControl: 43,
  pragma: 44,
  age: 45,
  date: 46,
  expires: 47,
  etag: 48,
  lastModified: 49,
  vary: 50,
  warning: 51,
  location: 52,
  retryAfter: 53,
  allow: 54,
  server: 55,
  accept: 56,
  acceptEncoding: 57,
  acceptLanguage: 58,
  acceptCharset: 59,
  acceptRanges: 60,
  range: 61,
  ifRange: 62,
  ifMatch: 63,
  ifNoneMatch: 64,
  ifModifiedSince: 65,
  ifUnmodifiedSince: 66,
  userAgent: 67,
  referer: 68,
  origin: 69,
  secWebsocketKey: 70,
  secWebsocketAccept: 71,
  secWebsocketVersion: 72,
  secWebsocketProtocol: 73,
  secWebsocketExtensions: 74,
  altSvc: 75,
  cacheStatus: 76,
  serverTiming: 77,
  lastEventId: 78,
} as const

/** A known field name: a key of `HEADER`. */
export type HeaderKey = keyof typeof HEADER

/** Lower-case names by id: the keys above, a hyphen before what was a capital. */
const NAMES: readonly string[] = Object.keys(HEADER).map((key, id) =>
  id < HEADER.host ? '' : key.replaceAll(/[A-Z]/g, capital => `-${capital.toLowerCase()}`),
)

const IDS = 256
const SHORTEST = 2
const LONGEST = Math.max(...NAMES.map(name => name.length))
const LENGTHS = Uint8Array.from(NAMES, name => name.length)
/** All names behind one another, LONGEST octets apart. */
const OCTETS = new Uint8Array(NAMES.length * LONGEST)
/** First id of a hash, 0 for none; and the next id with the same hash. */
const FIRST = new Uint8Array(IDS)
const NEXT = new Uint8Array(NAMES.length)

/** The factors leave one pair of the names above with the same value. */
function hash(first: number, nextToLast: number, last: number, length: number): number {
  return (length * 2 + (first | 0x20) * 17 + (nextToLast | 0x20) * 29 + (last | 0x20) * 19) & (IDS - 1)
}

for (let id = HEADER.host; id < NAMES.length; id++) {
  const name = Buffer.from(NAMES[id]!, 'latin1')
  OCTETS.set(name, id * LONGEST)
  const slot = hash(name[0]!, name[name.length - 2]!, name[name.length - 1]!, name.length)
  NEXT[id] = FIRST[slot]!
  FIRST[slot] = id
}

/** Lower-case name of a known id; empty for `unknown` and `lookAlike`. */
export function headerName(id: number): string {
  return NAMES[id] ?? ''
}

/**
 * Id of the field name in `buffer[start, end)`, which holds at least one octet and token characters only.
 * @hot
 */
export function headerId(buffer: Buffer, start: number, end: number): number {
  const length = end - start
  if (length < SHORTEST || length > LONGEST) return HEADER.unknown
  let id = FIRST[hash(buffer[start]!, buffer[end - 2]!, buffer[end - 1]!, length)]!
  while (id !== 0) {
    if (LENGTHS[id] === length) {
      const name = id * LONGEST
      let i = 0
      while (i < length && (buffer[start + i]! | 0x20) === OCTETS[name + i]) i++
      if (i === length) return id
      if (buffer[start + i] === UNDERSCORE && isLookAlike(buffer, start, length, name, i)) return HEADER.lookAlike
    }
    id = NEXT[id]!
  }
  return HEADER.unknown
}

const HYPHEN = 0x2d

/** Whether the rest of the name, from the octet where it first differed, is the known name with "_" for "-". */
function isLookAlike(buffer: Buffer, start: number, length: number, name: number, from: number): boolean {
  for (let i = from; i < length; i++) {
    const octet = buffer[start + i]!
    const known = OCTETS[name + i]
    if ((octet | 0x20) !== known && !(octet === UNDERSCORE && known === HYPHEN)) return false
  }
  return true
}

function idTable(ids: readonly number[]): Uint8Array {
  const table = new Uint8Array(IDS)
  for (const id of ids) table[id] = 1
  return table
}

/**
 * 1 for the ids that concern one connection only and are never forwarded, whether or not Connection names them.
 *
 * RFC 9110, 7.6.1 names Connection, Proxy-Connection, Keep-Alive, TE, Transfer-Encoding and Upgrade. Proxy-Authenticate,
 * Proxy-Authorization and Proxy-Authentication-Info are between a client and a proxy that it chose (11.7): we are none, and
 * credentials for one must not reach an origin. HTTP2-Settings belongs to an upgrade to h2c that is never made (RFC 9113, 3.1).
 * Trailer isn't among them since RFC 9110 (6.6.2): it describes the message's trailer section, which is forwarded.
 */
export const HOP_BY_HOP: Uint8Array = idTable([
  HEADER.lookAlike,
  HEADER.connection,
  HEADER.keepAlive,
  HEADER.proxyConnection,
  HEADER.proxyAuthenticate,
  HEADER.proxyAuthorization,
  HEADER.proxyAuthenticationInfo,
  HEADER.te,
  HEADER.transferEncoding,
  HEADER.upgrade,
  HEADER.http2Settings,
])

/**
 * 1 for the ids that are dropped from a trailer section: fields for framing, routing, modifying or authenticating the request,
 * controlling the response, or describing the content (RFC 9110, 6.5.1), and all that is hop-by-hop. A recipient that merges
 * trailers into the head would else be told after the fact what the head had not said.
 */
export const FORBIDDEN_IN_TRAILERS: Uint8Array = idTable([
  ...HOP_BY_HOP.keys().filter(id => HOP_BY_HOP[id] === 1),
  HEADER.host,
  HEADER.contentLength,
  HEADER.trailer,
  HEADER.expect,
  HEADER.maxForwards,
  HEADER.via,
  HEADER.forwarded,
  HEADER.xForwardedFor,
  HEADER.xForwardedProto,
  HEADER.xForwardedHost,
  HEADER.xForwardedPort,
  HEADER.xForwardedPrefix,
  HEADER.xRealIp,
  HEADER.xRequestId,
  HEADER.xRequestDeadlineMs,
  HEADER.xRequestPriority,
  HEADER.traceparent,
  HEADER.tracestate,
  HEADER.idempotencyKey,
  HEADER.contentType,
  HEADER.contentEncoding,
  HEADER.contentRange,
  HEADER.contentLocation,
  HEADER.contentDisposition,
  HEADER.authorization,
  HEADER.wwwAuthenticate,
  HEADER.cookie,
  HEADER.setCookie,
  HEADER.cacheControl,
  HEADER.pragma,
  HEADER.age,
  HEADER.date,
  HEADER.expires,
  HEADER.vary,
  HEADER.warning,
  HEADER.location,
  HEADER.retryAfter,
  HEADER.range,
  HEADER.ifRange,
  HEADER.ifMatch,
  HEADER.ifNoneMatch,
  HEADER.ifModifiedSince,
  HEADER.ifUnmodifiedSince,
  HEADER.origin,
  HEADER.secWebsocketKey,
  HEADER.secWebsocketAccept,
  HEADER.secWebsocketVersion,
  HEADER.secWebsocketProtocol,
  HEADER.secWebsocketExtensions,
  HEADER.altSvc,
])
