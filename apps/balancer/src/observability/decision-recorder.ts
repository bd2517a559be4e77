// Writes the picks of the pipeline into the log of decisions.
//
//   before the pick: who could be taken, with which figures ──► after it: who was ──► when the try is over: how it ended
//
// Figures are taken before the pick, which changes them. Strings that are stored exist already.
// @hot
import type { Exchange } from '../exchange.ts'
import type { Clock } from '../transport/timer-wheel.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import type { PickKind, UpstreamPool } from '../upstream/upstream-pool.ts'
import type { DecisionLog } from './decision-log.ts'

export class DecisionRecorder {
  readonly #log: DecisionLog
  readonly #pool: UpstreamPool
  readonly #clock: Clock

  constructor(log: DecisionLog, pool: UpstreamPool, clock: Clock) {
    this.#log = log
    this.#pool = pool
    this.#clock = clock
  }

  /** A pick is about to be made. */
  begin(exchange: Exchange): void {
    const { candidates, leftOut, picker } = this.#pool
    const { tried, hashKey } = exchange
    const handle = this.#log.begin(exchange.id, tried.length + 1, this.#clock.now(), picker.strategy)
    exchange.decision = handle
    for (const endpoint of candidates) {
      if (tried.length > 0 && tried.includes(endpoint)) this.#log.leftOut(handle, endpoint.id, 'tried before')
      else {
        const score = this.#pool.scoreOf(endpoint, hashKey)
        this.#log.candidate(handle, endpoint.id, score, endpoint.weight, endpoint.activeRequests)
      }
    }
    for (const { id, why } of leftOut) this.#log.leftOut(handle, id, why)
  }

  chose(exchange: Exchange, endpoint: Endpoint, kind: PickKind): void {
    this.#log.choose(exchange.decision, kind, endpoint.id)
  }

  /** The try is over, and another one follows. */
  retried(exchange: Exchange, code: string, detail: string, cause: unknown): void {
    this.#log.end(exchange.decision, 0, 'retried', code, detail, codeOf(cause), null)
  }

  /** The exchange is over. */
  finished(exchange: Exchange): void {
    if (exchange.decision === -1) return
    const { decision, status, end, errorCode, errorDetail, errorCause, notRetriedBecause } = exchange
    this.#log.end(decision, status, end ?? 'none', errorCode, errorDetail, codeOf(errorCause), notRetriedBecause)
  }
}

function codeOf(cause: unknown): string | null {
  const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined
  return typeof code === 'string' ? code : null
}
