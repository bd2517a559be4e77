// Pages of lists that are read newest first: each page starts after the last row of the one before it (keyset), not at a count of rows (offset). So a page
// costs the same wherever it lies, and rows that come or go meanwhile neither repeat nor hide others.
//
// The cursor is the place of that last row, (time in milliseconds, id), as base64url. It's opaque to clients and checked here down to the byte, but not
// signed: a forged one only starts the list elsewhere.
import { Type, type TSchema } from 'typebox'
import { ApiError } from '../errors.ts'

/** Place of a row in a list that is ordered by time and id, both descending. */
export interface Place {
  /** Milliseconds since the epoch; the column is a timestamptz(3), so nothing is lost. */
  readonly atMs: number
  readonly id: number
}

/** One page; `next` is null on the last. */
export interface Page<Item> {
  readonly items: Item[]
  readonly next: string | null
}

const DEFAULT_LIMIT = 20
const MAX_LIMIT = 50
const MAX_CURSOR_LENGTH = 64
/** Years 1 to 9999: what's written as ISO 8601 beyond them has a sign and six digits, which PostgreSQL doesn't read. No row lies there. */
const MIN_AT_MS = Date.parse('0001-01-01T00:00:00.000Z')
const MAX_AT_MS = Date.parse('9999-12-31T23:59:59.999Z')

/** `limit` and `cursor`, for the query of every list. */
export const pageParameters = {
  limit: Type.Integer({ minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT, description: 'Rows per page.' }),
  cursor: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: MAX_CURSOR_LENGTH,
      description: 'The `next` of the page before; absent for the first page.',
    }),
  ),
}

/** Schema of a page of these items. */
export function PageOf<Item extends TSchema>(item: Item, description: string) {
  return Type.Object(
    {
      items: Type.Array(item),
      next: Type.Union([Type.String(), Type.Null()], { description: 'Cursor of the next page; null on the last.' }),
    },
    { additionalProperties: false, description },
  )
}

/**
 * Makes a page of `limit` items from a list that was read with `limit + 1`: the extra item only tells that there are more.
 * @param placeOf where an item lies in the whole list
 */
export function pageFrom<Item>(rows: readonly Item[], limit: number, placeOf: (item: Item) => Place): Page<Item> {
  const items = rows.slice(0, limit)
  const last = items.at(-1)
  return { items, next: rows.length > limit && last !== undefined ? encodeCursor(placeOf(last)) : null }
}

export function encodeCursor(place: Place): string {
  return Buffer.from(`${place.atMs}:${place.id}`).toString('base64url')
}

/**
 * Reads a cursor that a client sent back.
 * @throws API_ERR_CURSOR unless it's exactly what `encodeCursor` makes of a possible place
 */
export function decodeCursor(cursor: string): Place {
  const match = /^(-?\d{1,16}):(\d{1,16})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'))
  const place = { atMs: Number(match?.[1]), id: Number(match?.[2]) }
  const possible = place.atMs >= MIN_AT_MS && place.atMs <= MAX_AT_MS && Number.isSafeInteger(place.id)
  // Encoding it again refuses every other spelling: base64url has several for some bytes, and Buffer skips characters it doesn't know.
  if (!possible || encodeCursor(place) !== cursor) {
    throw new ApiError('API_ERR_CURSOR', 'The cursor is not one that this service made; start again without it.', {
      issues: [{ field: 'query.cursor', message: 'must be the `next` of an earlier page' }],
    })
  }
  return place
}
