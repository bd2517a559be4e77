// The four forms of a request target, and what each of them means for the path and the host (RFC 9112, 3.2 and 3.3).
//
//   request-target = origin-form / absolute-form / authority-form / asterisk-form
//
// The scanner has let through only octets that some target may have; here the form is found and its rules are checked:
// * authority-form for CONNECT and for nothing else; asterisk-form for OPTIONS and for nothing else;
// * absolute-form with http or https only, no userinfo, a valid non-empty host (RFC 9110, 4.2);
// * an origin-form begins with "/" and is never joined with anything: "//host" and "/@host" are paths, and stay paths;
// * "%" has two hexadecimal digits behind it (RFC 3986, 2.1), in the query too where the limits say `rfc3986`.
//
// Invariant: what goes upstream is `pathPrefix` and `[pathStart, pathEnd)`: "/…" or "*". Nothing of an absolute-form's scheme or
// authority is in it.

import {
  ASTERISK,
  AT,
  HEX_VALUE,
  LEFT_BRACKET,
  PERCENT,
  QUESTION,
  RIGHT_BRACKET,
  SLASH,
  TARGET_BRACKET,
  TARGET_PERCENT,
} from './character-tables.ts'
import { equalsIgnoringCase, octets } from './ascii-compare.ts'
import type { HeadScan } from './head-scan.ts'
import { SCHEME, TARGET_FORM } from './message-head.ts'
import { METHOD } from './methods.ts'
import { REFUSALS, type Refusal } from './refusals.ts'

const HTTP = octets('http://')
const HTTPS = octets('https://')

/** Finds form, path and query of the target in `[targetStart, targetEnd)`, which isn't empty. */
export function readTarget(scan: HeadScan, buffer: Buffer): Refusal | null {
  const head = scan.head
  const start = head.targetStart
  const end = head.targetEnd
  head.queryStart = scan.queryOffset === -1 ? end : start + scan.queryOffset
  head.pathEnd = end
  if (head.method === METHOD.CONNECT) return readAuthorityForm(scan, buffer)
  if (buffer[start] === SLASH) {
    head.targetForm = TARGET_FORM.origin
    head.pathStart = start
    return checkPathAndQuery(scan, buffer, start)
  }
  if (end - start === 1 && buffer[start] === ASTERISK) {
    if (head.method !== METHOD.OPTIONS) return REFUSALS.targetForm
    head.targetForm = TARGET_FORM.asterisk
    head.pathStart = start
    return null
  }
  return readAbsoluteForm(scan, buffer)
}

/** absolute-form = absolute-URI, here "http(s)://" authority path-abempty [ "?" query ] (RFC 9110, 4.2). */
function readAbsoluteForm(scan: HeadScan, buffer: Buffer): Refusal | null {
  const head = scan.head
  const start = head.targetStart
  const end = head.targetEnd
  let authority = 0
  if (equalsIgnoringCase(buffer, start, Math.min(end, start + HTTP.length), HTTP)) {
    authority = start + HTTP.length
    head.scheme = SCHEME.http
  } else if (equalsIgnoringCase(buffer, start, Math.min(end, start + HTTPS.length), HTTPS)) {
    authority = start + HTTPS.length
    head.scheme = SCHEME.https
  } else {
    return REFUSALS.targetForm
  }
  head.targetForm = TARGET_FORM.absolute
  let authorityEnd = authority
  while (authorityEnd < end && buffer[authorityEnd] !== SLASH && buffer[authorityEnd] !== QUESTION) {
    if (buffer[authorityEnd] === AT) return REFUSALS.targetUserinfo
    authorityEnd++
  }
  if (!scan.targetAuthority.read(buffer, authority, authorityEnd)) return REFUSALS.targetAuthority
  head.pathStart = authorityEnd
  if (authorityEnd === end) {
    head.pathPrefix = head.method === METHOD.OPTIONS ? ASTERISK : SLASH
  } else if (buffer[authorityEnd] === QUESTION) {
    head.pathPrefix = SLASH
  }
  return checkPathAndQuery(scan, buffer, authorityEnd)
}

/** authority-form = uri-host ":" port, for CONNECT only (RFC 9112, 3.2.3). The port may not be left out. */
function readAuthorityForm(scan: HeadScan, buffer: Buffer): Refusal | null {
  const head = scan.head
  const authority = scan.targetAuthority
  head.targetForm = TARGET_FORM.authority
  head.pathStart = head.targetEnd
  if (!authority.read(buffer, head.targetStart, head.targetEnd)) return REFUSALS.targetAuthority
  return authority.port === -1 ? REFUSALS.targetAuthority : null
}

/**
 * The rules for path and query that take more than one octet to see. pct-encoded = "%" HEXDIG HEXDIG: a recipient that decodes must
 * not meet half of one. In the query that is asked only by the letter of RFC 3986; there, "[" and "]" have no place in either.
 */
function checkPathAndQuery(scan: HeadScan, buffer: Buffer, from: number): Refusal | null {
  if ((scan.targetKinds & (TARGET_PERCENT | TARGET_BRACKET)) === 0) return null
  const isStrict = scan.limits.targetCharacters === 'rfc3986'
  const end = isStrict ? scan.head.targetEnd : scan.head.queryStart
  for (let pos = from; pos < end; pos++) {
    const octet = buffer[pos]!
    if (octet === PERCENT) {
      if (pos + 2 >= end || HEX_VALUE[buffer[pos + 1]!]! < 0 || HEX_VALUE[buffer[pos + 2]!]! < 0)
        return REFUSALS.targetEscape
    } else if (isStrict && (octet === LEFT_BRACKET || octet === RIGHT_BRACKET)) {
      return REFUSALS.target
    }
  }
  return null
}
