// Who a request's work is done for: when to stop, and where it was found. Routes hand it to their service, services to the cache, and what has to be loaded is given
// its signal.
import type { CallOptions } from '@plimsoll/cache'

/** Handed on as it is: the cache takes it for its own options, and asks for the signal only when something has to be loaded. */
export interface Caller extends CallOptions {
  /** Aborts when nobody waits for the answer any more, or its time is up. */
  readonly signal: AbortSignal
}
