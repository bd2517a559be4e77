// Rules about those who serve: the fleet, its answers, its memory and its event loops.
import { percent, reached, shown, type Rule } from './rule.ts'
import { THRESHOLDS } from './thresholds.ts'

export const workersNotReady: Rule = ({ fleet: { ready, workers } }) => {
  if (ready >= workers) return []
  return [
    {
      id: 'workers-not-ready',
      area: 'fleet',
      severity: ready === 0 ? 'critical' : 'warning',
      title: `${workers - ready} of ${workers} workers are not ready`,
      evidence: [reached('workers that are ready', ready, 'count', workers), shown('workers', workers, 'count')],
      action: "`/performance/metrics` says why under `architecture.health.reasons`; the workers' log says more.",
    },
  ]
}

export const crashLoop: Rule = ({ fleet: { crashLoops } }) => {
  if (crashLoops === 0) return []
  return [
    {
      id: 'crash-loop',
      area: 'fleet',
      severity: 'critical',
      title: `${crashLoops} ${crashLoops === 1 ? 'worker crashes' : 'workers crash'} again and again`,
      evidence: [reached('workers in a crash loop', crashLoops, 'count', 1)],
      action:
        'Read the last lines that it wrote to standard error; go back to the version before if it began with a deploy.',
    },
  ]
}

export const errorRate: Rule = ({ requests: { total, errors } }) => {
  const { ratio: limit, leastRequests } = THRESHOLDS.errors
  const ratio = total === 0 ? 0 : errors / total
  if (total < leastRequests || ratio < limit) return []
  return [
    {
      id: 'error-rate',
      area: 'requests',
      severity: ratio >= 10 * limit ? 'critical' : 'warning',
      title: `${percent(ratio)} of all answers are errors of the server`,
      evidence: [
        reached('errors of all answers', ratio, 'ratio', limit),
        shown('errors', errors, 'count'),
        shown('requests', total, 'count'),
      ],
      action: 'Look for the route and the code in `api_requests_total`, and for their request ids in the log.',
    },
  ]
}

export const memoryPressure: Rule = ({ memory }) => {
  const { warningLevel, criticalLevel } = THRESHOLDS.memory
  if (memory === null || memory.pressureLevel < warningLevel) return []
  return [
    {
      id: 'memory-pressure',
      area: 'memory',
      severity: memory.pressureLevel >= criticalLevel ? 'critical' : 'warning',
      title: `A worker uses ${percent(memory.nearestLimitRatio)} of a memory limit`,
      evidence: [
        reached('level of pressure', memory.pressureLevel, 'level', warningLevel),
        shown('use of the nearest limit', memory.nearestLimitRatio, 'ratio'),
      ],
      action:
        'Raise MEMORY_LIMIT_MIB or run fewer workers; `memory_heap_ratio`, `memory_share_ratio` and `memory_container_ratio` say which limit it is.',
    },
  ]
}

export const memoryLimitAhead: Rule = ({ memory }) => {
  const limit = THRESHOLDS.memory.limitWithinS
  if (memory === null || memory.limitInS > limit) return []
  return [
    {
      id: 'memory-limit-ahead',
      area: 'memory',
      severity: 'warning',
      title: `A worker reaches a memory limit in ${Math.max(1, Math.round(memory.limitInS / 60))} minutes at its present slope`,
      evidence: [
        reached('time to the limit', memory.limitInS, 's', limit),
        shown('use of the nearest limit', memory.nearestLimitRatio, 'ratio'),
      ],
      action:
        'With more load this is what more load takes; without, look for a leak: set MEMORY_PROFILE_FOLDER and read the next profile.',
    },
  ]
}

export const leaks: Rule = ({ leaks: found }) =>
  found.map(({ worker, slopeMibPerMinute, timeToLimitS, asksToBeReplaced }) => ({
    id: `leak:worker-${worker}`,
    area: 'memory' as const,
    severity: 'warning' as const,
    title: `Worker ${worker} leaks memory${asksToBeReplaced ? ', and waits to be replaced' : ''}`,
    evidence: [
      reached('verdicts of a leak', 1, 'count', 1),
      ...(slopeMibPerMinute === null
        ? []
        : [shown('growth in a minute', slopeMibPerMinute * 2 ** 20, 'bytes' as const)]),
      ...(timeToLimitS === null ? [] : [shown('time to the limit', timeToLimitS, 's' as const)]),
    ],
    action:
      'A replacement only gains time: set MEMORY_PROFILE_FOLDER, and look in the heap profile for what is allocated and stays.',
  }))

export const busyLoops: Rule = ({ loops }) => {
  const limit = THRESHOLDS.eventLoop.utilisationRatio
  const busy = loops.filter(({ utilisationRatio }) => utilisationRatio >= limit)
  const busiest = Math.max(...busy.map(({ utilisationRatio }) => utilisationRatio))
  if (busy.length === 0) return []
  return [
    {
      id: 'busy-event-loops',
      area: 'event-loop',
      severity: 'warning',
      title: `The event loops of ${busy.length} of ${loops.length} workers are busy almost all the time`,
      evidence: [
        reached('utilisation of the busiest', busiest, 'ratio', limit),
        shown('busy workers', busy.length, 'count'),
        shown('workers', loops.length, 'count'),
      ],
      action:
        busy.length === loops.length
          ? 'Raise API_MAX_WORKERS while there are cores to spare, or add a machine; a CPU profile says what could be cheaper.'
          : 'Where only some are busy look for one expensive request or a task that runs in one worker; a CPU profile of it shows which.',
    },
  ]
}

export const slowLoops: Rule = ({ loopDelayP99Ms }) => {
  const limit = THRESHOLDS.eventLoop.delayP99Ms
  if (loopDelayP99Ms === null || loopDelayP99Ms < limit) return []
  return [
    {
      id: 'event-loop-delay',
      area: 'event-loop',
      severity: 'warning',
      title: `An event loop stands still for ${Math.round(loopDelayP99Ms)} ms at times`,
      evidence: [reached('99th percentile of its delay', loopDelayP99Ms, 'ms', limit)],
      action:
        'Every request in flight waits for that long: look for long synchronous work (parsing, sorting, regular expressions) in a CPU profile.',
    },
  ]
}
