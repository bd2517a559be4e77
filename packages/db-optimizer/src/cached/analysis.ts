// Asks the server what a statement depends on, under a savepoint that is always undone: nothing of it remains.
import type { RunnableQuery } from '../sql/query.ts'
import type { Transaction } from '../transaction/transaction.ts'
import type { Ask } from './catalog.ts'
import { dependenciesOf, type Dependencies, type FunctionWrites, type StatementText } from './dependencies.ts'

/** Of the transaction that asks, in ms; waiting for a connection included. */
export const ANALYSIS_TIMEOUT_MS = 2000

/** @throws DbError, SyntaxError */
export async function analyseUnder(
  savepoint: (fn: (tx: Transaction) => Promise<never>) => Promise<unknown>,
  statement: StatementText,
  functionWrites: FunctionWrites,
): Promise<Dependencies> {
  const undo = new Error('Nothing of this is to remain.')
  let found: Dependencies | undefined
  try {
    await savepoint(async tx => {
      found = await dependenciesOf(askOn(tx), statement, functionWrites)
      throw undo
    })
  } catch (error) {
    if (error !== undo || found === undefined) throw error
  }
  return found as Dependencies
}

/** One statement at a time and no more: in the extended protocol the server refuses a text that has several. */
function askOn(tx: Transaction): Ask {
  return async text => {
    const query = tx.unsafe(text)
    ;(query as unknown as RunnableQuery).options.simple = false
    const [row] = (await query.values()) as unknown as readonly (readonly unknown[])[]
    const value = row?.[0]
    return typeof value === 'string' ? value : null
  }
}
