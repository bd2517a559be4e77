// The whole fleet at one moment, as values: what its workers are doing, and all of its metrics as `metrics()` would print them.
//
// It's made by the supervisor and goes to whichever worker asks. What a worker gets is read like anything else that comes over a channel: taken
// whole, or not at all.
import { fleetHealth, type FleetHealth } from './fleet-health.ts'
import { parseMetrics, type MetricSnapshot } from './metrics/metric-snapshot.ts'
import type { WorkerStatus } from './worker-status.ts'

/** One process of the fleet, as the others may know it: nothing of paths, and of how earlier ones ended. */
export type FleetWorker = Pick<
  WorkerStatus,
  | 'worker'
  | 'generation'
  | 'pid'
  | 'state'
  | 'retiring'
  | 'onProbation'
  | 'unreadyReason'
  | 'utilization'
  | 'reportAgeMs'
  | 'startedAtMs'
  | 'uptimeMs'
  | 'restarts'
  | 'crashLoop'
  | 'recycleRequested'
>

/** How many workers there are to be. */
export interface FleetSize {
  readonly wanted: number
  /** Fewest and most; the same where the number doesn't follow the load. */
  readonly min: number
  readonly max: number
}

/** The fleet at one moment. */
export interface FleetFigures {
  /** When it was taken, in milliseconds since the epoch. */
  readonly atMs: number
  readonly size: FleetSize
  readonly health: FleetHealth
  readonly workers: readonly FleetWorker[]
  /** The workers' figures put together, what ended ones had counted included, and the supervisor's own. */
  readonly metrics: readonly MetricSnapshot[]
}

/** The fleet, from what the supervisor knows of it. */
export function fleetFigures(
  atMs: number,
  size: FleetSize,
  statuses: readonly WorkerStatus[],
  metrics: readonly MetricSnapshot[],
): FleetFigures {
  const workers = statuses.map(status => ({
    worker: status.worker,
    generation: status.generation,
    pid: status.pid,
    state: status.state,
    retiring: status.retiring,
    onProbation: status.onProbation,
    unreadyReason: status.unreadyReason,
    utilization: status.utilization,
    reportAgeMs: status.reportAgeMs,
    startedAtMs: status.startedAtMs,
    uptimeMs: status.uptimeMs,
    restarts: status.restarts,
    crashLoop: status.crashLoop,
    recycleRequested: status.recycleRequested,
  }))
  return { atMs, size, health: fleetHealth(statuses, atMs), workers, metrics }
}

/** Reads figures as they came over the channel; null when they aren't of this form. */
export function parseFleetFigures(value: unknown): FleetFigures | null {
  if (!isRecord(value)) return null
  const { atMs, size, health, workers, metrics } = value
  if (!isNumber(atMs) || !isSize(size) || !isHealth(health)) return null
  if (!isListOf(workers, isWorker) || !Array.isArray(metrics)) return null
  return { atMs, size, health, workers, metrics: parseMetrics(metrics) }
}

function isSize(value: unknown): value is FleetSize {
  return isRecord(value) && isNumber(value['wanted']) && isNumber(value['min']) && isNumber(value['max'])
}

const HEALTH: ReadonlySet<unknown> = new Set<FleetHealth['status']>(['ok', 'degraded', 'down'])

function isHealth(value: unknown): value is FleetHealth {
  if (!isRecord(value) || !HEALTH.has(value['status'])) return false
  return isNumber(value['ready']) && isNumber(value['workers']) && isListOf(value['reasons'], isText)
}

const STATES: ReadonlySet<unknown> = new Set<FleetWorker['state']>([
  'starting',
  'ready',
  'unready',
  'draining',
  'stopping',
  'ended',
  'backing-off',
])

/** What each field of a worker has to be. */
const WORKER_FIELDS: Readonly<Record<keyof FleetWorker, (value: unknown) => boolean>> = {
  worker: isNumber,
  generation: isNumber,
  pid: value => value === null || isNumber(value),
  state: value => STATES.has(value),
  retiring: isFlag,
  onProbation: isFlag,
  unreadyReason: value => value === null || isText(value),
  utilization: value => value === null || isNumber(value),
  reportAgeMs: value => value === null || isNumber(value),
  startedAtMs: isNumber,
  uptimeMs: isNumber,
  restarts: isNumber,
  crashLoop: isFlag,
  recycleRequested: value =>
    value === null ||
    (isRecord(value) && isText(value['reason']) && isText(value['detail']) && isNumber(value['sinceMs'])),
}

function isWorker(value: unknown): value is FleetWorker {
  return isRecord(value) && Object.entries(WORKER_FIELDS).every(([name, isRight]) => isRight(value[name]))
}

function isListOf<Item>(value: unknown, isItem: (item: unknown) => item is Item): value is readonly Item[] {
  return Array.isArray(value) && (value as readonly unknown[]).every(isItem)
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}

function isFlag(value: unknown): value is boolean {
  return typeof value === 'boolean'
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
