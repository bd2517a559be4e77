import fc from 'fast-check'
import t from 'tap'
import { PlaceSet } from '../../src/cache/place-set.ts'

await t.test('it holds what an ordinary set holds, and knows its largest', async t => {
  // Limits around the powers of 32 at which a level is added.
  const limits = fc.constantFrom(1, 31, 32, 33, 1023, 1024, 1025, 40_000)
  const steps = fc.array(fc.tuple(fc.boolean(), fc.nat()), { maxLength: 200 })
  fc.assert(
    fc.property(limits, steps, (limit, taken) => {
      const places = new PlaceSet(limit)
      const model = new Set<number>()
      for (const [adds, number] of taken) {
        // Often the same ones, so that they meet.
        const place = (number % 2 === 0 ? number : number % 40) % limit
        if (adds && !model.has(place)) {
          places.add(place)
          model.add(place)
        } else if (!adds && places.delete(place) !== model.delete(place)) return false
        if (places.size !== model.size) return false
        if (model.size > 0 && places.largest() !== Math.max(...model)) return false
      }
      return true
    }),
    { numRuns: 300 },
  )
  t.pass()
})

await t.test('the highest place of a word is no negative number', async t => {
  const places = new PlaceSet(64)
  places.add(31)
  t.equal(places.largest(), 31)
  places.add(63)
  t.equal(places.largest(), 63)
  t.ok(places.delete(63))
  t.equal(places.largest(), 31)
})

await t.test('an empty set has no largest', async t => {
  const places = new PlaceSet(0)
  t.equal(places.size, 0)
  t.throws(() => places.largest(), RangeError)
})
