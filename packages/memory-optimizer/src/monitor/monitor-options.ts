// What can be set of the monitor, checked once.
import type { GcFeed } from '../gc/gc-feed.ts'
import { errorReporter } from '../error-report.ts'
import { MemoryError } from '../errors.ts'
import type { ContainerGauge } from '../limits/container-gauge.ts'
import { numberOption } from '../number-option.ts'
import { type Clock, nodeTimers, type Timers } from '../timers.ts'
import { RAISE_THRESHOLDS, type RaiseThresholds } from './level-decision.ts'
import { checkThresholds, PRESSURE_THRESHOLDS, type PressureThresholds } from './pressure-level.ts'
import type { ProcessReader } from './process-reader.ts'

export interface MemoryMonitorOptions {
  /** Shares of a limit from which each level is entered, 0.01-1, ascending. Default 0.75, 0.85, 0.95. */
  readonly thresholds?: Partial<PressureThresholds>
  /** How far below its threshold a level is left, 0-0.5. Default 0.03. */
  readonly leaveBelow?: number
  /** What raises a level by one. Default: PSI some 10 %, full 1 %; 10 % of the time in collections with a live heap of at least half its limit. */
  readonly raise?: Partial<RaiseThresholds>
  /** Time between samples in ms, 10-60,000. Default 1,000. */
  readonly sampleIntervalMs?: number
  /** The same while nothing happens: level normal, loop less than 2 % busy. At least `sampleIntervalMs`, at most 300,000. Default 5,000. */
  readonly idleIntervalMs?: number
  /** How many processes like this one share the limit; each may use limit / processes. At least 1. Default 1. */
  readonly processes?: number
  /** The share itself, in bytes, at least 1 MiB; instead of `processes`. */
  readonly shareBytes?: number
  /** The limit of V8's old generation in bytes, at least 1 MiB. Default: read from V8's flags. */
  readonly oldSpaceLimitBytes?: number
  /** Default: an own one, closed with the monitor. One given stays open. */
  readonly gcFeed?: GcFeed
  /** Gets what a listener throws. Default: a process warning. */
  readonly onError?: (error: unknown) => void
  /** Default: `performance`. */
  readonly clock?: Clock
  /** Default: Node's. */
  readonly timers?: Timers
  /** Default: this process's figures. */
  readonly reader?: ProcessReader
  /** Default: this process's control groups. */
  readonly gauge?: ContainerGauge
}

export interface MonitorSettings {
  readonly thresholds: PressureThresholds
  readonly leaveBelow: number
  readonly raise: RaiseThresholds
  readonly sampleIntervalMs: number
  readonly idleIntervalMs: number
  readonly processes: number
  readonly shareBytes: number | undefined
  /** Never throws. */
  readonly report: (error: unknown) => void
  readonly clock: Clock
  readonly timers: Timers
}

const MIB = 1024 * 1024

/** @throws MEMORY_ERR_OPTION. */
export function parseMonitorOptions(options: MemoryMonitorOptions): MonitorSettings {
  const { leaveBelow = 0.03, sampleIntervalMs = 1000, processes = 1, shareBytes } = options
  const { idleIntervalMs = Math.max(5000, sampleIntervalMs) } = options
  const raise = { ...RAISE_THRESHOLDS, ...options.raise }
  numberOption('raise.stallSomePercent', raise.stallSomePercent, 0.01, 100)
  numberOption('raise.stallFullPercent', raise.stallFullPercent, 0.01, 100)
  numberOption('raise.gcRatio', raise.gcRatio, 0.001, 1)
  numberOption('raise.gcHeapRatio', raise.gcHeapRatio, 0, 1)
  numberOption('sampleIntervalMs', sampleIntervalMs, 10, 60_000)
  numberOption('idleIntervalMs', idleIntervalMs, sampleIntervalMs, 300_000)
  numberOption('processes', processes, 1)
  if (shareBytes !== undefined) {
    numberOption('shareBytes', shareBytes, MIB)
    if (options.processes !== undefined) {
      throw new MemoryError('MEMORY_ERR_OPTION', 'processes and shareBytes say the same thing: give one of them.')
    }
  }
  return {
    thresholds: checkThresholds({ ...PRESSURE_THRESHOLDS, ...options.thresholds }, leaveBelow),
    leaveBelow,
    raise,
    sampleIntervalMs,
    idleIntervalMs,
    processes,
    shareBytes,
    report: errorReporter(options.onError),
    clock: options.clock ?? performance,
    timers: options.timers ?? nodeTimers,
  }
}
