// What is kept of one try of a request at one endpoint, for the reports about it. An exchange is its own first try.
import type { Endpoint } from './endpoint.ts'

export interface TryState {
  readonly endpoint: Endpoint | null
  /** It's the probe of a half-open endpoint. */
  isProbe: boolean
  /** Nothing has been said yet about how it went. */
  awaitsVerdict: boolean
  /** The endpoint has the request whole and has not said a word. */
  isWaiting: boolean
  /** Monotonic milliseconds; 0 until then. */
  pickedAtMs: number
  sentAtMs: number
  firstByteAtMs: number
}
