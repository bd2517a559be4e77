// Collections as the monitor needs them: the live heap, and how much of the recent time they took.
import type { Collection } from '../gc/gc-feed.ts'

/** What the share of time is taken over, in slots of a second. */
const SLOTS = 10
const SLOT_MS = 1000
const WINDOW_MS = SLOTS * SLOT_MS

export class CollectionWindow {
  readonly #pausesMs = new Float64Array(SLOTS)
  #slot = 0
  #pausedMs = 0
  #longestMs = 0
  #majors = 0
  #liveHeapBytes = Number.NaN
  #liveAtMs = Number.NEGATIVE_INFINITY

  /** Bytes in use after the last major collection; NaN before the first. */
  get liveHeapBytes(): number {
    return this.#liveHeapBytes
  }

  /** When that was. */
  get liveAtMs(): number {
    return this.#liveAtMs
  }

  take(collections: readonly Collection[]): void {
    for (const { kind, pauseMs, heapUsedBytes, atMs } of collections) {
      this.#pausedMs += pauseMs
      this.#longestMs = Math.max(this.#longestMs, pauseMs)
      if (kind !== 'major') continue
      this.#majors++
      this.#liveHeapBytes = heapUsedBytes
      this.#liveAtMs = atMs
    }
  }

  /** Ends a sample that began `elapsedMs` ago: what happened in it, and its share of the last 10 s and of itself. */
  close(
    atMs: number,
    elapsedMs: number,
  ): { readonly majors: number; readonly longestPauseMs: number; readonly ratio: number; readonly nowRatio: number } {
    const slot = Math.floor(atMs / SLOT_MS)
    for (let passed = Math.min(slot - this.#slot, SLOTS); passed > 0; passed--) {
      this.#pausesMs[(slot - passed + 1) % SLOTS] = 0
    }
    this.#slot = slot
    // A sample that took longer than the window (the loop was blocked) is one whose pauses are spread over all of it.
    const inWindow = Math.min(1, WINDOW_MS / elapsedMs)
    this.#pausesMs[slot % SLOTS] = (this.#pausesMs[slot % SLOTS] ?? 0) + (elapsedMs > 0 ? this.#pausedMs * inWindow : 0)
    const closed = {
      majors: this.#majors,
      longestPauseMs: this.#longestMs,
      ratio: Math.min(1, sum(this.#pausesMs) / WINDOW_MS),
      nowRatio: elapsedMs > 0 ? Math.min(1, this.#pausedMs / elapsedMs) : 0,
    }
    this.#pausedMs = 0
    this.#longestMs = 0
    this.#majors = 0
    return closed
  }
}

function sum(values: Float64Array): number {
  let total = 0
  for (const value of values) total += value
  return total
}
