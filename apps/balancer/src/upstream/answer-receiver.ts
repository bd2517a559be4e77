// What a connection to an endpoint tells whoever sent a request over it.
import type { MessageHead } from '@plimsoll/http1'
import type { BalancerErrorCode } from '../errors.ts'
import type { UpstreamConnection } from './connection.ts'

export type UpstreamFailureCode = Extract<
  BalancerErrorCode,
  'LB_ERR_UPSTREAM_CONNECT' | 'LB_ERR_UPSTREAM_CONNECT_TIMEOUT' | 'LB_ERR_UPSTREAM_CLOSED' | 'LB_ERR_UPSTREAM_INVALID'
>

/** Why no whole answer came. */
export interface UpstreamFailure {
  readonly code: UpstreamFailureCode
  /** False only when no byte of the request can have reached the endpoint. */
  readonly sent: boolean
  /** A kept connection that was closed before a byte of the answer: most likely the endpoint's keep-alive time was over. */
  readonly stale: boolean
  /** The process or the machine has run out of something; the endpoint isn't to blame. */
  readonly exhausted: boolean
  /** One sentence, safe for the client to read. */
  readonly detail: string
  readonly cause: unknown
}

/** Calls come in this order: ready, then heads (interim ones first), body, trailers, end; or a failure at any time, which is the last call. */
export interface AnswerReceiver {
  /** The connection is open and free: send. Called within `acquire` for a kept connection. */
  onUpstreamReady(connection: UpstreamConnection): void
  onAnswerHead(head: MessageHead): void
  onAnswerBody(buffer: Buffer, start: number, end: number): void
  onAnswerTrailers(trailers: MessageHead): void
  onAnswerEnd(): void
  /** After 101: bytes that aren't HTTP any more. */
  onTunnelBytes(buffer: Buffer, start: number, end: number): void
  /** After 101: the endpoint sends no more. */
  onTunnelEnd(): void
  /** What was written to the endpoint has left: reading from the client may go on. */
  onUpstreamDrain(): void
  /** Whether the client is slow: reading from the endpoint pauses until `resume` is called. */
  readonly isClientCongested: boolean
  onUpstreamFailure(failure: UpstreamFailure): void
}
