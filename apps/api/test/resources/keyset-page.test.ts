import t from 'tap'
import fc from 'fast-check'
import { decodeCursor, encodeCursor, pageFrom } from '../../src/resources/keyset-page.ts'

/** First and last moment that both ISO 8601 in four digits and PostgreSQL have. */
const FIRST_MS = Date.parse('0001-01-01T00:00:00.000Z')
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z')

await t.test('every place comes back from its cursor, and the cursor needs no escaping in a query', async t => {
  const place = fc.record({
    atMs: fc.integer({ min: FIRST_MS, max: LAST_MS }),
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

await t.test('a time in no year from 1 to 9999 is refused: the database could not read it', async t => {
  for (const atMs of [FIRST_MS, LAST_MS]) t.same(decodeCursor(encodeCursor({ atMs, id: 1 })), { atMs, id: 1 })
  for (const atMs of [FIRST_MS - 1, LAST_MS + 1, -8.64e15, 8.64e15]) {
    t.throws(() => decodeCursor(encodeCursor({ atMs, id: 1 })), { code: 'API_ERR_CURSOR' }, String(atMs))
  }
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
