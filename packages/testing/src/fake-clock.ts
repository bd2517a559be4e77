// A clock that stands still until the test moves it.
//
// Invariants
// * Time only moves in `advance`, `advanceAsync` and `runNext`.
// * Timers fire in the order of their due time, and those due at the same time in the order in which they were set; a callback sees `now()` at its due time.
// * Timers that callbacks set fire in the same advance when they fall due in it.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { TestingError } from './errors.ts'

/** A timer of a fake clock; it has those methods of Node's that code under test may call. */
export interface FakeTimer {
  /** The time at which it fires, in milliseconds. */
  readonly dueMs: number
  ref(): this
  unref(): this
  hasRef(): boolean
  /** Starts its delay again from now. */
  refresh(): this
}

interface Scheduled extends FakeTimer {
  dueMs: number
  order: number
  readonly repeat: boolean
  readonly delayMs: number
  readonly callback: () => void
}

/** More callbacks than this in one advance are timers that set each other for ever. */
const MAX_CALLBACKS = 100_000
/** Turns of the event loop that `advanceAsync` gives to promises between two timers. */
const TURNS_BETWEEN_TIMERS = 2

export class FakeClock {
  readonly #timers = new Set<Scheduled>()
  #nowMs: number
  #order = 0

  /** Time begins at `startMs`; default 0. */
  constructor(options: { readonly startMs?: number } = {}) {
    this.#nowMs = options.startMs ?? 0
  }

  /** Current time in milliseconds. */
  now(): number {
    return this.#nowMs
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#timers.size
  }

  /** As Node's: a delay under 1 ms, or none, is 1 ms. */
  setTimeout(callback: () => void, delayMs = 1): FakeTimer {
    return this.#schedule(callback, delayMs, false)
  }

  setInterval(callback: () => void, delayMs = 1): FakeTimer {
    return this.#schedule(callback, delayMs, true)
  }

  /** Clearing twice, or a timer that has fired, does nothing. */
  clearTimeout(timer: FakeTimer | undefined): void {
    this.#timers.delete(timer as Scheduled)
  }

  clearInterval(timer: FakeTimer | undefined): void {
    this.clearTimeout(timer)
  }

  /** Resolves when the clock has been moved on by `delayMs`. */
  sleep(delayMs: number): Promise<void> {
    return new Promise(resolve => void this.setTimeout(resolve, delayMs))
  }

  /** Moves time on and fires what falls due, synchronously: promises that callbacks settle go on only after the call. */
  advance(byMs: number): void {
    const targetMs = this.#target(byMs)
    for (let fired = 0; this.#fireNext(targetMs); fired++) refuseRunaway(fired)
    this.#nowMs = targetMs
  }

  /** As `advance`, with time for promises before, between and after the timers: for code that awaits. */
  async advanceAsync(byMs: number): Promise<void> {
    const targetMs = this.#target(byMs)
    await settle()
    for (let fired = 0; this.#fireNext(targetMs); fired++) {
      refuseRunaway(fired)
      await settle()
    }
    this.#nowMs = targetMs
    await settle()
  }

  /** Jumps to the next timer and fires it; gives false when none is set. */
  runNext(): boolean {
    return this.#fireNext(Number.POSITIVE_INFINITY)
  }

  #target(byMs: number): number {
    if (!(byMs >= 0)) throw new RangeError(`Time can't be moved by ${byMs} ms: it only goes on.`)
    return this.#nowMs + byMs
  }

  #schedule(callback: () => void, delayMs: number, repeat: boolean): FakeTimer {
    const wholeMs = delayMs >= 1 ? Math.trunc(delayMs) : 1
    const restart = (): void => {
      timer.dueMs = this.#nowMs + wholeMs
      timer.order = this.#order++
      this.#timers.add(timer)
    }
    let referenced = true
    const timer: Scheduled = {
      dueMs: 0,
      order: 0,
      repeat,
      delayMs: wholeMs,
      callback,
      ref: () => ((referenced = true), timer),
      unref: () => ((referenced = false), timer),
      hasRef: () => referenced,
      refresh: () => (restart(), timer),
    }
    restart()
    return timer
  }

  #fireNext(untilMs: number): boolean {
    let next: Scheduled | undefined
    for (const timer of this.#timers) {
      if (next === undefined || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order))
        next = timer
    }
    if (next === undefined || next.dueMs > untilMs) return false
    this.#nowMs = Math.max(this.#nowMs, next.dueMs)
    this.#timers.delete(next)
    if (next.repeat) next.refresh()
    next.callback()
    return true
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS_BETWEEN_TIMERS; turn++) await nextTurn()
}

function refuseRunaway(fired: number): void {
  if (fired < MAX_CALLBACKS) return
  throw new TestingError(
    'TESTING_ERR_RUNAWAY_TIMERS',
    `${MAX_CALLBACKS} timers fired in one advance: some set each other without end.`,
  )
}
