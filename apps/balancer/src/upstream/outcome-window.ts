// What became of the last requests to one endpoint: exact counts in buckets over a sliding time.
//
//   │ ok 12 failed 0 │ ok 9 failed 3 │ … ten buckets, each a tenth of the window; the oldest is emptied when time comes round to it
//
// Counts are exact within a tenth of the window. Averages that weigh by arrival hide a tight burst of failures, which is what has to be seen.
// @hot

const BUCKETS = 10

export class OutcomeWindow {
  readonly #bucketMs: number
  readonly #ok = new Uint32Array(BUCKETS)
  readonly #failed = new Uint32Array(BUCKETS)
  /** Number of the bucket that time is in, counted from the clock's start. */
  #current = 0

  constructor(windowMs: number) {
    this.#bucketMs = windowMs / BUCKETS
  }

  add(ok: boolean, nowMs: number): void {
    this.#moveTo(nowMs)
    const counts = ok ? this.#ok : this.#failed
    const index = this.#current % BUCKETS
    counts[index] = (counts[index] as number) + 1
  }

  /** Requests within the window that went well. */
  okCount(nowMs: number): number {
    this.#moveTo(nowMs)
    return sum(this.#ok)
  }

  /** Requests within the window that failed. */
  failedCount(nowMs: number): number {
    this.#moveTo(nowMs)
    return sum(this.#failed)
  }

  clear(): void {
    this.#ok.fill(0)
    this.#failed.fill(0)
  }

  #moveTo(nowMs: number): void {
    const bucket = Math.floor(nowMs / this.#bucketMs)
    if (bucket <= this.#current) return
    const passed = Math.min(bucket - this.#current, BUCKETS)
    for (let step = 1; step <= passed; step++) {
      const index = (this.#current + step) % BUCKETS
      this.#ok[index] = 0
      this.#failed[index] = 0
    }
    // After a long pause all buckets were emptied, whichever numbers they have now.
    this.#current = bucket
  }
}

function sum(counts: Uint32Array): number {
  let total = 0
  for (const count of counts) total += count
  return total
}
