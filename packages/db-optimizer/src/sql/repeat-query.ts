// Repeats lone statements that failed, where that's safe. The first execution has nothing to do with it but a count: what works pays nothing.
//
//     failed ──► could it have left something behind? ──► pause, other connection or route ──► again, 3 executions at most
//
// Invariants
// * What isn't declared `idempotent` runs again only when the server can't have kept anything of it.
// * Nothing runs again whose rows have reached a callback, and nothing that may commit in parts (CALL, DO, several statements in one text): there an error
//   doesn't mean that all of it was undone.
// * The repetitions end within the time that the statement was given.
import { channels } from '../channels.ts'
import { nodeTimers } from '../retry/pause.ts'
import { RetryPolicy } from '../retry/retry-policy.ts'
import { retrying } from '../retry/retrying.ts'
import type { RetryBudget } from '../retry/retry-budget.ts'
import type { Routes } from '../routes/routes.ts'
import { soleStatementWord } from '../statements/sql-tokens.ts'
import type { RunnableQuery } from './query.ts'
import type { FailedExecution, Repeat, SessionRunner } from './run-query.ts'

export interface RepeatTools {
  readonly budget: RetryBudget
  readonly random: { next(): number }
  readonly routes: Routes
  /** Executions in all; 1: nothing is repeated. */
  readonly maxAttempts: number
}

/** Statements that are one transaction, whatever they contain; only a query can begin with a bracket. */
const ATOMIC: ReadonlySet<string> = new Set([
  '(',
  'select',
  'insert',
  'update',
  'delete',
  'merge',
  'with',
  'values',
  'table',
])

export class RepeatQuery implements Repeat {
  readonly #runner: SessionRunner
  readonly #tools: RepeatTools
  readonly #policy: RetryPolicy

  constructor(runner: SessionRunner, tools: RepeatTools) {
    this.#runner = runner
    this.#tools = tools
    this.#policy = new RetryPolicy({ budget: tools.budget, random: tools.random }, { maxAttempts: tools.maxAttempts })
  }

  called(): void {
    this.#tools.budget.called()
  }

  takes(query: RunnableQuery, failed: FailedExecution): boolean {
    const { outcome } = failed.error
    const { idempotent = false } = query.settings
    if (outcome === 'failed' || (outcome === 'unknown' && !idempotent) || query.cancelRequested) return false
    if (outcome !== 'not-executed') {
      const delivers = query.forEachFn !== undefined || query.cursorFn !== undefined
      if (delivers || query.onlyDescribe === true || !isAtomic(failed.text)) return false
    }
    void this.#repeat(query, failed, idempotent)
    return true
  }

  async #repeat(query: RunnableQuery, failed: FailedExecution, idempotent: boolean): Promise<void> {
    const { settings } = query
    const { session } = this.#runner
    const deadlineMs = nodeTimers.now() - failed.elapsedMs + (settings.timeoutMs ?? session.timeoutMs)
    const cancelled = new AbortController()
    const signal =
      settings.signal === undefined ? cancelled.signal : AbortSignal.any([settings.signal, cancelled.signal])
    try {
      const result = await retrying<unknown>(
        attempt =>
          this.#runner.again(
            query,
            { timeoutMs: Math.max(1, deadlineMs - nodeTimers.now()), avoidRoutes: attempt.avoidRoutes },
            slot => {
              attempt.route = slot.poolName
              attempt.phase = 'execute'
            },
          ),
        {
          policy: this.#policy,
          timers: nodeTimers,
          readOnly: false,
          idempotent,
          deadlineMs,
          signal,
          name: settings.name,
          first: { error: failed.error, phase: 'execute', route: failed.slot.poolName },
          hasOtherRoute: avoid => this.#tools.routes.hasOther(avoid),
          onFailedAttempt: ({ attempt, classification, decision }) => {
            // A pause begins, for which the query has nothing to cancel.
            query.onCancel = () => cancelled.abort()
            channels.queryRetried.publish({
              name: settings.name,
              attempt,
              outcome: classification.kind,
              reason: classification.reason,
              again: decision.again,
              because: decision.again ? undefined : decision.because,
              inTransaction: false,
            })
          },
        },
      )
      query.resolve(result)
    } catch (error) {
      query.reject(error)
    } finally {
      query.onCancel = undefined
    }
  }
}

/** Whether an error means that nothing of it remains. */
export function isAtomic(text: string | undefined): boolean {
  const word = text === undefined ? undefined : soleStatementWord(text)
  return word !== undefined && ATOMIC.has(word)
}
