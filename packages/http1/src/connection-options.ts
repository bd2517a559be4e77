// Connection: what the sender says about this connection, and which fields are for us alone (RFC 9110, 7.6.1).
//
//   Connection        = #connection-option      connection-option = token
//
// * Every field that an option names is marked and won't be forwarded, in both directions, in the head and in the trailer section.
// * Host, Content-Length and Transfer-Encoding are never copied but written anew from what was parsed, so naming them has no effect:
//   a peer can't take away the end of the message or the host from what we send.
// * A list that isn't one is refused: an option that can't be read might have been "close" or the name of a field.
// * The number of options is bounded, since each unknown one is compared with every field of the head.
//
// Invariant: `readConnection` runs per line, `nominateFields` once when the head is whole; neither keeps a string.

import { equalsIgnoringCase, octets, rangesEqualIgnoringCase } from './ascii-compare.ts'
import { HEADER } from './header-names.ts'
import { OPTION_CLOSE, OPTION_KEEP_ALIVE, OPTION_OTHER, OPTION_UPGRADE, type HeadScan } from './head-scan.ts'
import type { MessageHead } from './message-head.ts'
import { REFUSALS, type Refusal } from './refusals.ts'
import { LIST_END, LIST_MALFORMED, LIST_TOKEN } from './token-list.ts'

const CLOSE = octets('close')
const KEEP_ALIVE = octets('keep-alive')
const UPGRADE = octets('upgrade')
const TE = octets('te')

/** Reads one Connection line. */
export function readConnection(scan: HeadScan, buffer: Buffer, index: number): Refusal | null {
  const list = scan.list
  list.open(scan.head.valueStart[index]!, scan.head.valueEnd[index]!)
  for (;;) {
    const found = list.next(buffer)
    if (found === LIST_END) return null
    if (found === LIST_MALFORMED) return REFUSALS.connection
    if (++scan.connectionCount > scan.limits.maxConnectionOptions) return REFUSALS.connection
    scan.connectionOptions |= optionBit(buffer, list.start, list.end)
  }
}

/** `OPTION_…` of an option; 0 for "te", whose field is hop-by-hop anyway. The fields of the other known options are so too. */
function optionBit(buffer: Buffer, start: number, end: number): number {
  if (equalsIgnoringCase(buffer, start, end, KEEP_ALIVE)) return OPTION_KEEP_ALIVE
  if (equalsIgnoringCase(buffer, start, end, CLOSE)) return OPTION_CLOSE
  if (equalsIgnoringCase(buffer, start, end, UPGRADE)) return OPTION_UPGRADE
  if (equalsIgnoringCase(buffer, start, end, TE)) return 0
  return OPTION_OTHER
}

/** Marks every field that a Connection option names. To be called once the head is whole. */
export function nominateFields(scan: HeadScan, buffer: Buffer): void {
  if ((scan.connectionOptions & OPTION_OTHER) === 0) return
  const head = scan.head
  const list = scan.list
  for (let line = head.find(HEADER.connection); line !== -1; line = head.find(HEADER.connection, line + 1)) {
    list.open(head.valueStart[line]!, head.valueEnd[line]!)
    while (list.next(buffer) === LIST_TOKEN) {
      if (optionBit(buffer, list.start, list.end) === OPTION_OTHER) nominate(head, buffer, list.start, list.end)
    }
  }
}

function nominate(head: MessageHead, buffer: Buffer, start: number, end: number): void {
  for (let i = 0; i < head.headerCount; i++) {
    if (rangesEqualIgnoringCase(buffer, head.nameStart[i]!, head.nameEnd[i]!, start, end)) head.hopByHop[i] = 1
  }
}

/**
 * The options of a whole head that may name trailer fields, in lower case; null if there are none, which is nearly always.
 * They are copied because the head doesn't outlive its callback, and the trailer section comes later.
 */
export function nominatedNames(scan: HeadScan, buffer: Buffer): readonly string[] | null {
  if ((scan.connectionOptions & OPTION_OTHER) === 0) return null
  const names: string[] = []
  const head = scan.head
  for (let line = head.find(HEADER.connection); line !== -1; line = head.find(HEADER.connection, line + 1)) {
    scan.list.open(head.valueStart[line]!, head.valueEnd[line]!)
    while (scan.list.next(buffer) === LIST_TOKEN) {
      if (optionBit(buffer, scan.list.start, scan.list.end) === OPTION_OTHER) {
        names.push(buffer.toString('latin1', scan.list.start, scan.list.end).toLowerCase())
      }
    }
  }
  return names
}
