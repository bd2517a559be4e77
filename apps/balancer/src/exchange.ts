// One request and its answer: everything the stages need to know of each other, in one object of fixed shape.
//
// The object lives from the request's head until `channels.exchangeFinished` has been published; nothing of it changes after that.
import type { Endpoint } from './upstream/endpoint.ts'

/** Why an exchange ended: answered by an upstream, by the balancer itself, or not at all. */
export type ExchangeEnd = 'answered' | 'refused' | 'client-left' | 'upstream-failed'

export class Exchange {
  /** Request id: the trusted peer's, or one of ours. */
  readonly id: string
  readonly method: string
  readonly target: string
  /** Address of the peer, empty for a Unix socket. */
  readonly clientAddress: string
  /** Milliseconds of the monotonic clock when the head was complete. */
  readonly startedAtMs: number
  /** Endpoints that were tried, in order; the last one answered, if any did. */
  readonly tried: Endpoint[] = []
  /** Status sent to the client, 0 until then. */
  status = 0
  /** Monotonic time of the first byte of the answer, 0 until then. */
  firstByteAtMs = 0
  /** Monotonic time of the end, 0 until then. */
  endedAtMs = 0
  /** Tries beyond the first. */
  retries = 0
  end: ExchangeEnd | null = null
  /** Code of the problem that was sent or seen, or null. */
  errorCode: string | null = null

  constructor(id: string, method: string, target: string, clientAddress: string, startedAtMs: number) {
    this.id = id
    this.method = method
    this.target = target
    this.clientAddress = clientAddress
    this.startedAtMs = startedAtMs
  }

  get endpoint(): Endpoint | null {
    return this.tried.at(-1) ?? null
  }
}
