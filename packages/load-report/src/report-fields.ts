// The wire form, once for both directions.
//
//   endpoint-load-metrics = "TEXT" SP entry *( "," entry )          entry = name "=" number
//   name   = one of ORCA's own, or "named_metrics." and any other   number = DIGITS [ "." DIGITS ]
//
// ORCA's own names are those of xds.data.orca.v3.OrcaLoadReport. Envoy refuses a whole TEXT report for one name that's not among the five it
// knows, or for one that comes twice; so everything else is a named metric, and nothing is sent twice.
import type { LoadReport } from './load-report.ts'

export interface ReportField {
  readonly property: keyof LoadReport
  /** On the wire; also in ORCA's JSON form. */
  readonly name: string
  /** Under `named_metrics`. */
  readonly named: boolean
  /** The largest that can be, in the property's unit; the least is 0. What's beyond says nothing and isn't believed. */
  readonly most: number
  /** Digits behind the point on the wire: enough to decide by, few enough to be short. */
  readonly decimals: number
  /** The property's value for 1 on the wire. */
  readonly scale: number
  readonly whole: boolean
}

const RATIO = { most: 1, decimals: 4, scale: 1, whole: false } as const
const PER_SECOND = { most: 1e9, decimals: 2, scale: 1, whole: false } as const
const COUNT = { decimals: 0, scale: 1, whole: true } as const

/** In the order in which they're written. */
export const REPORT_FIELDS: readonly ReportField[] = [
  { ...RATIO, property: 'utilization', name: 'application_utilization', named: false, most: 100 },
  { ...RATIO, property: 'memoryUtilization', name: 'mem_utilization', named: false },
  { ...PER_SECOND, property: 'requestsPerSecond', name: 'rps_fractional', named: false },
  { ...PER_SECOND, property: 'errorsPerSecond', name: 'eps', named: false },
  { ...COUNT, property: 'sequence', name: 'sequence', named: true, most: Number.MAX_SAFE_INTEGER },
  // To the microsecond, at most an hour.
  {
    property: 'loopDelayP99Ms',
    name: 'loop_delay_p99_seconds',
    named: true,
    most: 3_600_000,
    decimals: 6,
    scale: 1000,
    whole: false,
  },
  { ...RATIO, property: 'gcRatio', name: 'gc_ratio', named: true },
  { ...RATIO, property: 'heapUtilization', name: 'heap_utilization', named: true },
  { ...COUNT, property: 'databaseWaiting', name: 'db_waiting', named: true, most: 1e6 },
  { ...RATIO, property: 'cacheHitRatio', name: 'cache_hit_ratio', named: true },
  { ...COUNT, property: 'pressure', name: 'pressure', named: true, most: 3 },
]

/** Where the names of our own stand. */
export const NAMED_METRICS = 'named_metrics'

/** Of a server that knows no better measure than its processor; only read. A number above 0 in `application_utilization` goes before it. */
export const CPU_UTILIZATION: ReportField = {
  ...RATIO,
  property: 'utilization',
  name: 'cpu_utilization',
  named: false,
  most: 100,
}

/** Whether it's a value that the field can have, in the property's unit. */
export function canBe({ most, whole }: ReportField, value: number): boolean {
  return value >= 0 && value <= most && (!whole || Number.isInteger(value))
}
