// Writes the picks of the pipeline into the log of decisions.
//
//   before the pick: who could be taken, with which figures ──► after it: who was ──► when the try is over: how it ended
//
// Figures are taken before the pick, which changes them. Strings that are stored exist already.
//
// Requests that the limits by address refuse have a log of their own, made with the first of them: a flood of them pushes out no pick.
// @hot
import type { DecisionSource } from '../admin/admin-control.ts'
import type { DecisionView } from '../admin/admin-views.ts'
import type { RateLimitRefusal } from '../admission/rate-limiter.ts'
import type { Exchange } from '../exchange.ts'
import type { Clock } from '../transport/timer-wheel.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import type { PickKind, UpstreamPool } from '../upstream/upstream-pool.ts'
import { DecisionLog, type DecisionLogOptions } from './decision-log.ts'

/** Requests refused by a limit that are kept, if so many decisions are. */
const MAX_LIMITED = 256

export class DecisionRecorder implements DecisionSource {
  /** Picks that are kept. */
  readonly size: number
  readonly #log: DecisionLog
  readonly #pool: UpstreamPool
  readonly #clock: Clock
  readonly #limitedOptions: DecisionLogOptions
  #limited: DecisionLog | null = null

  constructor(options: DecisionLogOptions, pool: UpstreamPool, clock: Clock) {
    this.size = options.size
    this.#log = new DecisionLog(options)
    this.#limitedOptions = { ...options, size: Math.min(options.size, MAX_LIMITED) }
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

  /** Nobody is asked, because the client has had its share. */
  limited(exchange: Exchange, { error, rule, what }: RateLimitRefusal): void {
    this.#limited ??= new DecisionLog(this.#limitedOptions)
    const handle = this.#limited.begin(exchange.id, 1, this.#clock.now(), 'none', 'rate-limited')
    const detail = `${error.detail} It was ${what}; again in ${error.retryAfterS} s.`
    this.#limited.end(handle, error.status, 'refused', error.code, detail, rule, null)
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

  // ——— reading ———

  find(requestId: string): DecisionView[] {
    return [...(this.#limited?.find(requestId) ?? []), ...this.#log.find(requestId)]
  }

  /** Picks only. */
  latest(limit: number): DecisionView[] {
    return this.#log.latest(limit)
  }
}

function codeOf(cause: unknown): string | null {
  const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined
  return typeof code === 'string' ? code : null
}
