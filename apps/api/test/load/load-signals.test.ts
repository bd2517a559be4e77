import t from 'tap'
import type { CacheStatistics } from '@plimsoll/cache'
import type { MemoryMonitor } from '@plimsoll/memory-optimizer'
import { loadSignals } from '../../src/load/load-signals.ts'

await t.test('the hit ratio is of the look-ups since the last one, over all kinds and tiers', t => {
  let kinds: readonly (readonly [memory: number, machine: number, far: number, misses: number])[] = []
  const { cacheHitRatio } = loadSignals({
    databaseWaiting: () => 3,
    memory: undefined,
    cache: () => statistics(kinds),
  })
  const ratio = () => cacheHitRatio?.()
  t.same(ratio(), Number.NaN, 'nobody has looked anything up')
  kinds = [[10, 0, 0, 0]]
  t.same(ratio(), Number.NaN, 'ten look-ups are too few to tell')
  kinds = [
    [10, 5, 0, 5],
    [0, 0, 10, 10],
  ]
  t.equal(ratio(), 25 / 40)
  kinds = [
    [10, 5, 0, 105],
    [0, 0, 10, 10],
  ]
  t.equal(ratio(), 0, 'a cache that has gone cold says so')
  t.equal(ratio(), 0, 'and without look-ups the last ratio stands')
  t.end()
})

await t.test('what the monitor knows of the memory is said; without one the report measures for itself', t => {
  const latest = { heapRatio: 0.5, shareRatio: 0.25, loopDelayP99Ms: 7, level: 'critical' }
  const sources = { databaseWaiting: () => 3, cache: () => statistics([]) }
  const signals = loadSignals({ ...sources, memory: { latest } as unknown as MemoryMonitor })
  t.equal(signals.databaseWaiting?.(), 3)
  t.same(
    [signals.heapUtilization?.(), signals.memoryUtilization?.(), signals.loopDelayP99Ms?.(), signals.pressure?.()],
    [0.5, 0.25, 7, 2],
  )
  t.same(Object.keys(loadSignals({ ...sources, memory: undefined })), ['databaseWaiting', 'cacheHitRatio'])
  t.end()
})

function statistics(kinds: readonly (readonly [number, number, number, number])[]): CacheStatistics {
  const namespaces = Object.fromEntries(
    kinds.map(([memory, machine, far, misses], index) => [`kind${index}`, { hits: { memory, machine, far }, misses }]),
  )
  return { namespaces } as unknown as CacheStatistics
}
