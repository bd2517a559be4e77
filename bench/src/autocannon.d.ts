// The part of autocannon's programmatic interface that the suites use; the package has no declarations.
declare module 'autocannon' {
  export interface Options {
    readonly url: string
    readonly connections: number
    /** Seconds. */
    readonly duration: number
    readonly requests?: readonly { readonly path: string; readonly method?: 'GET' }[]
    /** False counts as a mismatch. */
    readonly verifyBody?: (body: string) => boolean
  }
  /** Of latencies (ms), requests (per second) and throughput (bytes per second). */
  export interface Histogram {
    readonly average: number
    readonly mean: number
    readonly max: number
    readonly total: number
    readonly p50: number
    readonly p90: number
    readonly p99: number
    readonly p99_9: number
  }
  export interface Result {
    readonly requests: Histogram
    readonly latency: Histogram
    readonly throughput: Histogram
    /** Seconds. */
    readonly duration: number
    readonly errors: number
    readonly timeouts: number
    readonly mismatches: number
    readonly resets: number
    readonly non2xx: number
    readonly '2xx': number
  }
  export interface Running extends Promise<Result> {
    stop(): void
  }
  export default function autocannon(options: Options): Running
}
