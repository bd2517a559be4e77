// The simulated tiers beside the product's: the same reads answered by the same tiers.
import { createCache, type Namespace } from '@plimsoll/cache'
import { SeededRandom } from '@plimsoll/testing'
import t from 'tap'
import { LoneMap } from '../../src/cache/lone-map.ts'
import { LruCurve } from '../../src/cache/lru-curve.ts'
import { memoryHits } from '../../src/cache/memory-hits.ts'
import { ProcessTier } from '../../src/cache/process-tier.ts'
import { hitRatioOf, simulateTiers, type TierSizes } from '../../src/cache/tier-simulation.ts'
import { zipfTrace } from '../../src/cache/zipf-trace.ts'

const KEYS = 400
const SIZES: TierSizes = { memory: 10, machine: 50, far: 100 }

function openNamespace(map: LoneMap, machine: ProcessTier, far: ProcessTier): Namespace<string> {
  return createCache({ map, machine, far }).namespace<string>('items', {
    memory: { maxEntries: SIZES.memory },
    machine: { maxEntries: SIZES.machine },
    far: { maxEntries: SIZES.far },
    jitter: 0,
    earlyRefresh: 0,
  })
}

await t.test('one process: memory, machine, far tier and loader answer as many reads as the product’s', async t => {
  for (const exponent of [0.6, 1, 1.2]) {
    const trace = zipfTrace({ keys: KEYS, exponent, reads: 5_000 }, new SeededRandom(1))
    const namespace = openNamespace(new LoneMap(), new ProcessTier(), new ProcessTier())
    for (const key of trace) await namespace.getOrLoad(String(key), () => `item ${key}`)
    const { hits, misses } = namespace.stats()
    const simulated = simulateTiers(trace, KEYS, SIZES, 1, () => 0)
    t.same({ ...hits, misses }, simulated, `exponent ${exponent}`)
    t.ok(
      Object.values(simulated).every(count => count > 0),
      'each tier answers some',
    )
  }
})

await t.test('several processes over the same machine and far tier', async t => {
  const trace = zipfTrace({ keys: KEYS, exponent: 1, reads: 5_000 }, new SeededRandom(2))
  const shared = [new LoneMap(), new ProcessTier(), new ProcessTier()] as const
  const processes = Array.from({ length: 3 }, () => openNamespace(...shared))
  const choices = new SeededRandom(3)
  for (const key of trace) await choices.pick(processes).getOrLoad(String(key), () => `item ${key}`)
  const random = new SeededRandom(3)
  const simulated = simulateTiers(trace, KEYS, SIZES, 3, () => random.integer(0, 2))
  const sum = (of: (namespace: Namespace<string>) => number) =>
    processes.reduce((total, process) => total + of(process), 0)
  t.same(
    {
      memory: sum(one => one.stats().hits.memory),
      machine: sum(one => one.stats().hits.machine),
      far: sum(one => one.stats().hits.far),
      misses: sum(one => one.stats().misses),
    },
    simulated,
  )
})

await t.test('the product’s memory has the hits of an LRU cache of its size', async t => {
  const trace = zipfTrace({ keys: KEYS, exponent: 0.8, reads: 5_000 }, new SeededRandom(4))
  t.equal(await memoryHits(trace, KEYS, 30), new LruCurve(trace).hits(30))
})

await t.test('the hit ratio counts all tiers', async t => {
  t.equal(hitRatioOf({ memory: 5, machine: 2, far: 1, misses: 2 }), 0.8)
})
