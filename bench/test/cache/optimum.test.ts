// Belady's MIN against a search of everything that a cache could do.
import fc from 'fast-check'
import t from 'tap'
import { LruCurve } from '../../src/cache/lru-curve.ts'
import { Optimum, optimalHits } from '../../src/cache/optimum.ts'

const traces = fc.array(fc.nat({ max: 5 }), { maxLength: 12 }).map(keys => Uint32Array.from(keys))

await t.test('no way of keeping and giving up has more hits, and one has as many', async t => {
  fc.assert(
    fc.property(traces, fc.nat({ max: 4 }), (trace, entries) => optimalHits(trace, entries) === bestOf(trace, entries)),
    { numRuns: 300 },
  )
  t.pass()
})

await t.test('a value that is not read again for long is not kept at all', async t => {
  // With room for one, whoever always keeps the newest never hits.
  t.equal(optimalHits(Uint32Array.of(0, 1, 0, 2, 0, 3, 0), 1), 3)
  t.equal(new LruCurve(Uint32Array.of(0, 1, 0, 2, 0, 3, 0)).hits(1), 0)
})

await t.test('it is never behind LRU, and more entries never have fewer hits', async t => {
  const longer = fc.array(fc.nat({ max: 30 }), { maxLength: 300 }).map(keys => Uint32Array.from(keys))
  fc.assert(
    fc.property(longer, trace => {
      const optimum = new Optimum(trace)
      const lru = new LruCurve(trace)
      const hits = Array.from({ length: 32 }, (_, entries) => optimum.hits(entries))
      return (
        hits.every((count, entries) => count >= lru.hits(entries)) &&
        hits.every((count, entries) => entries === 0 || count >= (hits[entries - 1] as number))
      )
    }),
    { numRuns: 100 },
  )
  t.pass()
})

await t.test('the fewest entries with so many hits have them, and one less has not', async t => {
  const longer = fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 200 }).map(keys => Uint32Array.from(keys))
  fc.assert(
    fc.property(longer, fc.integer({ min: 1, max: 200 }), (trace, wanted) => {
      const optimum = new Optimum(trace)
      const atMost = new Set(trace).size
      const found = optimum.fewestEntries(wanted, atMost)
      if (found === undefined) return optimum.hits(atMost) < wanted
      return optimum.hits(found) >= wanted && optimum.hits(found - 1) < wanted
    }),
    { numRuns: 100 },
  )
  t.pass()
})

/** Every choice at every read: after it, the value may be kept in place of any other one, or not at all. */
function bestOf(trace: Uint32Array, entries: number): number {
  const known = new Map<string, number>()
  const best = (place: number, kept: readonly number[]): number => {
    if (place === trace.length) return 0
    const name = `${place}:${kept.join()}`
    const found = known.get(name)
    if (found !== undefined) return found
    const key = trace[place] as number
    const isHit = kept.includes(key)
    const nexts = [kept]
    if (!isHit && kept.length < entries) nexts.push([...kept, key])
    if (!isHit) for (const other of kept) nexts.push([...kept.filter(one => one !== other), key])
    const hits =
      (isHit ? 1 : 0) +
      Math.max(
        ...nexts.map(next =>
          best(
            place + 1,
            next.toSorted((a, b) => a - b),
          ),
        ),
      )
    known.set(name, hits)
    return hits
  }
  return best(0, [])
}
