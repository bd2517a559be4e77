// The table that's read, and what its rows look like: an answer can be checked without asking anybody.

/** Rows of the table; ids go from 1 to this. */
export const ITEMS = 10_000
/** Statements that are written as templates name it themselves. */
export const TABLE = 'bench_items'
export const ITEM_KEY = { id: 'int4' } as const
export const ITEM_COLUMNS = ['id', 'name', 'body'] as const

export interface Item {
  readonly id: number
  readonly name: string
  readonly body: string
}

const BODY_CHARACTERS = 200
const BODY = 'x'.repeat(BODY_CHARACTERS)
const NAMES = Array.from({ length: ITEMS + 1 }, (_, id) => `item ${id}`)

/** Makes the table, filled and analysed; one after the other. */
export const TABLE_STATEMENTS = [
  `create table ${TABLE} (id int4 primary key, name text not null, body text not null)`,
  `insert into ${TABLE} select id, 'item ' || id, repeat('x', ${BODY_CHARACTERS}) from generate_series(1, ${ITEMS}) as id`,
  `vacuum analyze ${TABLE}`,
] as const

/** The row as it stands in the table. */
export function itemOf(id: number): Item {
  return { id, name: NAMES[id] ?? '', body: BODY }
}

/** What makes an answer wrong, as a sentence; null when it's the row of this key. @hot */
export function faultOf(row: Item | null | undefined, id: number): string | null {
  const right = row?.id === id && row.name === NAMES[id] && row.body.length === BODY_CHARACTERS
  return right ? null : `item ${id} was asked for, and the answer was ${JSON.stringify(row)?.slice(0, 100)}`
}
