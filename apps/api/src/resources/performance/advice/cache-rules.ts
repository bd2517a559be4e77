// Rules about the cache.
import { percent, reached, shown, type Rule } from './rule.ts'
import { THRESHOLDS } from './thresholds.ts'

export const lowHitRatios: Rule = ({ namespaces }) => {
  const { leastHitRatio: limit, leastLookUps } = THRESHOLDS.cache
  return namespaces.flatMap(({ name, hits, misses }) => {
    const lookUps = hits + misses
    const ratio = hits / lookUps
    if (lookUps < leastLookUps || ratio >= limit) return []
    return [
      {
        id: `cache-hits:${name}`,
        area: 'cache' as const,
        severity: 'advice' as const,
        title: `The cache answers ${percent(ratio)} of what is asked of "${name}"`,
        evidence: [
          reached('hits of all look-ups', ratio, 'ratio', limit),
          shown('hits', hits, 'count'),
          shown('misses', misses, 'count'),
        ],
        action:
          'Look at `cache_evictions_total`: many ask for more entries, few for a longer time or fewer invalidations; keys that never come again are better not cached.',
      },
    ]
  })
}

export const tiersDown: Rule = ({ cache }) =>
  cache.tiersDown.map(tier => ({
    id: `cache-tier-down:${tier}`,
    area: 'cache' as const,
    severity: 'warning' as const,
    title: `The ${tier === 'far' ? 'far tier of the cache' : "tier of the cache that the machine's workers share"} is off or fails`,
    evidence: [reached('highest `cache_tier_down` of the workers', 1, 'level', 1)],
    action: 'The log has the reason (category `cache`); until then more is loaded from the database.',
  }))

export const outOfTouch: Rule = ({ cache: { workersOutOfTouch } }) => {
  if (workersOutOfTouch === 0) return []
  return [
    {
      id: 'cache-out-of-touch',
      area: 'cache',
      severity: 'warning',
      title: `${workersOutOfTouch} ${workersOutOfTouch === 1 ? 'worker does' : 'workers do'} not hear of changes that others make`,
      evidence: [reached('workers out of touch', workersOutOfTouch, 'count', 1)],
      action:
        'They keep values for a second only. Look in the log (category `cache`) for what they wait: the shared memory, which CACHE_L2=false does without, or the log of changes in the database.',
    },
  ]
}
