// Turns reports into shares of the traffic, four times a second: which part of its weight each endpoint gets, and whose database has room.
//
//   fresh report with trouble (trouble.ts) ──► its weight falls to the trouble's ratio at once, as far as the others have room
//   no trouble any more, or no fresh report ──► it rises by `RISE_PER_STEP` per step, so that what was relieved isn't buried
//   more than half of the fleet in trouble ──► panic: nobody is reduced, for `PANIC_HOLD_MS` at least. The trouble is everybody's then, and
//                                              less for some would only be more for the others.
//
// Invariants
// * Every ratio is from LEAST_RATIO to 1, whatever reports say.
// * Strategies aren't asked: weights are what all but round-robin go by.
// * An endpoint alone, or the only one that may take requests, is never reduced: it's more than half of the fleet.
import type { Clock } from '../transport/timer-wheel.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import type { UpstreamPool } from '../upstream/upstream-pool.ts'
import { lowerMedian, percent, ratioToKeep, troubleOf, type Trouble } from './trouble.ts'

export interface ReportShareOptions {
  /** Age from which a report doesn't count any more. */
  readonly expiryMs: number
  /** Requests waiting for a database connection by which an endpoint's database has no room; 0: it always has. */
  readonly maxDatabaseWaiting: number
}

/** From a tenth to all of its weight in 4.5 s. */
const RISE_PER_STEP = 0.05
/** Lesser changes of a reduced weight aren't worth a new snapshot. */
const WORTHWHILE = 0.02
const PANIC_HOLD_MS = 5000
/** Of the limit, for the smoothed count of waiters: it comes near a steady count without reaching it, and goes well below before there's room. */
const FULL_FROM = 0.75
const ROOM_BELOW = 0.25

export class ReportShares {
  readonly #pool: UpstreamPool
  readonly #clock: Clock
  #options: ReportShareOptions
  #panicUntilMs = Number.NEGATIVE_INFINITY
  #panicking = false

  constructor(pool: UpstreamPool, options: ReportShareOptions, clock: Clock) {
    this.#pool = pool
    this.#options = options
    this.#clock = clock
  }

  configure(options: ReportShareOptions): void {
    this.#options = options
  }

  /** Reports are ignored, because more than half of the fleet says it's in trouble. */
  get isPanicking(): boolean {
    return this.#panicking
  }

  /** Whether what the endpoint last said counts. */
  isFresh({ report }: Endpoint): boolean {
    return report.isFresh(this.#clock.now(), this.#options.expiryMs)
  }

  /** Looks at all reports; true when the pool has to be rebuilt. */
  step(): boolean {
    const nowMs = this.#clock.now()
    const fleet = this.#pool.candidates
    const troubles = this.#troubles(fleet, nowMs)
    if (troubles.size * 2 > fleet.length) this.#panicUntilMs = nowMs + PANIC_HOLD_MS
    this.#panicking = nowMs < this.#panicUntilMs
    const toKeep = this.#toKeep(fleet, troubles, nowMs)
    let changed = false
    for (const endpoint of this.#pool.endpoints) {
      if (this.#move(endpoint, troubles.get(endpoint) ?? null, toKeep)) changed = true
      if (this.#look(endpoint, nowMs)) changed = true
    }
    return changed
  }

  #troubles(fleet: readonly Endpoint[], nowMs: number): Map<Endpoint, Trouble> {
    const fresh = fleet.filter(({ report }) => report.isFresh(nowMs, this.#options.expiryMs))
    const medians = {
      loopDelayMs: lowerMedian(fresh.map(({ report }) => report.loopDelayMs.value)),
      gcRatio: lowerMedian(fresh.map(({ report }) => report.gcRatio.value)),
    }
    const troubles = new Map<Endpoint, Trouble>()
    for (const endpoint of fresh) {
      const trouble = troubleOf(endpoint.report, medians)
      if (trouble !== null) troubles.set(endpoint, trouble)
    }
    return troubles
  }

  /** What those in trouble have to keep of their weights for the others' sake. */
  #toKeep(fleet: readonly Endpoint[], troubles: ReadonlyMap<Endpoint, Trouble>, nowMs: number): number {
    let inTrouble = 0
    let others = 0
    let known = 0
    let used = 0
    for (const endpoint of fleet) {
      const weight = endpoint.configuredWeight
      if (troubles.has(endpoint)) inTrouble += weight
      else others += weight
      const { report } = endpoint
      if (!report.isFresh(nowMs, this.#options.expiryMs) || Number.isNaN(report.utilization.value)) continue
      known += weight
      // Who says more than all isn't busier than busy: it would make the others look as if they had no room.
      used += weight * Math.min(1, report.utilization.value)
    }
    // Where nobody says how busy it is there's nothing to go by.
    return inTrouble === 0 || known === 0 ? 0 : ratioToKeep(used / known, inTrouble, others)
  }

  #move(endpoint: Endpoint, trouble: Trouble | null, toKeep: number): boolean {
    const before = endpoint.reportRatio
    if (this.#panicking) {
      const why =
        trouble === null ? null : `not reduced, as more than half of the fleet reports trouble: ${trouble.why}`
      endpoint.setReportRatio(1, why)
      return before !== 1
    }
    const goal = trouble === null ? 1 : Math.min(trouble.pressureRatio, Math.max(trouble.ratio, toKeep))
    const wanted = Math.min(goal, before + RISE_PER_STEP)
    const ratio = wanted === 1 || Math.abs(wanted - before) >= WORTHWHILE ? wanted : before
    endpoint.setReportRatio(ratio, reason(ratio, trouble, trouble !== null && goal > trouble.ratio))
    return ratio !== before
  }

  /** Whether it has room now and had none before, or the other way round. */
  #look(endpoint: Endpoint, nowMs: number): boolean {
    const { maxDatabaseWaiting, expiryMs } = this.#options
    const { report, databaseHasRoom } = endpoint
    const waiting = report.isFresh(nowMs, expiryMs) ? report.databaseWaiting.value : Number.NaN
    const isFull = waiting >= maxDatabaseWaiting * (databaseHasRoom ? FULL_FROM : ROOM_BELOW)
    endpoint.databaseHasRoom = maxDatabaseWaiting === 0 || !isFull
    return endpoint.databaseHasRoom !== databaseHasRoom
  }
}

function reason(ratio: number, trouble: Trouble | null, isHeld: boolean): string | null {
  if (trouble === null) return ratio === 1 ? null : `rising again, at ${percent(ratio)}`
  const held = isHeld ? ', as the others have no room for more' : ''
  return ratio === 1 ? `not reduced${held}: ${trouble.why}` : `reduced to ${percent(ratio)}${held}: ${trouble.why}`
}
