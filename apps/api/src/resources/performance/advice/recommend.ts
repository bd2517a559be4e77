// All rules over one snapshot, in an order that depends on nothing else: the worst first, then by area, then by id.
import { lowHitRatios, outOfTouch, tiersDown } from './cache-rules.ts'
import {
  bufferHits,
  connectionBudget,
  databaseDown,
  openCircuits,
  poolQueue,
  poolRefusals,
  poolSaturation,
  poolWaits,
  routesAway,
  slowStatements,
} from './database-rules.ts'
import { sequentialScans, unusedIndexes } from './index-rules.ts'
import {
  busyLoops,
  crashLoop,
  errorRate,
  leaks,
  memoryLimitAhead,
  memoryPressure,
  slowLoops,
  workersNotReady,
} from './load-rules.ts'
import type { Rule } from './rule.ts'
import { AREAS, SEVERITIES, type Recommendation } from './schema.ts'
import type { Snapshot } from './snapshot.ts'

export const RULES: readonly Rule[] = [
  workersNotReady,
  crashLoop,
  errorRate,
  databaseDown,
  routesAway,
  openCircuits,
  poolQueue,
  poolSaturation,
  poolRefusals,
  poolWaits,
  connectionBudget,
  slowStatements,
  bufferHits,
  memoryPressure,
  memoryLimitAhead,
  leaks,
  busyLoops,
  slowLoops,
  lowHitRatios,
  tiersDown,
  outOfTouch,
  unusedIndexes,
  sequentialScans,
]

export function recommend(snapshot: Snapshot): Recommendation[] {
  return RULES.flatMap(rule => rule(snapshot)).toSorted(byImportance)
}

function byImportance(a: Recommendation, b: Recommendation): number {
  return (
    SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity) ||
    AREAS.indexOf(a.area) - AREAS.indexOf(b.area) ||
    (a.id < b.id ? -1 : 1)
  )
}
