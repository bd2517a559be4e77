// Where a parser stands inside a head. The scanners of the request line, the status line and the fields share it; each of them can
// stop behind any octet and go on from there with the next.
//
// Invariants
// * A scanner consumes octets in order and decides by the octets alone, never by where a read happened to end: each octet is looked at
//   with the same state whether the head came whole or one by one. Of several mistakes the one that stands first is reported.
// * Scanners record token starts in the head as absolute offsets; `MessageHead.moveTo` is the only one to shift them.

import { TARGET_BROWSERS, TARGET_RFC3986 } from './character-tables.ts'
import { Authority } from './host.ts'
import { PHASE_LINE, PHASE_SKIPPING, PHASE_STATUS_VERSION, REQUEST, RESPONSE, TRAILERS } from './head-phases.ts'
import { FORBIDDEN_IN_TRAILERS, HOP_BY_HOP } from './header-names.ts'
import type { Limits } from './limits.ts'
import { MessageHead } from './message-head.ts'
import { REFUSALS, type Refusal } from './refusals.ts'
import { TokenList } from './token-list.ts'

/** Bits of `connectionOptions`. */
export const OPTION_CLOSE = 1
export const OPTION_KEEP_ALIVE = 2
export const OPTION_UPGRADE = 4
/** An option that may be the name of a field. */
export const OPTION_OTHER = 8

/** State between two octets of a head. */
export class HeadScan {
  /** `REQUEST`, `RESPONSE` or `TRAILERS`. */
  readonly kind: number
  readonly limits: Limits
  readonly head = new MessageHead()
  /** The target's and Host's authority, filled where they are needed. */
  readonly targetAuthority = new Authority()
  readonly hostAuthority = new Authority()
  readonly list = new TokenList()

  /** Limits of this section, by kind. */
  readonly maxBytes: number
  readonly maxFields: number
  readonly tooLarge: Refusal
  readonly tooManyFields: Refusal
  /** 1 for the `HEADER` ids that get `hopByHop`. */
  readonly dropped: Uint8Array
  /** Table of the octets that a target may have. */
  readonly targetOctets: Uint8Array

  /** One of `PHASE_…`. */
  phase = 0
  /** Why the head is refused; once set, nothing is scanned any more. */
  refusal: Refusal | null = null
  /** Empty lines seen before the request line. */
  emptyLines = 0
  /** Kinds (`TARGET_…`) of the target's octets seen so far, as bits. */
  targetKinds = 0
  /** Offset of the first "?" from the target's start, -1 for none. */
  queryOffset = -1
  /** Major version of a version that isn't read to its end. */
  versionMajor = 0
  /** Bits `OPTION_…` of the Connection fields. */
  connectionOptions = 0
  /** Number of options in the Connection fields. */
  connectionCount = 0
  /** Index of the Host field, -1 for none. */
  hostIndex = -1
  /** Number of Upgrade fields that aren't empty, and whether the last of them is "websocket". */
  upgradeCount = 0
  upgradeIsWebSocket = false
  /** Whether Expect has 100-continue, and whether it has anything else. */
  expectsContinue = false
  expectsOther = false

  constructor(kind: number, limits: Limits) {
    this.kind = kind
    this.limits = limits
    const isTrailers = kind === TRAILERS
    this.maxBytes = isTrailers ? limits.maxTrailerBytes : limits.maxHeadBytes
    this.maxFields = isTrailers ? limits.maxTrailers : limits.maxHeaders
    this.tooLarge = isTrailers ? REFUSALS.trailersTooLarge : REFUSALS.headTooLarge
    this.tooManyFields = isTrailers ? REFUSALS.tooManyTrailers : REFUSALS.tooManyFields
    this.dropped = isTrailers ? FORBIDDEN_IN_TRAILERS : HOP_BY_HOP
    this.targetOctets = limits.targetCharacters === 'rfc3986' ? TARGET_RFC3986 : TARGET_BROWSERS
    this.clear()
  }

  /** Back to before the first octet of a head. */
  clear(): void {
    this.head.clear()
    this.phase = this.kind === REQUEST ? PHASE_SKIPPING : this.kind === RESPONSE ? PHASE_STATUS_VERSION : PHASE_LINE
    this.refusal = null
    this.emptyLines = 0
    this.targetKinds = 0
    this.queryOffset = -1
    this.versionMajor = 0
    this.connectionOptions = 0
    this.connectionCount = 0
    this.hostIndex = -1
    this.upgradeCount = 0
    this.upgradeIsWebSocket = false
    this.expectsContinue = false
    this.expectsOther = false
  }

  /** Notes why the head is refused and returns where: the scanners' way out. */
  refuse(refusal: Refusal, pos: number): number {
    this.refusal = refusal
    return pos
  }
}
