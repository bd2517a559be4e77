// What a reporter can be told. Completed and checked once.
import { performance } from 'node:perf_hooks'
import { LoadReportError } from './errors.ts'

/** Fields of a report that a signal can give. */
export const SIGNAL_NAMES = [
  'utilization',
  'memoryUtilization',
  'loopDelayP99Ms',
  'gcRatio',
  'heapUtilization',
  'databaseWaiting',
  'cacheHitRatio',
  'pressure',
] as const

/**
 * A field's value now, in its unit (see `LoadReport`). Called when a report is made, in the middle of a request, so it has to be quick. NaN,
 * or a throw, leaves the field out.
 */
export type Signal = () => number

/** A function gives the field, and nothing is measured for it; null leaves it out; without one it's measured, or left out where nothing is. */
export type Signals = { readonly [Name in (typeof SIGNAL_NAMES)[number]]?: Signal | null }

export interface LoadReporterOptions {
  /** `databaseWaiting`, `cacheHitRatio` and `pressure` are only reported when given. */
  readonly signals?: Signals
  /** Age at which a report is made anew, when the next is asked for. Default 100 ms, 10 ms to 10 s. Shorter is no more exact: rates are of `windowMs`. */
  readonly rebuildAfterMs?: number
  /** Time over which utilization, requests, errors and collections are counted. Default 1000 ms, 100 ms to 60 s, not less than `rebuildAfterMs`. Longer is calmer and later. */
  readonly windowMs?: number
  /** A clock in milliseconds that never goes back. Default: Node's `performance`. */
  readonly clock?: { now(): number }
}

export interface CompleteOptions {
  readonly signals: Signals
  readonly rebuildAfterMs: number
  readonly windowMs: number
  readonly clock: { now(): number }
}

const OPTION_NAMES = ['signals', 'rebuildAfterMs', 'windowMs', 'clock']

/** @throws LoadReportError `LOAD_REPORT_ERR_OPTION` for an unknown name or a value out of its range. */
export function completeOptions(given: LoadReporterOptions): CompleteOptions {
  checkNames('option', given, OPTION_NAMES)
  const { signals = {}, rebuildAfterMs = 100, windowMs = 1000, clock = performance } = given
  checkNames('signal', signals, SIGNAL_NAMES)
  for (const [name, signal] of Object.entries(signals) as [string, unknown][]) {
    if (signal === null || signal === undefined || typeof signal === 'function') continue
    throw invalid(
      `signals.${name} is a function that returns a number, or null to leave it out, not of type ${typeof signal}.`,
    )
  }
  checkRange('rebuildAfterMs', rebuildAfterMs, 10, 10_000)
  checkRange('windowMs', windowMs, 100, 60_000)
  if (windowMs < rebuildAfterMs) {
    throw invalid(
      `windowMs (${windowMs}) is less than rebuildAfterMs (${rebuildAfterMs}): a report would leave out time that no other covers. Make it at least as long.`,
    )
  }
  return Object.freeze({ signals, rebuildAfterMs, windowMs, clock })
}

function checkNames(kind: string, given: object, names: readonly string[]): void {
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) throw invalid(`There is no ${kind} "${name}"; there are: ${names.join(', ')}.`)
  }
}

function checkRange(name: string, value: unknown, least: number, most: number): void {
  if (typeof value === 'number' && value >= least && value <= most) return
  throw invalid(`${name} is a number of milliseconds from ${least} to ${most}, not ${String(value)}.`)
}

function invalid(message: string): LoadReportError {
  return new LoadReportError('LOAD_REPORT_ERR_OPTION', message)
}
