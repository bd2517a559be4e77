// Memory that the process holds and that neither V8's heap nor buffers explain: free lists of the allocator, native add-ons, code.
//
// A fresh process has 20 MiB or more of that, which is most of what it has, and nothing that a restart would give back. So the least of the first minute is the
// baseline, and only what was added since counts.

const BASELINE_MS = 60_000
const SMOOTHING_MS = 60_000

export class Fragmentation {
  #startedAtMs = Number.NaN
  #baselineBytes = Number.POSITIVE_INFINITY
  #smoothed = 0
  #lastMs = 0

  /** Share of the private memory, 0-1. */
  next(atMs: number, privateBytes: number, heapTotalBytes: number, externalBytes: number): number {
    if (Number.isNaN(this.#startedAtMs)) this.#startedAtMs = atMs
    const unexplainedBytes = Math.max(0, privateBytes - heapTotalBytes - externalBytes)
    if (atMs - this.#startedAtMs <= BASELINE_MS) this.#baselineBytes = Math.min(this.#baselineBytes, unexplainedBytes)
    const share = privateBytes > 0 ? Math.max(0, unexplainedBytes - this.#baselineBytes) / privateBytes : 0
    this.#smoothed += (share - this.#smoothed) * (1 - Math.exp((this.#lastMs - atMs) / SMOOTHING_MS))
    this.#lastMs = atMs
    return this.#smoothed
  }
}
