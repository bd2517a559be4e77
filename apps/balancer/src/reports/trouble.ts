// What in a report is a reason to send an endpoint less, and how much less.
//
//   memory pressure     warning 75 %, critical 40 %, emergency 10 %
//   loop delay p99      limit / delay, from a limit of max(50 ms, 3 × the fleet's median)
//   time in collections limit / time,  from a limit of max(10 %, 3 × the fleet's median)
//
// The least of the three counts, never less than `LEAST_RATIO`. Delay and collections are compared with the fleet: where all are late the
// machine is, and to send one less would only send the others more. At the limit the ratio is 1, so nothing jumps there.
//
// They count only as far as the others have room: what's taken from an endpoint with a late loop and given to busy ones makes these late. Memory
// that runs out counts in any case: an endpoint that dies takes nothing at all.
import type { EndpointReport } from './endpoint-report.ts'

/** Of its weight an endpoint keeps this much, whatever it says: so that it's seen when it's well again, and no report takes it all. */
export const LEAST_RATIO = 0.1

const PRESSURE_RATIOS: readonly number[] = [1, 0.75, 0.4, LEAST_RATIO]
const PRESSURE_NAMES: readonly string[] = ['normal', 'warning', 'critical', 'emergency']
const LEAST_LIMIT_DELAY_MS = 50
const LEAST_LIMIT_GC_RATIO = 0.1
const TIMES_MEDIAN = 3

/** What others say, for comparison; NaN where nobody says it. */
export interface FleetMedians {
  readonly loopDelayMs: number
  readonly gcRatio: number
}

export interface Trouble {
  /** Part of its weight that it should have, `LEAST_RATIO` to 1 (excluded). */
  readonly ratio: number
  /** The same by memory pressure alone; 1 where there's none. */
  readonly pressureRatio: number
  /** In words, without the ratio. */
  readonly why: string
}

/** Null when nothing is the matter. The report has to be fresh. */
export function troubleOf(report: EndpointReport, medians: FleetMedians): Trouble | null {
  const pressure = report.last?.pressure ?? 0
  const delayMs = report.loopDelayMs.value
  const gcRatio = report.gcRatio.value
  // What isn't said is NaN, and so no trouble: every comparison with it is false.
  const byPressure = PRESSURE_RATIOS[pressure] ?? Number.NaN
  const byDelay = limit(LEAST_LIMIT_DELAY_MS, medians.loopDelayMs) / delayMs
  const byCollections = limit(LEAST_LIMIT_GC_RATIO, medians.gcRatio) / gcRatio
  let ratio = 1
  let why = ''
  if (byPressure < ratio) {
    ratio = byPressure
    why = `memory pressure ${PRESSURE_NAMES[pressure]}`
  }
  if (byDelay < ratio) {
    ratio = byDelay
    why = `loop delay p99 ${Math.round(delayMs)} ms, fleet's median ${Math.round(medians.loopDelayMs)} ms`
  }
  if (byCollections < ratio) {
    ratio = byCollections
    why = `${percent(gcRatio)} of its time in garbage collection, fleet's median ${percent(medians.gcRatio)}`
  }
  return ratio < 1 ? { ratio: Math.max(ratio, LEAST_RATIO), pressureRatio: byPressure < 1 ? byPressure : 1, why } : null
}

/** The lower one of the two in the middle: of two endpoints the better one is the measure. NaN of none. */
export function lowerMedian(values: readonly number[]): number {
  const known = values.filter(value => !Number.isNaN(value)).toSorted((a, b) => a - b)
  return known[(known.length - 1) >> 1] ?? Number.NaN
}

/** Up to this utilization the others take over what's taken from endpoints in trouble. */
const FULL_UTILIZATION = 0.85

/**
 * Part of their weight that endpoints in trouble have to keep, or the others would be busier than `FULL_UTILIZATION`; may be below 0 or above 1.
 * `utilization`: the fleet's, by weight. All of it fits into so much weight that the fleet's would be just full.
 */
export function ratioToKeep(utilization: number, weightInTrouble: number, weightOfOthers: number): number {
  const neededWeight = ((weightInTrouble + weightOfOthers) * utilization) / FULL_UTILIZATION
  return (neededWeight - weightOfOthers) / weightInTrouble
}

export function percent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`
}

function limit(least: number, median: number): number {
  return Number.isNaN(median) ? least : Math.max(least, TIMES_MEDIAN * median)
}
