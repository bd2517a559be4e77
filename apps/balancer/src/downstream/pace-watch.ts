// Whether a client keeps up: sends the body that it owes, and reads the answer that it has asked for, at a least rate.
//
// It's looked at in windows of a few seconds. A window counts against the client only when all of it was the client's turn: a body that
// we didn't read because the endpoint was slow is no fault of the client's, nor is an answer that had nothing to read.
//
// Against slow-drip clients, which hold a connection on both sides for as long as they like (slowloris, R-U-Dead-Yet, slow read).

/** What a window showed. */
export type Pace = 'kept' | 'body-too-slow' | 'answer-too-slow'

export class PaceWatch {
  readonly #leastBytes: number
  #bodyBytes = 0
  #paused = false
  #pausedInWindow = false
  #congestedBefore = false
  #drainedBytes = 0

  /** `leastBytes` is what has to pass in one window; 0 lets everything pass. */
  constructor(leastBytes: number) {
    this.#leastBytes = leastBytes
  }

  /** A request begins; `drainedBytes` have left to the client so far. */
  begin(drainedBytes: number): void {
    this.#bodyBytes = 0
    this.#pausedInWindow = this.#paused
    this.#congestedBefore = false
    this.#drainedBytes = drainedBytes
  }

  onBody(bytes: number): void {
    this.#bodyBytes += bytes
  }

  /** We stop reading. */
  onPause(): void {
    this.#paused = true
    this.#pausedInWindow = true
  }

  onResume(): void {
    this.#paused = false
  }

  /**
   * Ends a window and begins the next. `owesBody`: the client has a body to send, and nothing to wait for. `congested`: the client has
   * an answer to read.
   */
  look(owesBody: boolean, congested: boolean, drainedBytes: number): Pace {
    const bodyTooSlow = owesBody && !this.#pausedInWindow && this.#bodyBytes < this.#leastBytes
    const answerTooSlow = congested && this.#congestedBefore && drainedBytes - this.#drainedBytes < this.#leastBytes
    this.#bodyBytes = 0
    this.#pausedInWindow = this.#paused
    this.#congestedBefore = congested
    this.#drainedBytes = drainedBytes
    return bodyTooSlow ? 'body-too-slow' : answerTooSlow ? 'answer-too-slow' : 'kept'
  }
}
