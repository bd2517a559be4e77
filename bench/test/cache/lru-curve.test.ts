import fc from 'fast-check'
import t from 'tap'
import { LruCurve } from '../../src/cache/lru-curve.ts'
import { LruSet } from '../../src/cache/lru-set.ts'

const KEYS = 20
const traces = fc.array(fc.nat({ max: KEYS - 1 }), { maxLength: 200 }).map(keys => Uint32Array.from(keys))

/** Keys in their order of use, the latest last. */
function countedHits(trace: Uint32Array, entries: number): number {
  let used: number[] = []
  let hits = 0
  for (const key of trace) {
    if (used.includes(key)) hits++
    used = [...used.filter(other => other !== key), key].slice(entries === 0 ? Infinity : -entries)
  }
  return hits
}

await t.test('for every size it has the hits that a cache of that size counts', async t => {
  fc.assert(
    fc.property(traces, trace => {
      const curve = new LruCurve(trace)
      return [0, 1, 2, 5, 19, 20, 1000].every(entries => curve.hits(entries) === countedHits(trace, entries))
    }),
    { numRuns: 200 },
  )
  t.pass()
})

await t.test('a set of keys by use holds what such a cache holds', async t => {
  fc.assert(
    fc.property(traces, fc.nat({ max: 25 }), (trace, entries) => {
      const set = new LruSet(KEYS, entries)
      let hits = 0
      for (const key of trace) {
        if (set.use(key)) hits++
        else set.hold(key)
      }
      return hits === countedHits(trace, entries)
    }),
    { numRuns: 200 },
  )
  t.pass()
})

await t.test('the fewest entries with so many hits have them, and one less has not', async t => {
  const curve = new LruCurve(Uint32Array.of(0, 1, 2, 0, 1, 2, 2))
  t.equal(curve.distinct, 3)
  t.equal(curve.fewestEntries(1), 1)
  t.equal(curve.fewestEntries(2), 3)
  t.equal(curve.fewestEntries(4), 3)
  t.equal(curve.fewestEntries(5), undefined, 'first reads are misses in every cache')
  t.equal(curve.fewestEntries(0), 0)
})
