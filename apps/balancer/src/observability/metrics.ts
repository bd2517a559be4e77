// What the balancer counts, and how it's shown to Prometheus.
//
//   counted per finished exchange   requests, durations, errors, retries, ends, bytes
//   counted per check               duration, failures, changes of health
//   read when scraped               connections, endpoints
//
// Invariants: labels are bounded (methods, codes, reasons and ends from closed sets, endpoints only those that are known now); counters
// never go back while the process lives, except that those of an endpoint go with it.
import { DURATION_BUCKETS_SECONDS } from '@plimsoll/telemetry'
import type { RuleUsage } from '@plimsoll/rate-limit'
import type { LimitRule } from '../admission/rate-limiter.ts'
import type { HealthCheckFinished } from '../channels.ts'
import type { Exchange } from '../exchange.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import type { UpstreamPool } from '../upstream/upstream-pool.ts'
import { DurationHistogram, Exposition } from './exposition.ts'
import { RateLimitMetrics } from './rate-limit-metrics.ts'
import { renderReports, type ReportFigures } from './report-metrics.ts'

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
const STATES = ['starting', 'up', 'down', 'ejected', 'half-open', 'draining'] as const

function stateOf({ administrative, health, circuit }: Endpoint): (typeof STATES)[number] {
  if (administrative === 'draining') return 'draining'
  if (health !== 'up' || circuit.state === 'closed') return health
  return circuit.state === 'open' ? 'ejected' : 'half-open'
}
/** A check is quick or it fails: the time-out is a second unless told otherwise. */
const CHECK_BUCKETS_SECONDS = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 5]

/** What is shown of the clients' side. */
export interface ListenerFigures {
  readonly connectionCount: number
  readonly acceptedTotal: number
  readonly refusedTotal: number
  readonly pausesTotal: number
  readonly activeExchanges: number
}

/** What is shown of the connections to one endpoint. */
export interface ConnectionFigures {
  readonly openCount: number
  readonly idleCount: number
  readonly openedTotal: number
  readonly reusedTotal: number
}

/** What is shown of the budget for retries. */
export interface BudgetFigures {
  /** Retries that would be allowed now. */
  readonly left: number
  readonly exhaustedTotal: number
}

/** Long-lived streams that were told to leave, and that had to be cut, by kind. */
export interface StreamFigures {
  readonly toldTotal: Readonly<Record<string, number>>
  readonly cutTotal: Readonly<Record<string, number>>
}

/** What figures are read from when they're asked for. */
export interface MetricSources {
  readonly pool: UpstreamPool
  readonly listener: ListenerFigures
  readonly budget: BudgetFigures
  readonly streams: StreamFigures
  readonly reports: ReportFigures
  /** Of the limits by address that there are now; empty for none. */
  rateLimits(): readonly RuleUsage[]
  connections(endpoint: Endpoint): ConnectionFigures | null
  /** Monotonic milliseconds. */
  now(): number
}

/** What is counted of one endpoint beside what the endpoint itself knows. */
class EndpointCounts {
  readonly duration = new DurationHistogram(DURATION_BUCKETS_SECONDS)
  readonly checkDuration = new DurationHistogram(CHECK_BUCKETS_SECONDS)
  checkFailures = 0
  transitions = 0
}

/** Counts by one label. */
class Tally {
  readonly counts = new Map<string, number>()

  add(label: string, amount = 1): void {
    this.counts.set(label, (this.counts.get(label) ?? 0) + amount)
  }
}

export class BalancerMetrics {
  readonly #sources: MetricSources
  readonly #buildInfo: Readonly<Record<string, string>>
  readonly #requests = new Tally()
  readonly #duration = new Map<string, DurationHistogram>()
  readonly #errors = new Tally()
  readonly #retries = new Tally()
  readonly #ends = new Tally()
  /** Weak: the figures of an endpoint go with it. */
  readonly #endpoints = new WeakMap<Endpoint, EndpointCounts>()
  #retriesAnswered = 0
  #requestBytes = 0
  #answerBytes = 0
  readonly #ejections = new Tally()
  readonly #suppressed = new Tally()
  readonly #notRetried = new Tally()
  readonly #rateLimits = new RateLimitMetrics()
  #reloads = 0
  #reloadedWell = true

  constructor(sources: MetricSources, buildInfo: Readonly<Record<string, string>>) {
    this.#sources = sources
    this.#buildInfo = buildInfo
  }

  /** Counts an exchange that has ended. */
  count(exchange: Exchange): void {
    const { method, status, startedAtMs, sentAtMs, endedAtMs, endpoint, end, errorCode, retryReasons } = exchange
    this.#requests.add(`${METHODS.has(method) ? method : 'other'} ${status === 0 ? 'none' : status}`)
    const codeClass = status === 0 ? 'none' : `${Math.floor(status / 100)}xx`
    let duration = this.#duration.get(codeClass)
    if (!duration) this.#duration.set(codeClass, (duration = new DurationHistogram(DURATION_BUCKETS_SECONDS)))
    duration.record((endedAtMs - startedAtMs) / 1000)
    this.#ends.add(end ?? 'none')
    this.#requestBytes += exchange.requestBodyBytes
    this.#answerBytes += exchange.answerBodyBytes
    if (errorCode !== null) this.#errors.add(errorCode)
    if (exchange.notRetriedBecause !== null) this.#notRetried.add(exchange.notRetriedBecause)
    if (end === 'answered' && endpoint) this.#of(endpoint).duration.record((endedAtMs - sentAtMs) / 1000)
    if (retryReasons === null) return
    for (const reason of retryReasons) this.#retries.add(reason)
    if (end === 'answered') this.#retriesAnswered++
  }

  /** Counts a health check that has ended. */
  countCheck({ endpoint, durationMs, failure }: HealthCheckFinished): void {
    const counts = this.#of(endpoint)
    counts.checkDuration.record(durationMs / 1000)
    if (failure !== null) counts.checkFailures++
  }

  /** Counts a change of an endpoint's health. */
  countTransition(endpoint: Endpoint): void {
    this.#of(endpoint).transitions++
  }

  countEjection(cause: string): void {
    this.#ejections.add(cause)
  }

  /** An ejection that was not made because too many endpoints are out. */
  countSuppressed(cause: string): void {
    this.#suppressed.add(cause)
  }

  /** A request was refused because its client has had its share. */
  countRateLimited(rule: LimitRule): void {
    this.#rateLimits.count(rule)
  }

  countReload(done: boolean): void {
    if (done) this.#reloads++
    this.#reloadedWell = done
  }

  #of(endpoint: Endpoint): EndpointCounts {
    let counts = this.#endpoints.get(endpoint)
    if (!counts) this.#endpoints.set(endpoint, (counts = new EndpointCounts()))
    return counts
  }

  /** The balancer's own samples; process figures come from the registry beside it. */
  render(): string {
    const out = new Exposition()
    out
      .metric('lb_build_info', 'gauge', 'Always 1; the labels say what runs.')
      .sample('lb_build_info', this.#buildInfo, 1)
    this.#renderRequests(out)
    this.#rateLimits.render(out, this.#sources.rateLimits())
    this.#renderListener(out)
    this.#renderEndpoints(out)
    this.#renderOutliers(out)
    renderReports(out, this.#sources.pool.endpoints, this.#sources.reports)
    this.#renderConnections(out)
    this.#renderChecks(out)
    return out.toString()
  }

  #renderRequests(out: Exposition): void {
    out.metric(
      'lb_requests_total',
      'counter',
      'Requests by method and status sent to the client; code none means no answer was sent.',
    )
    for (const [key, count] of this.#requests.counts) {
      const [method = '', code = ''] = key.split(' ')
      out.sample('lb_requests_total', { route: 'default', method, code }, count)
    }
    out.metric(
      'lb_request_duration_seconds',
      'histogram',
      'Time from a complete request head to the end of the exchange.',
    )
    for (const [code, histogram] of this.#duration)
      out.histogram('lb_request_duration_seconds', { route: 'default', code }, histogram)
    out
      .metric('lb_requests_active', 'gauge', 'Requests under way.')
      .sample('lb_requests_active', {}, this.#sources.listener.activeExchanges)
    out.tally(
      'lb_request_ends_total',
      'How exchanges ended: answered, refused by us, or not in full.',
      'end',
      this.#ends.counts,
    )
    out.tally(
      'lb_errors_total',
      'Exchanges that ended with an error of the balancer, by its code.',
      'code',
      this.#errors.counts,
    )
    out.tally('lb_retries_total', 'Tries beyond the first, by what the try before met.', 'reason', this.#retries.counts)
    out.counter('lb_retry_success_total', 'Requests that were sent again and then answered.', this.#retriesAnswered)
    const { left, exhaustedTotal } = this.#sources.budget
    out
      .metric('lb_retry_budget_left', 'gauge', 'Retries that the budget would allow at this moment.')
      .sample('lb_retry_budget_left', {}, left)
    out.counter('lb_retry_budget_exhausted_total', 'Retries that were not made because of the budget.', exhaustedTotal)
    out.tally(
      'lb_retries_skipped_total',
      'Requests that were not sent again after a failure, by what stood against it.',
      'reason',
      this.#notRetried.counts,
    )
    const { toldTotal, cutTotal } = this.#sources.streams
    out.tally(
      'lb_streams_told_total',
      'WebSockets and event streams that were told to leave.',
      'kind',
      new Map(Object.entries(toldTotal)),
    )
    out.tally(
      'lb_streams_cut_total',
      'WebSockets and event streams that did not leave in time.',
      'kind',
      new Map(Object.entries(cutTotal)),
    )
    out.counter('lb_config_reloads_total', 'Configurations that were taken at run time.', this.#reloads)
    out
      .metric('lb_config_last_reload_successful', 'gauge', '1 unless the last reload was refused.')
      .sample('lb_config_last_reload_successful', {}, this.#reloadedWell ? 1 : 0)
    out.counter('lb_request_body_bytes_total', 'Content received from clients.', this.#requestBytes)
    out.counter('lb_answer_body_bytes_total', 'Content of answers sent on to clients.', this.#answerBytes)
  }

  #renderListener(out: Exposition): void {
    const { connectionCount, acceptedTotal, refusedTotal, pausesTotal } = this.#sources.listener
    out
      .metric('lb_connections_active', 'gauge', 'Connections of clients.')
      .sample('lb_connections_active', { protocol: 'http' }, connectionCount)
    out.counter('lb_connections_total', 'Connections of clients that were accepted.', acceptedTotal)
    out.counter('lb_connections_refused_total', 'Connections refused because of a limit.', refusedTotal)
    out.counter(
      'lb_accept_pauses_total',
      'Times that accepting paused because no file descriptors were left.',
      pausesTotal,
    )
  }

  #renderEndpoints(out: Exposition): void {
    const { endpoints } = this.#sources.pool
    const gauge = (name: string, help: string, value: (endpoint: Endpoint) => number) => {
      out.metric(name, 'gauge', help)
      for (const endpoint of endpoints) out.sample(name, { server: endpoint.id }, value(endpoint))
    }
    gauge('lb_upstream_up', '1 when the endpoint may take requests, else 0.', endpoint =>
      endpoint.mayTakeRequests ? 1 : 0,
    )
    out.metric('lb_upstream_state', 'gauge', '1 for the state that the endpoint is in, 0 for the others.')
    for (const endpoint of endpoints) {
      const now = stateOf(endpoint)
      for (const state of STATES) out.sample('lb_upstream_state', { server: endpoint.id, state }, state === now ? 1 : 0)
    }
    gauge('lb_upstream_weight', 'Configured weight.', ({ configuredWeight }) => configuredWeight)
    gauge(
      'lb_upstream_weight_effective',
      'Weight at this moment: slow start and reports lower it.',
      ({ weight }) => weight,
    )
    gauge(
      'lb_upstream_requests_active',
      'Requests sent and not yet answered in full.',
      ({ activeRequests }) => activeRequests,
    )
    out.metric(
      'lb_upstream_requests_total',
      'counter',
      'Requests sent, each try counted, by class of the answer; none means no answer.',
    )
    for (const { id, answersByClass, failuresTotal } of endpoints) {
      for (const codeClass of [2, 3, 4, 5] as const)
        out.sample('lb_upstream_requests_total', { server: id, code: `${codeClass}xx` }, answersByClass[codeClass])
      out.sample('lb_upstream_requests_total', { server: id, code: 'none' }, failuresTotal)
    }
    out.metric(
      'lb_upstream_request_duration_seconds',
      'histogram',
      'Time from sending a request to the last byte of its answer, for answers that came whole.',
    )
    for (const endpoint of endpoints)
      out.histogram('lb_upstream_request_duration_seconds', { server: endpoint.id }, this.#of(endpoint).duration)
  }

  #renderOutliers(out: Exposition): void {
    const { endpoints, isPanicking } = this.#sources.pool
    out.tally(
      'lb_outlier_ejections_total',
      'Endpoints taken out because of their requests.',
      'reason',
      this.#ejections.counts,
    )
    out.tally(
      'lb_outlier_ejections_suppressed_total',
      'Ejections that were not made because too many endpoints are out.',
      'reason',
      this.#suppressed.counts,
    )
    out
      .metric('lb_outlier_ejections_active', 'gauge', 'Endpoints that are out because of their requests.')
      .sample('lb_outlier_ejections_active', {}, endpoints.filter(({ circuit }) => circuit.state !== 'closed').length)
    out.metric('lb_circuit_open', 'gauge', '1 while the circuit of the endpoint is open, 0.5 while it is half-open.')
    for (const { id, circuit } of endpoints)
      out.sample('lb_circuit_open', { server: id }, { closed: 0, 'half-open': 0.5, open: 1 }[circuit.state])
    out
      .metric('lb_panic', 'gauge', '1 while too few endpoints may take requests, so that all are used.')
      .sample('lb_panic', {}, isPanicking ? 1 : 0)
  }

  #renderConnections(out: Exposition): void {
    const figures = this.#sources.pool.endpoints.map(
      endpoint => [endpoint.id, this.#sources.connections(endpoint)] as const,
    )
    out.metric('lb_upstream_connections', 'gauge', 'Connections to the endpoint by state.')
    for (const [server, pool] of figures) {
      if (!pool) continue
      out.sample('lb_upstream_connections', { server, state: 'idle' }, pool.idleCount)
      out.sample('lb_upstream_connections', { server, state: 'used' }, pool.openCount - pool.idleCount)
    }
    out.metric('lb_upstream_connections_opened_total', 'counter', 'Connections opened to the endpoint.')
    for (const [server, pool] of figures)
      if (pool) out.sample('lb_upstream_connections_opened_total', { server }, pool.openedTotal)
    out.metric('lb_upstream_connection_reuses_total', 'counter', 'Requests that found a kept connection.')
    for (const [server, pool] of figures)
      if (pool) out.sample('lb_upstream_connection_reuses_total', { server }, pool.reusedTotal)
  }

  #renderChecks(out: Exposition): void {
    const all = this.#sources.pool.endpoints.map(endpoint => [endpoint.id, this.#of(endpoint)] as const)
    out.metric('lb_health_check_duration_seconds', 'histogram', 'How long health checks took, failed ones too.')
    for (const [server, counts] of all)
      out.histogram('lb_health_check_duration_seconds', { server }, counts.checkDuration)
    out.metric('lb_health_check_failures_total', 'counter', 'Health checks that failed.')
    for (const [server, counts] of all) out.sample('lb_health_check_failures_total', { server }, counts.checkFailures)
    out.metric('lb_health_check_transitions_total', 'counter', 'Changes of health: up, down.')
    for (const [server, counts] of all) out.sample('lb_health_check_transitions_total', { server }, counts.transitions)
  }
}
