// Which worker is replaced next because it asked for it, or because of its age, and when.
//
//   requested ──► waiting ──► being replaced ──► replaced
//                    ▲               │ failed: again after a while (a second at least), twice as long each time
//                    └───────────────┘
//   waiting, and its process ends or is replaced for another reason ──► superseded
//
// A waiting request is taken when all of this holds, emergencies before others, older ones before younger:
//   * nothing else in the fleet is being replaced, started or taken away, and every other worker is ready (the owner says so);
//   * `minIntervalMs` has passed since the last one was done;
//   * fewer than `maxPerHour` were begun within the last hour. An emergency is taken all the same: a worker that runs out of memory
//     would end anyway, with requests in flight. The interval holds for it too, so the fleet is never all restarts.
//
// Beyond the limit requests are kept, not dropped: the worker goes on as it is, a line in the log, a gauge and /health say so, and its turn
// comes when an hour has passed since the oldest of those that were begun.
//
// Requests are kept by process, not by worker: while one's replacement is under way the next generation may ask too.
//
// Decisions are made here and the work is the owner's. The only timer is the one for the next thing that time alone will change.
import type { Clock, Random } from './clock.ts'
import { publish } from './channels.ts'
import { messageOf, ReplaceFailedError } from './errors.ts'
import type { Logger } from './options.ts'

/** Reasons as the metrics know them: a closed set, whatever workers say. */
export type RecycleReasonLabel = 'leak' | 'fragmentation' | 'emergency' | 'age' | 'other'

/** What became of a request. `drained-first`: replaced after its end, because there was no room for both. */
export type RecycleResult = 'replaced' | 'drained-first' | 'failed' | 'superseded'

/** How workers that ask for it, or are old, are replaced. */
export interface RecyclingOptions {
  /**
   * Most replacements begun within an hour, in the whole fleet; emergencies are counted and not held back. 0: emergencies only. Default 6, or two
   * for each worker where that's more.
   */
  readonly maxPerHour: number
  /** From the end of one to the beginning of the next. One that failed is tried again after a second at the earliest, whatever this is. Default 30,000. */
  readonly minIntervalMs: number
  /**
   * A process is replaced at an age between 80 and 100 % of this, by chance, so that those of one start don't all go together. 0: never. Default 0.
   * At most about 24 days.
   */
  readonly maxAgeMs: number
  /**
   * When a worker is in an emergency and the start of its next generation has failed twice (on probation doesn't count): `keep` tries again ever later, `drain-first` ends the old one
   * first and then starts the new one, with one worker fewer in between: with a fleet of one, none. Default `keep`.
   */
  readonly whenStartFails: 'keep' | 'drain-first'
}

/** A request as operators see it. */
export interface RecycleRequest {
  readonly reason: RecycleReasonLabel
  readonly detail: string
  /** Since when, in milliseconds since the epoch. */
  readonly sinceMs: number
}

/** What recycling needs of the fleet. */
export interface RecyclingOwner {
  /** Whether this worker's replacement could begin now without a second worker being out of service or about to be. */
  mayReplace(worker: number): boolean
  replace(worker: number): Promise<void>
  drainThenStart(worker: number): Promise<void>
  /** For the metrics. */
  recycled(reason: RecycleReasonLabel, result: RecycleResult): void
}

interface Waiting {
  readonly worker: number
  readonly generation: number
  reason: RecycleReasonLabel
  detail: string
  readonly sinceMs: number
  /** Tries that failed; what the wait for the next one grows by. */
  failures: number
  /** Those among them in which the next generation didn't get ready: there may be no room for both. */
  startFailures: number
  notBeforeMs: number
  /** Its process doesn't serve any more. */
  isGone: boolean
}

const HOUR_MS = 3_600_000
/** A failed replacement is tried again after minIntervalMs × 2^n, at most this unless that's more. */
const MAX_RETRY_MS = 600_000
/** What n = 0 is at least: an emergency knows no other limit, and a start that fails at once would be repeated without a pause. */
const MIN_RETRY_MS = 1000
const START_FAILURES_BEFORE_DRAINING_FIRST = 2
const YOUNGEST_SHARE_OF_AGE = 0.8

export class Recycling {
  readonly #options: RecyclingOptions
  readonly #owner: RecyclingOwner
  readonly #clock: Clock
  readonly #random: Random
  readonly #logger: Logger
  /** By worker and generation, like the timers. */
  readonly #waiting = new Map<string, Waiting>()
  readonly #ageTimers = new Map<string, () => void>()
  /** When those of the last hour were begun, oldest first. */
  #begunAtMs: number[] = []
  #lastEndMs = -Infinity
  #running: Waiting | null = null
  #isHeldBack = false
  #isClosed = false
  #cancelTimer: () => void = () => {}

  constructor(options: RecyclingOptions, owner: RecyclingOwner, clock: Clock, random: Random, logger: Logger) {
    this.#options = options
    this.#owner = owner
    this.#clock = clock
    this.#random = random
    this.#logger = logger
  }

  /** Requests that wait, the one that's being carried out not among them. */
  get deferred(): number {
    return this.#waiting.size
  }

  /** A worker asks to be replaced. Asking again changes nothing, unless it has become an emergency. */
  request(worker: number, generation: number, reason: string, detail: string): void {
    if (this.#isClosed) return
    const label = labelOf(reason)
    const earlier = this.#find(worker, generation)
    if (earlier === null) {
      const sinceMs = this.#clock.now()
      const state = { failures: 0, startFailures: 0, notBeforeMs: -Infinity, isGone: false }
      this.#waiting.set(idOf(worker, generation), { worker, generation, reason: label, detail, sinceMs, ...state })
    } else {
      if (label !== 'emergency' || earlier.reason === 'emergency') return
      earlier.reason = label
      earlier.detail = detail
      // What has failed so far was less urgent, and may have failed in better times.
      earlier.failures = 0
      earlier.startFailures = 0
      earlier.notBeforeMs = -Infinity
    }
    this.#logger.info({ worker, generation, reason, detail }, `Worker ${worker} is to be recycled: ${reason}.`)
    publish('recycleRequested', () => ({ worker, generation, reason: label, detail }))
    this.consider()
  }

  /** What this process has asked for; null when it hasn't. */
  requestOf(worker: number, generation: number): RecycleRequest | null {
    const request = this.#find(worker, generation)
    if (request === null) return null
    const { reason, detail, sinceMs } = request
    return { reason, detail, sinceMs }
  }

  /** A process begins to serve: its age is limited from now on. */
  serves(worker: number, generation: number): void {
    const { maxAgeMs } = this.#options
    if (maxAgeMs === 0) return
    const share = YOUNGEST_SHARE_OF_AGE + (1 - YOUNGEST_SHARE_OF_AGE) * this.#random.next()
    const cancel = this.#clock.after(maxAgeMs * share, () => {
      this.request(worker, generation, 'age', `it has served for ${Math.round((maxAgeMs * share) / 1000)} s`)
    })
    this.#ageTimers.set(idOf(worker, generation), cancel)
  }

  /** A process doesn't serve any more, for whatever reason; what it asked for is done, or needn't be. */
  left(worker: number, generation: number): void {
    const id = idOf(worker, generation)
    this.#ageTimers.get(id)?.()
    this.#ageTimers.delete(id)
    const request = this.#find(worker, generation)
    if (request === null) return
    request.isGone = true
    if (request === this.#running) return
    this.#waiting.delete(id)
    this.#report(request, 'superseded')
  }

  /** Something in the fleet has changed, or time has passed: takes the next request if it may. */
  consider(): void {
    this.#cancelTimer()
    if (this.#isClosed || this.#running !== null) return
    const nowMs = this.#clock.now()
    const limitOverMs = this.#limitOverMs(nowMs)
    const paceMs = this.#lastEndMs + this.#options.minIntervalMs
    let nextMs = Infinity
    let isHeldBack = false
    for (const request of this.#inOrder()) {
      const isOverLimit = request.reason !== 'emergency' && limitOverMs > nowMs
      isHeldBack ||= isOverLimit
      const earliestMs = Math.max(request.notBeforeMs, paceMs, isOverLimit ? limitOverMs : -Infinity)
      if (earliestMs > nowMs) {
        nextMs = Math.min(nextMs, earliestMs)
      } else if (this.#owner.mayReplace(request.worker)) {
        void this.#carryOut(request)
        return
      }
    }
    this.#setHeldBack(isHeldBack)
    // What only waits for the fleet is considered again when that changes.
    if (nextMs < Infinity) this.#cancelTimer = this.#clock.after(nextMs - nowMs, () => this.consider())
  }

  /** Nothing is begun any more, and no timer is left. */
  close(): void {
    this.#isClosed = true
    this.#cancelTimer()
    for (const cancel of this.#ageTimers.values()) cancel()
    this.#ageTimers.clear()
    this.#waiting.clear()
  }

  #inOrder(): Waiting[] {
    return [...this.#waiting.values()].toSorted((a, b) => urgency(b) - urgency(a) || a.sinceMs - b.sinceMs)
  }

  #find(worker: number, generation: number): Waiting | null {
    const running = this.#running
    if (running?.worker === worker && running.generation === generation) return running
    return this.#waiting.get(idOf(worker, generation)) ?? null
  }

  /** When a request that's no emergency may be taken by the number of the last hour; in the past when it may now. */
  #limitOverMs(nowMs: number): number {
    const { maxPerHour } = this.#options
    this.#begunAtMs = this.#begunAtMs.filter(atMs => atMs > nowMs - HOUR_MS)
    if (this.#begunAtMs.length < maxPerHour) return -Infinity
    // Infinite when the limit is 0.
    return (this.#begunAtMs[this.#begunAtMs.length - maxPerHour] ?? Infinity) + HOUR_MS
  }

  #setHeldBack(isHeldBack: boolean): void {
    if (isHeldBack && !this.#isHeldBack) {
      const { maxPerHour } = this.#options
      this.#logger.error(
        { maxPerHour, waiting: this.#waiting.size },
        `More workers ask to be recycled than the ${maxPerHour} an hour that are allowed; they wait, emergencies excepted. Look for what makes them ask: recycling only hides it.`,
      )
    }
    this.#isHeldBack = isHeldBack
  }

  async #carryOut(request: Waiting): Promise<void> {
    const { worker, generation } = request
    this.#running = request
    this.#waiting.delete(idOf(worker, generation))
    this.#begunAtMs.push(this.#clock.now())
    const drainsFirst =
      request.reason === 'emergency' &&
      request.startFailures >= START_FAILURES_BEFORE_DRAINING_FIRST &&
      this.#options.whenStartFails === 'drain-first'
    try {
      await (drainsFirst ? this.#owner.drainThenStart(worker) : this.#owner.replace(worker))
      this.#report(request, drainsFirst ? 'drained-first' : 'replaced')
    } catch (error) {
      this.#failed(request, error)
    }
    this.#running = null
    this.#lastEndMs = this.#clock.now()
    this.consider()
  }

  #failed(request: Waiting, error: unknown): void {
    if (this.#isClosed) return
    const { worker, generation, reason } = request
    const { minIntervalMs } = this.#options
    request.failures++
    if (error instanceof ReplaceFailedError && error.phase === 'start') request.startFailures++
    const backoffMs = Math.max(MIN_RETRY_MS, minIntervalMs) * 2 ** (request.failures - 1)
    // The pace holds as well, and where it's slower than the longest back-off it's what the log has to name.
    const retryMs = Math.max(minIntervalMs, Math.min(MAX_RETRY_MS, backoffMs))
    request.notBeforeMs = this.#clock.now() + retryMs
    this.#logger.error(
      { worker, generation, reason, retryMs, error: messageOf(error) },
      `Worker ${worker} could not be recycled; the next try is in ${Math.round(retryMs / 1000)} s at the earliest, unless it has ended by then.`,
    )
    this.#report(request, 'failed')
    if (!request.isGone) this.#waiting.set(idOf(worker, generation), request)
  }

  #report(request: Waiting, result: RecycleResult): void {
    const { worker, generation, reason, sinceMs } = request
    this.#owner.recycled(reason, result)
    publish('recycled', () => ({ worker, generation, reason, result, waitedMs: this.#clock.now() - sinceMs }))
  }
}

function idOf(worker: number, generation: number): string {
  return `${worker}-${generation}`
}

function urgency(request: Waiting): number {
  return request.reason === 'emergency' ? 1 : 0
}

function labelOf(reason: string): RecycleReasonLabel {
  switch (reason) {
    case 'leak':
    case 'fragmentation':
    case 'emergency':
    case 'age':
      return reason
    default:
      return 'other'
  }
}
