// The figures of a database's statements, put together from the options.
import type { CompleteOptions } from '../options.ts'
import type { ObserveExecution } from '../sql/run-query.ts'
import { ExecutionObserver } from './execution-observer.ts'
import { PlanOnDemand, type Explain } from './plan-on-demand.ts'
import { SlowQueryLog } from './slow-query-log.ts'
import { StatementStatistics } from './statement-statistics.ts'
import { topStatements, type StatementSummary, type TopOrder } from './top-statements.ts'

export interface Statements {
  /** The first `limit` (default 20) by `total` execution time (default), `mean` or `count`. Empty without statement statistics. */
  readonly top: (options?: { readonly order?: TopOrder; readonly limit?: number }) => StatementSummary[]
}

export function statementsOf(
  { statementStatistics, slowQuery }: CompleteOptions,
  { random, explain }: { readonly random: { next(): number }; readonly explain: Explain },
): { readonly report: Statements; readonly observe: ObserveExecution | undefined } {
  if (!statementStatistics) return { report: { top: () => [] }, observe: undefined }
  const statistics = new StatementStatistics()
  const slow =
    slowQuery &&
    new SlowQueryLog(slowQuery, {
      clock: performance,
      random,
      write: slowQuery.write,
      ...(slowQuery.plans ? { plans: new PlanOnDemand(explain, performance) } : {}),
    })
  return {
    report: { top: ({ order = 'total', limit = 20 } = {}) => topStatements(statistics.entries(), order, limit) },
    observe: new ExecutionObserver(statistics, slow).observe,
  }
}
