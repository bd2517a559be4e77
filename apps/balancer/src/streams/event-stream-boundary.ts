// Where the events of a text/event-stream end, so that a last line of ours can be put behind a whole one. @hot
//
//   stream = [ BOM ] *event      event = *( comment / field ) end-of-line      end-of-line = CR LF / CR / LF
//   (HTML Living Standard, 9.2.5: the end of a line may be another one each time)
//
//              ┌──':'──► comment ──┐                         ┌─empty line─┐
//   clean ─────┤◄──end of line─────┘                         ▼            │
//   (boundary) └──else─► field ──end of line──► pending ──► clean         │
//                          ▲                       ├──────────────────────┘
//                          └─────────else──────────┘
//
// Clean: every event so far is whole. Comments alone don't make one, so a heartbeat of `: ping` and one line end leaves the stream
// clean. Behind a CR it's open whether an LF follows that belongs to it; that's a state of its own for clean and for pending.
//
// A BOM at the beginning makes the first line a field, whatever it is: then the first boundary is behind the first empty line.
//
// Invariant: the tracker only looks, and allocates nothing.

const LF = 0x0a
const CR = 0x0d
const COLON = 0x3a

const STATE = {
  /** At the beginning of a line. */
  clean: 0,
  cleanBehindCr: 1,
  pending: 2,
  pendingBehindCr: 3,
  /** Within a line. */
  comment: 4,
  field: 5,
} as const

export class EventStreamBoundary {
  #state: number = STATE.clean

  /** Whether every event so far is whole, so that the next octet begins another one. */
  get isAtBoundary(): boolean {
    return this.#state === STATE.clean || this.#state === STATE.cleanBehindCr
  }

  /** Whether the last octet was a CR: an LF that comes now belongs to the same line end. */
  get isBehindCr(): boolean {
    return this.#state === STATE.cleanBehindCr || this.#state === STATE.pendingBehindCr
  }

  /** These bytes have passed. */
  feed(buffer: Buffer, start: number, end: number): void {
    // Nearly every piece ends with a whole event: then nothing before its end matters.
    if (end - start > 2 && buffer[end - 1] === LF) {
      const before = buffer[end - 2]
      if (before === LF || (before === CR && buffer[end - 3] === LF)) {
        this.#state = STATE.clean
        return
      }
    }
    let state = this.#state
    for (let at = start; at < end; at++) state = next(state, buffer[at] as number)
    this.#state = state
  }

  /**
   * As `feed`, but stops at the first boundary behind `start`. Returns how far that is: there `isAtBoundary`, and the rest has not
   * been looked at. Returns `end` when there's none before it.
   */
  feedToBoundary(buffer: Buffer, start: number, end: number): number {
    for (let at = start; at < end; at++) {
      this.#state = next(this.#state, buffer[at] as number)
      if (this.isAtBoundary) return at + 1
    }
    return end
  }
}

function next(state: number, octet: number): number {
  if (octet === LF) {
    if (state === STATE.field || state === STATE.pendingBehindCr) return STATE.pending
    return STATE.clean
  }
  if (octet === CR) return state === STATE.field ? STATE.pendingBehindCr : STATE.cleanBehindCr
  if (state >= STATE.comment) return state
  if (octet === COLON && state <= STATE.cleanBehindCr) return STATE.comment
  return STATE.field
}
