// What an endpoint last reported, as the admin API shows it.
import type { EndpointView } from '../admin/admin-views.ts'
import type { Endpoint } from '../upstream/endpoint.ts'

const PRESSURES = ['normal', 'warning', 'critical', 'emergency'] as const

/** Null when nothing has come from it that is believed. `counts`: whether it's fresh. */
export function reportView(
  { report, databaseHasRoom }: Endpoint,
  nowMs: number,
  counts: boolean,
): EndpointView['reported'] {
  const { last } = report
  if (last === null) return null
  return {
    ageMs: Math.round(report.ageMs(nowMs)),
    counts,
    sequence: known(last.sequence),
    utilization: known(last.utilization),
    requestsPerSecond: known(last.requestsPerSecond),
    errorsPerSecond: known(last.errorsPerSecond),
    loopDelayP99Ms: known(last.loopDelayP99Ms),
    gcRatio: known(last.gcRatio),
    memoryUtilization: known(last.memoryUtilization),
    heapUtilization: known(last.heapUtilization),
    cacheHitRatio: known(last.cacheHitRatio),
    databaseWaiting: known(last.databaseWaiting),
    databaseHasRoom,
    pressure: PRESSURES[last.pressure] ?? null,
  }
}

function known(value: number): number | null {
  return Number.isNaN(value) ? null : value
}
