// What is decided when a head is whole: how the message ends, which host it's for, and what happens to the connection.
//
// The order of the checks is the order in this file; the scanners have by then refused all that one line alone can show.

import { nominateFields } from './connection-options.ts'
import { COLON } from './character-tables.ts'
import { OPTION_CLOSE, OPTION_KEEP_ALIVE, OPTION_UPGRADE, type HeadScan } from './head-scan.ts'
import { HEADER } from './header-names.ts'
import { decideRequestFraming, decideResponseFraming, FRAMING } from './message-framing.ts'
import { SCHEME, TARGET_FORM, type MessageHead } from './message-head.ts'
import { REFUSALS, type Refusal } from './refusals.ts'

const HTTP_PORT = 80
const HTTPS_PORT = 443

/** Ends the head of a request. */
export function decideRequest(scan: HeadScan, buffer: Buffer): Refusal | null {
  const refusal = decideHost(scan, buffer) ?? decideRequestFraming(scan.head)
  if (refusal !== null) return refusal
  decideConnection(scan, buffer)
  const head = scan.head
  // RFC 9110, 10.1.1: in HTTP/1.0 the expectation is ignored; without content there is nothing to invite.
  if (head.versionMinor === 1) {
    head.expectUnknown = scan.expectsOther
    head.expectContinue =
      scan.expectsContinue && (head.framing === FRAMING.chunked || head.contentLength > 0) && isForwarded(head)
  }
  return null
}

/**
 * Whether Expect goes on to who could meet it. If Connection names it, it doesn't: then nobody would send 100, and the client would
 * wait for an endpoint that doesn't know that it's waited for.
 */
function isForwarded(head: MessageHead): boolean {
  for (let i = head.find(HEADER.expect); i !== -1; i = head.find(HEADER.expect, i + 1))
    if (head.hopByHop[i] === 1) return false
  return true
}

/** Ends the head of a response to a request with the given `METHOD`, which asked for an upgrade or not. */
export function decideResponse(
  scan: HeadScan,
  buffer: Buffer,
  requestMethod: number,
  upgradeAsked: boolean,
): Refusal | null {
  const head = scan.head
  const announcesContent = head.contentLength > 0 || head.transferCodings !== 0
  const refusal = decideResponseFraming(head, requestMethod)
  if (refusal !== null) return refusal
  decideConnection(scan, buffer)
  // Who announces content where none can be (RFC 9110, 8.6; RFC 9112, 6.1) may well send it: the next response would begin with it.
  if (announcesContent && head.status === 204) head.keepAlive = false
  // RFC 9110, 15.2.2: 101 says to what it switches; and a server switches only when asked (7.8).
  if (head.status === 101 && !(upgradeAsked && head.upgrade)) return REFUSALS.unexpectedUpgrade
  // Neither end can tell where the next message would begin.
  if (head.framing === FRAMING.untilClose) head.keepAlive = false
  return null
}

/** RFC 9112, 3.2 and 3.3: HTTP/1.1 needs Host; the target's own authority rules, and Host has to agree with it. */
function decideHost(scan: HeadScan, buffer: Buffer): Refusal | null {
  const head = scan.head
  const index = scan.hostIndex
  if (index === -1 && head.versionMinor === 1) return REFUSALS.hostMissing
  if (head.targetForm === TARGET_FORM.absolute || head.targetForm === TARGET_FORM.authority) {
    const target = scan.targetAuthority
    // The head may have moved since the target was read: read it again.
    target.read(buffer, authorityStart(scan), authorityLimit(scan))
    head.hostStart = target.hostStart
    head.hostEnd = target.end
    if (index === -1 || head.targetForm === TARGET_FORM.authority) return null
    scan.hostAuthority.read(buffer, head.valueStart[index]!, head.valueEnd[index]!)
    const defaultPort = head.scheme === SCHEME.https ? HTTPS_PORT : HTTP_PORT
    return target.equals(buffer, scan.hostAuthority, defaultPort) ? null : REFUSALS.hostMismatch
  }
  if (index !== -1) {
    const end = head.valueEnd[index]!
    head.hostStart = head.valueStart[index]!
    // A valid authority that ends in a colon has an empty port.
    head.hostEnd = buffer[end - 1] === COLON ? end - 1 : end
  }
  return null
}

function authorityStart(scan: HeadScan): number {
  const head = scan.head
  if (head.targetForm === TARGET_FORM.authority) return head.targetStart
  return head.targetStart + (head.scheme === SCHEME.https ? 'https://'.length : 'http://'.length)
}

function authorityLimit(scan: HeadScan): number {
  return scan.head.targetForm === TARGET_FORM.authority ? scan.head.targetEnd : scan.head.pathStart
}

/** RFC 9112, 9.3 and RFC 9110, 7.6.1, 7.8. "close" wins over "keep-alive". */
function decideConnection(scan: HeadScan, buffer: Buffer): void {
  const head = scan.head
  const options = scan.connectionOptions
  head.keepAlive = (options & OPTION_CLOSE) === 0 && (head.versionMinor === 1 || (options & OPTION_KEEP_ALIVE) !== 0)
  head.upgrade = head.versionMinor === 1 && (options & OPTION_UPGRADE) !== 0 && scan.upgradeCount > 0
  head.upgradeToWebSocket = head.upgrade && scan.upgradeCount === 1 && scan.upgradeIsWebSocket
  nominateFields(scan, buffer)
}
