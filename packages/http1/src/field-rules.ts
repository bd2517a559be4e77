// What single fields mean to the codec: called for each whole field line whose name is known, in the order of the lines.
//
// Fields that say nothing about framing, routing or the connection pass through untouched. Singletons that are repeated are refused
// where the RFC says so (Host) or where the values differ (Content-Length); the rest is the application's.

import { equalsIgnoringCase, octets } from './ascii-compare.ts'
import { readConnection } from './connection-options.ts'
import { HEADER } from './header-names.ts'
import { REQUEST } from './head-phases.ts'
import type { HeadScan } from './head-scan.ts'
import { readContentLength, readTransferEncoding } from './message-framing.ts'
import { REFUSALS, type Refusal } from './refusals.ts'
import { LIST_END, LIST_TOKEN } from './token-list.ts'

const CONTINUE = octets('100-continue')
const WEBSOCKET = octets('websocket')
const TRAILERS_OPTION = octets('trailers')

/** Applies the field at `index`, whose id is `id`. */
export function applyField(scan: HeadScan, buffer: Buffer, id: number, index: number): Refusal | null {
  switch (id) {
    case HEADER.host:
      return scan.kind === REQUEST ? readHost(scan, buffer, index) : null
    case HEADER.contentLength:
      return readContentLength(scan.head, buffer, scan.head.valueStart[index]!, scan.head.valueEnd[index]!)
    case HEADER.transferEncoding:
      return readTransferEncoding(
        scan.head,
        scan.list,
        buffer,
        scan.head.valueStart[index]!,
        scan.head.valueEnd[index]!,
      )
    case HEADER.connection:
      return readConnection(scan, buffer, index)
    case HEADER.upgrade:
      readUpgrade(scan, buffer, index)
      return null
    case HEADER.expect:
      readExpect(scan, buffer, index)
      return null
    case HEADER.te:
      readTe(scan, buffer, index)
      return null
    default:
      return null
  }
}

/** RFC 9112, 3.2: more than one Host, or one that isn't valid, is answered with 400, in HTTP/1.0 too. */
function readHost(scan: HeadScan, buffer: Buffer, index: number): Refusal | null {
  if (scan.hostIndex !== -1) return REFUSALS.hostDuplicate
  scan.hostIndex = index
  const head = scan.head
  return scan.hostAuthority.read(buffer, head.valueStart[index]!, head.valueEnd[index]!) ? null : REFUSALS.hostInvalid
}

/** Upgrade = #protocol (RFC 9110, 7.8). What it asks for is the owner's affair, but WebSocket is worth knowing without a string. */
function readUpgrade(scan: HeadScan, buffer: Buffer, index: number): void {
  const start = scan.head.valueStart[index]!
  const end = scan.head.valueEnd[index]!
  if (start === end) return
  scan.upgradeCount++
  scan.upgradeIsWebSocket = equalsIgnoringCase(buffer, start, end, WEBSOCKET)
}

/** Expect = #expectation, of which only 100-continue is defined (RFC 9110, 10.1.1). */
function readExpect(scan: HeadScan, buffer: Buffer, index: number): void {
  const list = scan.list
  list.open(scan.head.valueStart[index]!, scan.head.valueEnd[index]!)
  for (;;) {
    const found = list.next(buffer)
    if (found === LIST_END) return
    if (found === LIST_TOKEN && equalsIgnoringCase(buffer, list.start, list.end, CONTINUE)) {
      scan.expectsContinue = true
    } else {
      scan.expectsOther = true
      return
    }
  }
}

/** TE = #t-codings; here only whether "trailers" is among them (RFC 9110, 10.1.4). A list with weights is read as far as it's tokens. */
function readTe(scan: HeadScan, buffer: Buffer, index: number): void {
  const list = scan.list
  list.open(scan.head.valueStart[index]!, scan.head.valueEnd[index]!)
  while (list.next(buffer) === LIST_TOKEN) {
    if (equalsIgnoringCase(buffer, list.start, list.end, TRAILERS_OPTION)) scan.head.acceptsTrailers = true
  }
}
