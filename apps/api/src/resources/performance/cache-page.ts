// The answer of `GET /performance/cache/stats`, made of one look, and of the shared tiers as this worker sees them. Pure.
import type { CacheStatistics } from '@plimsoll/cache'
import { describeTier } from '../health/components.ts'
import { thousandths } from '../health/thousandths.ts'
import type { CacheStats } from './cache-schema.ts'
import type { Look } from './look.ts'
import type { MetricFigures } from './metric-figures.ts'
import type { About } from './parts.ts'

export function cachePage(
  { figures }: Look,
  about: About,
  { machine, far }: Pick<CacheStatistics, 'machine' | 'far'>,
): CacheStats {
  const namespaces = cacheNamespaces(figures)
  return {
    ...about,
    hitRatio: hitRatio(figures.total('cache_hits_total'), figures.total('cache_misses_total')),
    namespaces,
    tiers: {
      memory: {
        entries: figures.total('cache_memory_entries'),
        bytes: Math.round(figures.total('cache_memory_bytes')),
      },
      machine: describeTier(machine),
      far: describeTier(far),
    },
    workersOutOfTouch: figures.total('cache_out_of_touch'),
  }
}

/** What each namespace has done, by name. */
export function cacheNamespaces(figures: MetricFigures): CacheStats['namespaces'] {
  const misses = figures.totalsBy('cache_misses_total', 'namespace')
  return Array.from(misses.keys())
    .toSorted()
    .map(name => {
      const of = ({ namespace }: Readonly<Record<string, unknown>>) => namespace === name
      const hits = figures.totalsBy('cache_hits_total', 'tier', of)
      const loads = figures.totalsBy('cache_loads_total', 'outcome', of)
      const [memory, machine, far] = ['memory', 'machine', 'far'].map(tier => hits.get(tier) ?? 0) as [
        number,
        number,
        number,
      ]
      const missed = misses.get(name) ?? 0
      return {
        name,
        hits: { memory, machine, far },
        misses: missed,
        hitRatio: hitRatio(memory + machine + far, missed),
        staleServed: figures.total('cache_stale_served_total', of),
        loads: { ok: loads.get('ok') ?? 0, failed: loads.get('failed') ?? 0, timedOut: loads.get('timeout') ?? 0 },
        entries: figures.total('cache_memory_entries', of),
        bytes: Math.round(figures.total('cache_memory_bytes', of)),
      }
    })
}

function hitRatio(hits: number, misses: number): number | null {
  return hits + misses === 0 ? null : thousandths(hits / (hits + misses))
}
