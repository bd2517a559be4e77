// When each request is sent, decided before the first one is: an open loop. Answers, late or missing, change nothing of it.
//
// The times are what a Poisson process gives when its number of arrivals is known: independent and uniform, sorted. So bursts and gaps are
// like those of many independent clients, and a phase always has the same number of requests. A fixed beat would march in step with round-robin,
// and every third request a POST would send all POSTs to one of three upstreams.
import type { Method } from './upstream/upstream-protocol.ts'

export interface ScheduledRequest {
  readonly id: string
  readonly method: Method
  /** Default: WORK_PATH and the id. */
  readonly path?: string
  /** Milliseconds from the start of the phase. */
  readonly atMs: number
}

export interface Burst {
  /** From the start of the phase. */
  readonly atMs: number
  readonly forMs: number
  readonly requestsPerSecond: number
}

export interface ScheduleOptions {
  /** Begins each id, so that a request tells its phase. */
  readonly prefix: string
  readonly durationMs: number
  readonly requestsPerSecond: number
  /** A part of the phase with another rate. */
  readonly burst?: Burst
  readonly random: { next(): number }
}

/** Of all requests. */
const POST_SHARE = 1 / 3

/** In the order of sending. */
export function schedule(options: ScheduleOptions): ScheduledRequest[] {
  const { prefix, durationMs, requestsPerSecond, burst, random } = options
  const parts = burst
    ? [
        { fromMs: 0, forMs: burst.atMs, rate: requestsPerSecond },
        { fromMs: burst.atMs, forMs: burst.forMs, rate: burst.requestsPerSecond },
        { fromMs: burst.atMs + burst.forMs, forMs: durationMs - burst.atMs - burst.forMs, rate: requestsPerSecond },
      ]
    : [{ fromMs: 0, forMs: durationMs, rate: requestsPerSecond }]
  return parts
    .flatMap(({ fromMs, forMs, rate }) =>
      Array.from({ length: Math.round((rate * forMs) / 1000) }, () => fromMs + random.next() * forMs),
    )
    .toSorted((a, b) => a - b)
    .map((atMs, i) => ({ id: `${prefix}.${i}`, method: random.next() < POST_SHARE ? 'POST' : 'GET', atMs }))
}
