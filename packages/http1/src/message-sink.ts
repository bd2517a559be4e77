// What a parser tells its owner. One interface for requests and responses; the parser calls it synchronously out of `execute`.
//
//   request:   onHead ─► onBody* ─► [onTrailers] ─► onEnd
//   response:  onHead(interim)* ─► onHead ─► onBody* ─► [onTrailers] ─► onEnd
//   either:    … ─► onRefusal, at most once, and then nothing any more
//
// A sink may call `stop`, `abandon` and (in onHead) `limitBody` of its parser, and in onEnd `reset` or `expect`; it may not call
// `execute` or `finish`. It must not throw: a parser whose sink has thrown is in no defined state and has to be dropped with its connection.

import type { MessageHead } from './message-head.ts'
import type { Refusal } from './refusals.ts'

/** Receiver of a parser's events. */
export interface MessageSink {
  /** A head is whole and valid. `head` and its buffer hold until the next `execute`, or longer after `holdHead`. */
  onHead(head: MessageHead): void
  /** Content octets, without any framing. The buffer is the one given to `execute`. */
  onBody(buffer: Buffer, start: number, end: number): void
  /**
   * A trailer section with at least one field that may be forwarded; the others have `hopByHop` set, as in a head. Only after a
   * chunked body, only before `onEnd`.
   */
  onTrailers(trailers: MessageHead): void
  /** The message is complete. */
  onEnd(): void
  /** The message is refused. For a request, what was read of it up to then can be looked up in the parser's `head`. */
  onRefusal(refusal: Refusal): void
}
