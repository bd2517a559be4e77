// Parses the responses of one upstream connection. Each has to be announced with `expect`, since how a response ends depends on the
// request (RFC 9112, 6.3). Owns no socket and no timer.
//
//   idle ─(expect)─► head ─► [interim heads] ─► body ─► complete ─(expect)─► head …     any ─► dead (refused or abandoned)
//
// Invariants
// * An octet for which no request is outstanding is refused: it belongs to nobody, and would be taken for the next client's response
//   (response queue poisoning).
// * `execute` never reads beyond the end of a response. Whoever has octets left after `onEnd` and no further request outstanding closes
//   the connection; giving them to `execute` again without `expect` is refused as above.
// * A body without a declared length ends with the connection: `finish` reports its end, and nothing else does.
// * Every refusal has status 502.
//
// @hot

import { BODY_END, BODY_REFUSED, BodyReader } from './body-reader.ts'
import { nominatedNames } from './connection-options.ts'
import { Http1UsageError } from './errors.ts'
import { HeadReader } from './head-reader.ts'
import { RESPONSE } from './head-phases.ts'
import { decideResponse } from './head-verdict.ts'
import { DEFAULT_LIMITS, type Limits } from './limits.ts'
import { FRAMING } from './message-framing.ts'
import type { MessageHead } from './message-head.ts'
import type { MessageSink } from './message-sink.ts'
import { METHOD } from './methods.ts'
import { ofResponse, REFUSALS, type Refusal } from './refusals.ts'
import type { FinishOutcome } from './request-parser.ts'

const STATE_IDLE = 0
const STATE_HEAD = 1
const STATE_BODY = 2
const STATE_COMPLETE = 3
const STATE_DEAD = 4

export class ResponseParser {
  private readonly sink: MessageSink
  private readonly limits: Limits
  private readonly reader: HeadReader
  private readonly body: BodyReader
  private state = STATE_IDLE
  private executing = false
  private requestMethod: number = METHOD.other
  private upgradeAsked = false
  private interimCount = 0
  private untilClose = false

  /**
   * @param limits from `createLimits`; one object serves all connections. Default `DEFAULT_LIMITS`. Those of request lines aren't used.
   */
  constructor(sink: MessageSink, limits: Limits = DEFAULT_LIMITS) {
    this.sink = sink
    this.limits = limits
    this.reader = new HeadReader(RESPONSE, this.limits)
    this.body = new BodyReader(sink, this.limits)
  }

  /** The head of the response under way, as far as it was read. */
  get head(): MessageHead {
    return this.reader.scan.head
  }

  /** Whether the response has ended, and the next one may be expected. */
  get complete(): boolean {
    return this.state === STATE_COMPLETE
  }

  /** Whether any octet of the final response or of an interim one has been read: from then on a retry would answer twice. */
  get started(): boolean {
    return this.interimCount > 0 || this.reader.started
  }

  /**
   * Announces the response to a request: its `METHOD`, and whether it asked for an upgrade (only then 101 is accepted). Called before
   * the octets of the response are given; does nothing while another one is under way or after a refusal.
   */
  expect(requestMethod: number, upgradeAsked = false): void {
    if (this.state !== STATE_IDLE && this.state !== STATE_COMPLETE) return
    this.reader.begin()
    this.requestMethod = requestMethod
    this.upgradeAsked = upgradeAsked
    this.interimCount = 0
    this.untilClose = false
    this.state = STATE_HEAD
  }

  /**
   * Reads `[start, end)` of `buffer` and returns how many octets it took: all of them, or those up to the end of the response, to a
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
    if ((this.state === STATE_IDLE || this.state === STATE_COMPLETE) && start < end) {
      return this.refuse(REFUSALS.unexpectedResponse, pos)
    }
    while (this.state === STATE_HEAD) {
      const reader = this.reader
      pos = reader.read(buffer, pos, end)
      const scan = reader.scan
      if (scan.refusal !== null) return this.refuse(scan.refusal, pos)
      if (!reader.done) return pos
      const head = scan.head
      const refusal = decideResponse(scan, head.buffer, this.requestMethod, this.upgradeAsked)
      if (refusal !== null) return this.refuse(refusal, pos)
      if (head.interim) {
        if (++this.interimCount > this.limits.maxInterimResponses) return this.refuse(REFUSALS.interimFlood, pos)
        this.sink.onHead(head)
        if (this.dead) return pos
        reader.begin()
        if (this.body.stopped) return pos
        continue
      }
      const framing = head.framing
      const hasContent =
        framing === FRAMING.chunked ||
        framing === FRAMING.untilClose ||
        (framing === FRAMING.length && head.contentLength > 0)
      if (hasContent && head.contentLength > this.limits.maxBodyBytes) return this.refuse(REFUSALS.bodyTooLarge, pos)
      this.untilClose = framing === FRAMING.untilClose
      this.body.maxBytes = this.limits.maxBodyBytes
      if (hasContent) this.body.begin(head, framing === FRAMING.chunked ? nominatedNames(scan, head.buffer) : null)
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
    this.sink.onRefusal(ofResponse(refusal))
    return pos
  }

  /**
   * Copies the head out of the buffer given to `execute`, so that it holds until the next `expect` (of an interim head: until its callback ends). For a message that has to wait; to be
   * called in `onHead`, or later as long as that buffer is untouched.
   */
  holdHead(): void {
    this.reader.hold()
  }

  /**
   * Makes the `execute` under way return behind the event that it's reporting, for back-pressure. The end of a response that has no
   * more content is reported all the same. The next `execute` goes on.
   */
  stop(): void {
    this.body.stopped = true
  }

  /** To be called in `onHead`: content above `maxBytes` octets is refused, for this response. Can only lower the limit. */
  limitBody(maxBytes: number): void {
    this.body.maxBytes = Math.min(maxBytes, this.limits.maxBodyBytes)
  }

  /** Gives the response up: nothing is reported any more, and `execute` takes nothing. */
  abandon(): void {
    this.state = STATE_DEAD
    this.body.stopped = true
  }

  /**
   * To be called when the upstream has ended its side. A body that lasts until then is complete, and `onEnd` is reported. `idle`: no
   * response was expected. `complete`: the response has ended, now or before. `truncated`: it was expected or under way. `refused`: the
   * parser had already refused or been abandoned.
   */
  finish(): FinishOutcome {
    if (this.state === STATE_DEAD) return 'refused'
    if (this.state === STATE_COMPLETE) return 'complete'
    if (this.state === STATE_BODY && this.untilClose) {
      this.end(0)
      return 'complete'
    }
    const outcome = this.state === STATE_IDLE ? 'idle' : 'truncated'
    this.state = STATE_DEAD
    return outcome
  }
}
