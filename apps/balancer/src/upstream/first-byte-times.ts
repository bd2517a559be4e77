// How long one endpoint takes to the first byte of an answer: a mean that follows, and a 99th percentile.
//
// The percentile comes from a histogram with four buckets per doubling (an error of at most 19 %), halved every `HALVE_MS`, so that it
// forgets. Recording allocates nothing; the percentile is worked out when asked, by what looks every some hundred milliseconds.
// @hot

const BUCKETS_PER_DOUBLING = 4
/** From 1/16 ms to about 15 min. */
const LEAST_MS = 1 / 16
const BUCKETS = 24 * BUCKETS_PER_DOUBLING
/** Weight of a new answer in the mean. */
const GAIN = 0.1
const HALVE_MS = 10_000
/** Fewer answers than this say nothing about a 99th percentile. */
const LEAST_ANSWERS = 20

export class FirstByteTimes {
  readonly #counts = new Float64Array(BUCKETS)
  #total = 0
  #halvedAtMs = 0
  /** Milliseconds; NaN until the first answer. */
  meanMs = Number.NaN

  record(ms: number, nowMs: number): void {
    this.#age(nowMs)
    this.meanMs = Number.isNaN(this.meanMs) ? ms : this.meanMs + GAIN * (ms - this.meanMs)
    const bucket = ms <= LEAST_MS ? 0 : Math.ceil(Math.log2(ms / LEAST_MS) * BUCKETS_PER_DOUBLING)
    const index = bucket < BUCKETS ? bucket : BUCKETS - 1
    this.#counts[index] = (this.#counts[index] as number) + 1
    this.#total++
  }

  /** Upper bound of the bucket that 99 of 100 answers are in or below; NaN while there are too few. */
  p99Ms(nowMs: number): number {
    this.#age(nowMs)
    if (this.#total < LEAST_ANSWERS) return Number.NaN
    const rank = this.#total * 0.99
    let seen = 0
    for (let i = 0; i < BUCKETS; i++) {
      seen += this.#counts[i] as number
      if (seen >= rank) return LEAST_MS * 2 ** (i / BUCKETS_PER_DOUBLING)
    }
    return LEAST_MS * 2 ** ((BUCKETS - 1) / BUCKETS_PER_DOUBLING)
  }

  #age(nowMs: number): void {
    if (nowMs - this.#halvedAtMs < HALVE_MS) return
    this.#halvedAtMs = nowMs
    // What was seen before stays worth something while nothing new comes: an endpoint without traffic keeps its percentile.
    if (this.#total < 2 * LEAST_ANSWERS) return
    this.#total = 0
    for (let i = 0; i < BUCKETS; i++) this.#total += this.#counts[i] = (this.#counts[i] as number) / 2
  }
}
