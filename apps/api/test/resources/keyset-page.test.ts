import t from 'tap'
import fc from 'fast-check'
import { decodeCursor, encodeCursor, pageFrom } from '../../src/resources/keyset-page.ts'

await t.test('every place comes back from its cursor, and the cursor needs no escaping in a query', async t => {
  const place = fc.record({
    atMs: fc.integer({ min: -8.64e15, max: 8.64e15 }),
    id: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  })
  fc.assert(
    fc.property(place, place => {
      const cursor = encodeCursor(place)
      const back = decodeCursor(cursor)
      return /^[A-Za-z0-9_-]{1,64}$/.test(cursor) && back.atMs === place.atMs && back.id === place.id
    }),
    { numRuns: 500 },
  )
  t.pass('500 places')
})

await t.test('a text that decodes is the cursor of what it decodes to, so no place has two', async t => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.base64String(),
        fc.string().map(text => Buffer.from(text).toString('base64url')),
      ),
      text => {
        try {
          return encodeCursor(decodeCursor(text)) === text
        } catch (error) {
          return (error as { code?: string }).code === 'API_ERR_CURSOR'
        }
      },
    ),
    { numRuns: 1000 },
  )
  t.pass('1000 texts')
})

await t.test('a page shows its limit and points behind its last item only when there are more', async t => {
  const rows = [1, 2, 3].map(id => ({ id }))
  const placeOf = ({ id }: { id: number }) => ({ atMs: 1000, id })
  t.same(pageFrom(rows, 2, placeOf), { items: [{ id: 1 }, { id: 2 }], next: encodeCursor({ atMs: 1000, id: 2 }) })
  t.same(pageFrom(rows, 3, placeOf), { items: rows, next: null })
  t.same(pageFrom([], 3, placeOf), { items: [], next: null })
})
