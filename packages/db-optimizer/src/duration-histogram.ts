// Durations in buckets that grow by an eighth: any quantile is right to 6 %, from a microsecond to an hour, in 1.2 KB.
//
//     µs      0   1 ... 7  | 8 9 ... 15 | 16 18 ... 30 | 32 36 ...
//     bucket  0   1 ... 7  | 8 9 ... 15 | 16 17 ... 23 | 24 25 ...        8 per doubling
// @hot

const PER_OCTAVE = 8
/** Up to 2^32 µs, 71 minutes; longer ones count there. */
const BUCKETS = PER_OCTAVE * 30
const LONGEST_US = 2 ** 32 - 1

export class DurationHistogram {
  readonly #buckets = new Float64Array(BUCKETS)
  count = 0
  totalMs = 0
  maxMs = 0

  /** Negative durations and NaN count as 0. */
  record(durationMs: number): void {
    const ms = durationMs > 0 ? durationMs : 0
    this.count += 1
    this.totalMs += ms
    if (ms > this.maxMs) this.maxMs = ms
    this.#buckets[bucketOf(ms)]! += 1
  }

  /** Adds all of another one's. */
  add(other: DurationHistogram): void {
    this.count += other.count
    this.totalMs += other.totalMs
    this.maxMs = Math.max(this.maxMs, other.maxMs)
    for (let bucket = 0; bucket < BUCKETS; bucket++) this.#buckets[bucket]! += other.#buckets[bucket]!
  }

  get meanMs(): number {
    return this.count === 0 ? 0 : this.totalMs / this.count
  }

  /** The duration that a part of them, 0 to 1, doesn't exceed: the upper end of its bucket, at most the longest seen; 0 without any. */
  quantileMs(part: number): number {
    let left = Math.ceil(part * this.count)
    if (left <= 0) left = 1
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#buckets[bucket]!
      if (left <= 0) return Math.min(upperEndMs(bucket), this.maxMs)
    }
    return this.maxMs
  }
}

function bucketOf(ms: number): number {
  const us = ms * 1000
  if (us >= LONGEST_US) return BUCKETS - 1
  const whole = us >>> 0
  if (whole < PER_OCTAVE) return whole
  const octave = 31 - Math.clz32(whole)
  return (octave - 2) * PER_OCTAVE + ((whole >>> (octave - 3)) & (PER_OCTAVE - 1))
}

function upperEndMs(bucket: number): number {
  if (bucket < PER_OCTAVE) return (bucket + 1) / 1000
  const octave = Math.floor(bucket / PER_OCTAVE) + 2
  return ((PER_OCTAVE + (bucket % PER_OCTAVE) + 1) * 2 ** (octave - 3)) / 1000
}
