// The numbers that pickers work with. Completed and checked once; a picker reads them without a fallback.
import { LoadBalancingError } from './errors.ts'

/** Options of all strategies in one object, so that a strategy can be changed without touching the rest. */
export interface PickerOptions {
  /**
   * `least-connections`, `peak-ewma` and `least-loaded` compare all candidates up to this count, and two at random above it. Default 16, 1-1024. More
   * compares better and costs more, in proportion; in a large fleet two at random are nearly as good, and don't all run to the same one.
   */
  readonly scanLimit: number
  /** `peak-ewma`: time after which what was seen counts e times less. Default 10000 ms, 100 ms to 10 min. Shorter forgets a slow spell sooner. */
  readonly latencyDecayMs: number
  /**
   * `consistent-hash`: no candidate takes a key's request beyond so many times its share of all requests in flight. Default 1.25, from 1 on;
   * Infinity: keys never leave their candidate. Lower spreads better and moves more requests away from their keys' caches.
   */
  readonly hashLoadFactor: number
  /** `consistent-hash`: whole number that the mapping depends on; the same in all balancers that should agree. Default 0. Secret where keys come from strangers. */
  readonly hashSeed: number
  /** `least-loaded`: time of steady reports before they count: a server that has just started says little. Default 10000 ms, 0 to 10 min. */
  readonly reportBlackoutMs: number
  /** `least-loaded`: age at which a report is no longer believed. Default 5000 ms, 100 ms to 10 min. Longer than the servers' idle reporting interval. */
  readonly reportExpiryMs: number
  /** `least-loaded`: how often reports become weights, at most. Default 1000 ms, 0 to 1 min. */
  readonly reportUpdateMs: number
  /** `least-loaded`: utilization that a ratio of errors of 1 counts as. Default 1, 0-100; 0: errors don't count. */
  readonly reportErrorPenalty: number
}

/** What holds where nothing else is said. */
export const DEFAULT_PICKER_OPTIONS: PickerOptions = Object.freeze({
  scanLimit: 16,
  latencyDecayMs: 10_000,
  hashLoadFactor: 1.25,
  hashSeed: 0,
  reportBlackoutMs: 10_000,
  reportExpiryMs: 5000,
  reportUpdateMs: 1000,
  reportErrorPenalty: 1,
})

const TEN_MINUTES_MS = 600_000

interface Range {
  readonly least: number
  readonly most: number
  readonly whole: boolean
}

const RANGES: Readonly<Record<keyof PickerOptions, Range>> = {
  scanLimit: { least: 1, most: 1024, whole: true },
  latencyDecayMs: { least: 100, most: TEN_MINUTES_MS, whole: false },
  hashLoadFactor: { least: 1, most: Infinity, whole: false },
  hashSeed: { least: -(2 ** 31), most: 2 ** 32 - 1, whole: true },
  reportBlackoutMs: { least: 0, most: TEN_MINUTES_MS, whole: false },
  reportExpiryMs: { least: 100, most: TEN_MINUTES_MS, whole: false },
  reportUpdateMs: { least: 0, most: 60_000, whole: false },
  reportErrorPenalty: { least: 0, most: 100, whole: false },
}

/**
 * Completes the given options with the defaults and freezes them.
 * @throws LoadBalancingError `LOAD_BALANCING_ERR_OPTION` for an unknown name or a value out of its range.
 */
export function completeOptions(given: Partial<PickerOptions>): PickerOptions {
  for (const [name, value] of Object.entries(given) as [string, unknown][]) {
    if (!Object.hasOwn(RANGES, name)) {
      throw new LoadBalancingError(
        'LOAD_BALANCING_ERR_OPTION',
        `There is no option "${name}"; there are: ${Object.keys(RANGES).join(', ')}.`,
      )
    }
    const { least, most, whole } = RANGES[name as keyof PickerOptions]
    if (typeof value === 'number' && value >= least && value <= most && (!whole || Number.isInteger(value))) continue
    throw new LoadBalancingError(
      'LOAD_BALANCING_ERR_OPTION',
      `${name} is a ${whole ? 'whole number' : 'number'} from ${least} to ${most}, not ${String(value)}.`,
    )
  }
  return Object.freeze({ ...DEFAULT_PICKER_OPTIONS, ...given })
}
