// Finds the bad rows of a list by halving, and writes the others: 50 rows with a bad one take at most 13 statements.
//
// Each half is a statement, and so a transaction, of its own: the list as a whole isn't atomic. Others may see a part of it, and a process that dies in between leaves
// a part of it. That's right only for rows which have nothing to do with each other.
//
// Only a failure that depends on the rows is looked for: when the table is missing or the server away, halves fail as well.
import { readFailure } from '../retry/failure.ts'
import { isRowFailure } from '../retry/sqlstates.ts'

export interface Settle<Item> {
  ok(items: readonly Item[]): void
  failed(items: readonly Item[], error: unknown): void
}

/** Runs the list, and its halves where a row is at fault. Each item is settled once; never throws for what `run` throws. */
export async function writeHalving<Item>(
  items: readonly Item[],
  run: (items: readonly Item[]) => Promise<unknown>,
  settle: Settle<Item>,
): Promise<void> {
  try {
    await run(items)
  } catch (error) {
    if (items.length === 1 || !isAboutRows(error)) return settle.failed(items, error)
    const middle = Math.ceil(items.length / 2)
    // One after the other: the rows are in the order in which everybody locks them.
    await writeHalving(items.slice(0, middle), run, settle)
    return writeHalving(items.slice(middle), run, settle)
  }
  settle.ok(items)
}

function isAboutRows(error: unknown): boolean {
  const failure = readFailure(error)
  // A value that can't even be written into a parameter is a row's fault, and nothing was sent.
  if (failure.from === 'own') return failure.code === 'DB_ERR_PARAMETER'
  return (
    failure.from === 'server' &&
    failure.severity === 'ERROR' &&
    failure.outcome !== 'unknown' &&
    isRowFailure(failure.code)
  )
}
