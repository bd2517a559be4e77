// Where the frames of one direction of a WebSocket begin and end, so that a frame of ours can be put between two of them. @hot
//
//   RFC 6455, 5.2   FIN RSV opcode │ MASK length-7 │ length-16 or length-64 │ masking key │ payload
//                   1 octet        │ 1 octet       │ 0, 2 or 8 octets       │ 0 or 4      │ length
//                   └──────────────────── head, 2-14 octets ──────────────────────────────┘
//
//   tracking ──a close frame has passed whole──► closed     nothing may follow it (RFC 6455, 5.5.1)
//      └──────a length that can't be counted──► lost        from then on nobody knows where frames begin
//
// A control frame may stand between any two frames, also in the middle of a fragmented message (RFC 6455, 5.4): frames are all that
// has to be told apart. What's in them is nobody's business here; extensions change payloads and RSV bits, and none that's registered
// changes the framing.
//
// Invariant: the tracker only looks. It holds a few numbers, whatever the frames' sizes, and allocates nothing.

const OPCODE = 0x0f
const OPCODE_CLOSE = 0x08
const MASKED = 0x80
const LENGTH_16 = 126
const LENGTH_64 = 127

type Tracking = 'tracking' | 'closed' | 'lost'

export class WebSocketBoundary {
  #tracking: Tracking = 'tracking'
  /** Octets of the head under way that have come, and that it has as far as is known; both 0 outside of a head. */
  #headBytes = 0
  #headSize = 0
  /** Where the head's extended length ends; 2 when it has none. */
  #lengthEnd = 2
  /** In a head: the length as far as it's known. In a payload: octets that are still to come. */
  #payloadBytes = 0
  /** The frame under way is a close frame. */
  #isClose = false

  /** Whether a frame may be put here: between two frames, unless the stream is closed or lost. */
  get isAtBoundary(): boolean {
    return this.#tracking === 'tracking' && this.#headSize === 0 && this.#payloadBytes === 0
  }

  /** Whether a close frame has passed whole. */
  get isClosed(): boolean {
    return this.#tracking === 'closed'
  }

  /** Whether a frame has a length that nobody can count: the most significant bit is set, which the RFC forbids, or it's above 2⁵³. */
  get isLost(): boolean {
    return this.#tracking === 'lost'
  }

  /** These bytes have passed. */
  feed(buffer: Buffer, start: number, end: number): void {
    this.#advance(buffer, start, end, false)
  }

  /**
   * As `feed`, but stops behind the first frame that ends within the range. Returns how far that is: there `isAtBoundary`, or
   * `isClosed` behind a close frame; the rest has not been looked at. Returns `end` when no frame ends before it.
   */
  feedToBoundary(buffer: Buffer, start: number, end: number): number {
    return this.#advance(buffer, start, end, true)
  }

  #advance(buffer: Buffer, start: number, end: number, stops: boolean): number {
    let at = start
    while (at < end && this.#tracking === 'tracking') {
      if (this.#headSize === 0 && this.#payloadBytes > 0) {
        const passed = Math.min(this.#payloadBytes, end - at)
        this.#payloadBytes -= passed
        at += passed
      } else {
        at = this.#readHead(buffer, at, end)
      }
      if (this.#headSize > 0 || this.#payloadBytes > 0) continue
      if (this.#isClose) this.#tracking = 'closed'
      if (stops) return at
    }
    return end
  }

  /** Reads a head, or the rest of one, as far as it has come. Returns where it stopped. */
  #readHead(buffer: Buffer, start: number, end: number): number {
    let at = start
    if (this.#headSize === 0) {
      this.#headSize = 2
      this.#headBytes = 0
    }
    while (at < end && this.#headBytes < this.#headSize) {
      const octet = buffer[at++] as number
      const index = this.#headBytes++
      if (index === 0) this.#isClose = (octet & OPCODE) === OPCODE_CLOSE
      else if (index === 1) this.#readShortLength(octet)
      else if (index < this.#lengthEnd) this.#readLongLength(octet)
      // The rest is the masking key.
    }
    if (this.#headBytes === this.#headSize) this.#headSize = 0
    return at
  }

  #readShortLength(octet: number): void {
    const short = octet & ~MASKED
    this.#lengthEnd = short === LENGTH_64 ? 10 : short === LENGTH_16 ? 4 : 2
    this.#payloadBytes = short < LENGTH_16 ? short : 0
    this.#headSize = this.#lengthEnd + ((octet & MASKED) === 0 ? 0 : 4)
  }

  #readLongLength(octet: number): void {
    this.#payloadBytes = this.#payloadBytes * 256 + octet
    // A length with the most significant bit set, which must be 0 (RFC 6455, 5.2), is above that too.
    if (this.#payloadBytes > Number.MAX_SAFE_INTEGER) this.#tracking = 'lost'
  }
}
