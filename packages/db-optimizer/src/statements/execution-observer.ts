// What's kept of each execution: its statement's figures, and a line in the log when it was slow.
// @hot: called for every statement.
import type { Running } from '../driver/slot.ts'
import type { RunnableQuery } from '../sql/query.ts'
import type { Execution } from '../sql/run-query.ts'
import type { SlowQueryLog } from './slow-query-log.ts'
import type { StatementStatistics } from './statement-statistics.ts'

export class ExecutionObserver {
  readonly #statistics: StatementStatistics
  readonly #slow: SlowQueryLog | undefined

  constructor(statistics: StatementStatistics, slow: SlowQueryLog | undefined) {
    this.#statistics = statistics
    this.#slow = slow
  }

  readonly observe = (query: RunnableQuery, running: Running, execution: Execution): void => {
    const text = running.text()
    // Nothing was built, so nothing ran.
    if (text === undefined) return
    const { waitMs, executionMs, rows, error } = execution
    const entry = this.#statistics.record(text, waitMs, executionMs, rows, error !== undefined)
    if (this.#slow?.isSlow(waitMs, executionMs) !== true) return
    this.#slow.observe({
      text,
      normalized: entry.text,
      name: query.settings.name,
      waitMs,
      executionMs,
      rows,
      errorCode: error?.sqlState ?? error?.code,
      parameters: running.query.parameters,
    })
  }
}
