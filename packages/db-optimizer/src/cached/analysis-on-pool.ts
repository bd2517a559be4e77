// Asks what a statement depends on, on a connection of the pool that's lent for it, in a short transaction of its own.
import { runTransaction, type TransactionParts } from '../transaction/transaction.ts'
import { ANALYSIS_TIMEOUT_MS, analyseUnder } from './analysis.ts'
import type { Analyse } from './known-statements.ts'

export function analysisOn(parts: TransactionParts): Analyse {
  const { functionWrites = {} } = parts
  const options = { name: 'cache.analysis', timeoutMs: ANALYSIS_TIMEOUT_MS, readOnly: false } as const
  return async statement => {
    const found = await runTransaction(
      parts,
      tx => analyseUnder(fn => tx.savepoint(fn), statement, functionWrites),
      options,
    )
    return found as Awaited<ReturnType<Analyse>>
  }
}
