// Parses the requests of one connection: octets in, events out. Owns no socket and no timer.
//
//   head ─► body ─► complete ─(reset)─► head …           any ─► dead (refused or abandoned)
//      └──(no content)──► complete
//
// Invariants
// * `execute` never reads beyond the end of a message: it returns behind `onEnd`, and takes nothing until `reset`. So pipelined requests
//   come one by one, and what stands behind an upgrade or behind the last request of a connection is never taken for a request.
// * What is reported depends on the octets alone, not on how they were cut into buffers.
// * A refusal is reported once, and nothing after it. The same goes for `abandon`, which reports nothing.
// * Nothing is allocated for a request whose head lies whole in one buffer.
//
// @hot

import { BODY_END, BODY_REFUSED, BodyReader } from './body-reader.ts'
import { nominatedNames } from './connection-options.ts'
import { Http1UsageError } from './errors.ts'
import { HeadReader } from './head-reader.ts'
import { REQUEST } from './head-phases.ts'
import { decideRequest } from './head-verdict.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { FRAMING } from './message-framing.ts'
import type { MessageHead } from './message-head.ts'
import type { MessageSink } from './message-sink.ts'
import { REFUSALS, type Refusal } from './refusals.ts'

const STATE_HEAD = 0
const STATE_BODY = 1
const STATE_COMPLETE = 2
const STATE_DEAD = 3

/** What the end of a connection means for the message under way. */
export type FinishOutcome = 'idle' | 'complete' | 'truncated' | 'refused'

export class RequestParser {
  private readonly sink: MessageSink
  private readonly limits: Limits
  private readonly reader: HeadReader
  private readonly body: BodyReader
  private state = STATE_HEAD
  private executing = false

  /**
   * @param limits from `createLimits`; one object serves all connections. Default `DEFAULT_LIMITS`.
   */
  constructor(sink: MessageSink, limits: Limits = DEFAULT_LIMITS) {
    this.sink = sink
    this.limits = limits
    this.reader = new HeadReader(REQUEST, this.limits)
    this.body = new BodyReader(sink, this.limits)
  }

  /** The head of the message under way. After a refusal it has what was read until then: method and target, if it came so far. */
  get head(): MessageHead {
    return this.reader.scan.head
  }

  /** Whether the message under way is complete, and `reset` is due. */
  get complete(): boolean {
    return this.state === STATE_COMPLETE
  }

  /** Whether nothing of a message has been read yet (empty lines in front of one don't count). */
  get idle(): boolean {
    return this.state === STATE_HEAD && !this.reader.started
  }

  /**
   * Reads `[start, end)` of `buffer` and returns how many octets it took: all of them, or those up to the end of the message, to a
   * `stop`, or to a refusal. The caller keeps the rest and gives it again.
   * @throws Http1UsageError `HTTP1_ERR_REENTRY` if called by the sink
   */
  execute(buffer: Buffer, start: number, end: number): number {
    if (this.executing) throw new Http1UsageError('HTTP1_ERR_REENTRY', 'A sink may not call execute of its parser.')
    this.executing = true
    this.body.stopped = false
    const pos = this.run(buffer, start, end)
    this.executing = false
    return pos - start
  }

  private run(buffer: Buffer, start: number, end: number): number {
    let pos = start
    if (this.state === STATE_HEAD) {
      const reader = this.reader
      pos = reader.read(buffer, start, end)
      const scan = reader.scan
      if (scan.refusal !== null) return this.refuse(scan.refusal, pos)
      if (!reader.done) return pos
      const head = scan.head
      const refusal = decideRequest(scan, head.buffer)
      if (refusal !== null) return this.refuse(refusal, pos)
      if (head.contentLength > this.limits.maxBodyBytes) return this.refuse(REFUSALS.bodyTooLarge, pos)
      const hasContent = head.framing === FRAMING.chunked || head.contentLength > 0
      this.body.maxBytes = this.limits.maxBodyBytes
      if (hasContent) this.body.begin(head, head.framing === FRAMING.chunked ? nominatedNames(scan, head.buffer) : null)
      this.state = STATE_BODY
      this.sink.onHead(head)
      if (this.dead) return pos
      if (!hasContent) return this.end(pos)
      if (head.contentLength > this.body.maxBytes) return this.refuse(REFUSALS.bodyTooLarge, pos)
      if (this.body.stopped) return pos
    }
    if (this.state === STATE_BODY) {
      const found = this.body.read(buffer, pos, end)
      pos = this.body.pos
      if (this.dead) return pos
      if (found === BODY_END) return this.end(pos)
      if (found === BODY_REFUSED) return this.refuse(this.body.refusal!, pos)
    }
    return pos
  }

  /** A getter, so that the compiler doesn't take the state for unchanged by what a sink does. */
  private get dead(): boolean {
    return this.state === STATE_DEAD
  }

  private end(pos: number): number {
    this.state = STATE_COMPLETE
    this.sink.onEnd()
    return pos
  }

  private refuse(refusal: Refusal, pos: number): number {
    this.state = STATE_DEAD
    this.sink.onRefusal(refusal)
    return pos
  }

  /** Makes ready for the next message of the connection. Does nothing unless the last one is complete. */
  reset(): void {
    if (this.state !== STATE_COMPLETE) return
    this.reader.begin()
    this.state = STATE_HEAD
  }

  /**
   * Copies the head out of the buffer given to `execute`, so that it holds until `reset`. For a message that has to wait; to be
   * called in `onHead`, or later as long as that buffer is untouched.
   */
  holdHead(): void {
    this.reader.hold()
  }

  /**
   * Makes the `execute` under way return behind the event that it's reporting, for back-pressure. The end of a message that has no
   * more content is reported all the same. The next `execute` goes on.
   */
  stop(): void {
    this.body.stopped = true
  }

  /** To be called in `onHead`: content above `maxBytes` octets is refused with 413, for this message. Can only lower the limit. */
  limitBody(maxBytes: number): void {
    this.body.maxBytes = Math.min(maxBytes, this.limits.maxBodyBytes)
  }

  /** Gives the message up: nothing is reported any more, and `execute` takes nothing. */
  abandon(): void {
    this.state = STATE_DEAD
    this.body.stopped = true
  }

  /**
   * To be called when the peer has ended its side. `idle`: between messages. `complete`: the last message had ended. `truncated`: in the
   * middle of one (RFC 9112, 8). `refused`: the parser had already refused or been abandoned. Reports nothing to the sink.
   */
  finish(): FinishOutcome {
    if (this.state === STATE_DEAD) return 'refused'
    if (this.state === STATE_COMPLETE) return 'complete'
    const outcome = this.idle ? 'idle' : 'truncated'
    this.state = STATE_DEAD
    return outcome
  }
}
