// What the pipeline is made of: the parts that `proxy.ts` joins, handed in by the composition root.
import type { MessageHead } from '@plimsoll/http1'
import type { HashKey } from '@plimsoll/load-balancing'
import type { RateLimiter, RateLimitRefusal } from './admission/rate-limiter.ts'
import type { Deadlines } from './deadlines.ts'
import type { Exchange } from './exchange.ts'
import type { RequestPasses } from './headers/request-passes.ts'
import type { ResponsePasses } from './headers/response-passes.ts'
import type { DecisionRecorder } from './observability/decision-recorder.ts'
import type { ReportIntake } from './reports/report-intake.ts'
import type { RequestRelay } from './request-relay.ts'
import type { StreamTally } from './streams/stream-tally.ts'
import type { Clock } from './transport/timer-wheel.ts'
import type { AnswerReceiver, UpstreamFailure } from './upstream/answer-receiver.ts'
import type { UpstreamConnection } from './upstream/connection.ts'
import type { Endpoint } from './upstream/endpoint.ts'
import type { RetryBudget } from './upstream/retry-budget.ts'
import type { RetryPolicy } from './upstream/retry-policy.ts'
import type { TryReports } from './upstream/try-reports.ts'
import type { UpstreamPool } from './upstream/upstream-pool.ts'

export interface ProxyParts {
  readonly pool: UpstreamPool
  readonly retry: RetryPolicy
  readonly budget: RetryBudget
  readonly reports: TryReports
  /** What endpoints report of their load in the heads of their answers. */
  readonly loadReports: ReportIntake
  readonly relay: RequestRelay
  readonly requestPasses: RequestPasses
  readonly responsePasses: ResponsePasses
  readonly deadlines: Deadlines
  readonly clock: Clock
  readonly random: { next(): number }
  readonly streams: StreamTally
  /** Limits by client address; null when there are none. */
  readonly rateLimiter: RateLimiter | null
  /** What `consistent-hash` keeps together; undefined for strategies that don't hash. */
  hashKeyOf(exchange: Exchange, head: MessageHead): HashKey | undefined
  /** Whether endpoints whose database has room go before others for it. */
  needsDatabase(head: MessageHead): boolean
  /** A connection to the endpoint, kept or new; with `fresh` a new one; with `careful` a kept one is looked at once more. */
  connect(endpoint: Endpoint, receiver: AnswerReceiver, fresh: boolean, careful: boolean): UpstreamConnection
  /** Nobody could be reached at the endpoint's address. */
  onConnectFailure(endpoint: Endpoint, failure: UpstreamFailure): void
  /** Keeps what was decided and why; null when that's switched off. */
  readonly decisions: DecisionRecorder | null
  /** Endpoints are told how much time a request has left. */
  readonly sendsDeadline: boolean
  /** The process has run out of sockets. */
  onExhausted(): void
  /** A client has had its share. */
  onRateLimited(refusal: RateLimitRefusal): void
  /** An exchange has ended, answered or not; told before the channel `lb:exchange:finished`. */
  onFinished(exchange: Exchange): void
}
