// Latencies of a run, each kept: quantiles are exact, and there are at most some ten thousand.

export class Latencies {
  readonly #valuesMs: number[] = []

  /** @hot */
  add(ms: number): void {
    this.#valuesMs.push(ms)
  }

  /** Each share's quantile by the nearest rank, in milliseconds; 0 when there's nothing. */
  quantilesMs<Name extends string>(shares: Readonly<Record<Name, number>>): Record<Name, number> {
    const sorted = Float64Array.from(this.#valuesMs).toSorted()
    const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
    return Object.fromEntries(Object.entries<number>(shares).map(([name, share]) => [name, at(share)])) as Record<
      Name,
      number
    >
  }

  /** How many are above this, a ratio. */
  shareAbove(ms: number): number {
    return this.#valuesMs.length === 0 ? 0 : this.#valuesMs.filter(value => value > ms).length / this.#valuesMs.length
  }
}
