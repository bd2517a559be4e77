// When a crashed worker is started again: back-off, and the verdict that it crashes in a loop.
//
//   crash ──► wait initialMs × factor^n (at most maxMs), half of it by chance, n = crashes since the last stable run
//   `crashes` of them within `withinMs` ──► crash loop: maxMs from now on, until a run has been stable
//   ready for resetAfterMs ──► stable: n = 0, verdict lifted
//
// A worker in a crash loop isn't given up: what makes it crash (a database that's down, a full disk) may pass without anybody
// restarting us. The verdict is per worker, not per fleet: one request that kills whichever worker takes it, retried by a
// balancer, would otherwise slow down the restart of all of them.
// No I/O and no timer in here: the caller says what time it is and does the waiting.
import type { Random } from './clock.ts'

/** How long to wait before a crashed worker is started again. */
export interface BackoffOptions {
  /** Wait after the first crash, before jitter. Default 100. */
  readonly initialMs: number
  /** Each further crash multiplies the wait by this, 1 or more. Default 2. */
  readonly factor: number
  /** Longest wait, before jitter; also the wait in a crash loop. Default 10,000. */
  readonly maxMs: number
  /** A worker that has been ready for this long starts from `initialMs` again, and its crash loop is over. Default 60,000. */
  readonly resetAfterMs: number
}

/** When crashes count as a loop. */
export interface CrashLoopOptions {
  /** This many crashes... Default 5. */
  readonly crashes: number
  /** ...within this time. Default 60,000. */
  readonly withinMs: number
}

/** What follows from a crash. */
export interface RestartVerdict {
  /** Wait before the next start. */
  readonly delayMs: number
  /** Crashes inside the window, this one included. */
  readonly crashes: number
  /** The worker has just been found to crash in a loop. */
  readonly loopBegins: boolean
}

export class RestartPolicy {
  readonly #backoff: BackoffOptions
  readonly #loop: CrashLoopOptions
  readonly #random: Random
  #crashTimesMs: number[] = []
  #crashesInARow = 0
  #inLoop = false

  constructor(backoff: BackoffOptions, loop: CrashLoopOptions, random: Random) {
    this.#backoff = backoff
    this.#loop = loop
    this.#random = random
  }

  get inCrashLoop(): boolean {
    return this.#inLoop
  }

  /** Crashes inside the window, as of the last one. */
  get recentCrashes(): number {
    return this.#crashTimesMs.length
  }

  crashed(nowMs: number): RestartVerdict {
    this.#crashTimesMs = this.#crashTimesMs.filter(atMs => atMs > nowMs - this.#loop.withinMs)
    this.#crashTimesMs.push(nowMs)
    const loopBegins = !this.#inLoop && this.#crashTimesMs.length >= this.#loop.crashes
    this.#inLoop ||= loopBegins

    const { initialMs, factor, maxMs } = this.#backoff
    const wholeMs = this.#inLoop ? maxMs : Math.min(maxMs, initialMs * factor ** this.#crashesInARow)
    this.#crashesInARow++
    // Equal jitter: never less than half, so that the pace really falls; never the same for two workers killed by one cause.
    return {
      delayMs: wholeMs / 2 + (wholeMs / 2) * this.#random.next(),
      crashes: this.#crashTimesMs.length,
      loopBegins,
    }
  }

  /** The worker has been ready for `resetAfterMs`. Says whether that ended a crash loop. */
  stable(): boolean {
    const loopEnds = this.#inLoop
    this.#inLoop = false
    this.#crashesInARow = 0
    this.#crashTimesMs = []
    return loopEnds
  }
}
