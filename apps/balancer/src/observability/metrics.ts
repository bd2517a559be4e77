// What the balancer counts, and how it's shown to Prometheus.
//
// Invariants: labels are bounded (methods and codes from closed sets, endpoints only those that are known now); counters never go back
// while the process lives.
import { channels, type ExchangeFinished } from '../channels.ts'
import { DURATION_BUCKETS_SECONDS } from '@plimsoll/telemetry'
import type { Endpoint } from '../upstream/endpoint.ts'
import type { UpstreamPool } from '../upstream/upstream-pool.ts'
import { DurationHistogram, Exposition } from './exposition.ts'

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])

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

export class BalancerMetrics {
  readonly #pool: UpstreamPool
  readonly #listener: ListenerFigures
  readonly #connections: (endpoint: Endpoint) => ConnectionFigures | null
  readonly #requests = new Map<string, number>()
  readonly #duration = new Map<string, DurationHistogram>()
  readonly #errors = new Map<string, number>()
  readonly #retries = new Map<string, number>()
  #healthTransitions = 0
  readonly #onFinished = (message: unknown) => this.#count(message as ExchangeFinished)
  readonly #onHealth = () => this.#countHealth()

  constructor(
    pool: UpstreamPool,
    listener: ListenerFigures,
    connections: (endpoint: Endpoint) => ConnectionFigures | null,
  ) {
    this.#pool = pool
    this.#listener = listener
    this.#connections = connections
  }

  start(): void {
    channels.exchangeFinished.subscribe(this.#onFinished)
    channels.endpointHealthChanged.subscribe(this.#onHealth)
  }

  stop(): void {
    channels.exchangeFinished.unsubscribe(this.#onFinished)
    channels.endpointHealthChanged.unsubscribe(this.#onHealth)
  }

  #count({ exchange }: ExchangeFinished): void {
    const method = METHODS.has(exchange.method) ? exchange.method : 'other'
    const code = exchange.status === 0 ? 'none' : String(exchange.status)
    const key = `${method} ${code}`
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1)
    const codeClass = exchange.status === 0 ? 'none' : `${Math.floor(exchange.status / 100)}xx`
    let duration = this.#duration.get(codeClass)
    if (!duration) this.#duration.set(codeClass, (duration = new DurationHistogram(DURATION_BUCKETS_SECONDS)))
    duration.record((exchange.endedAtMs - exchange.startedAtMs) / 1000)
    if (exchange.errorCode) this.#errors.set(exchange.errorCode, (this.#errors.get(exchange.errorCode) ?? 0) + 1)
    for (const reason of exchange.retryReasons ?? []) this.#retries.set(reason, (this.#retries.get(reason) ?? 0) + 1)
  }

  #countHealth(): void {
    this.#healthTransitions++
  }

  /** The balancer's own samples; process figures come from the registry beside it. */
  render(): string {
    const out = new Exposition()
    out.metric(
      'lb_requests_total',
      'counter',
      'Requests by method and status sent to the client; code none means no answer was sent.',
    )
    for (const [key, count] of this.#requests) {
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
      .sample('lb_requests_active', {}, this.#listener.activeExchanges)
    out.metric('lb_errors_total', 'counter', 'Exchanges that ended with an error of the balancer, by its code.')
    for (const [code, count] of this.#errors) out.sample('lb_errors_total', { code }, count)
    out.metric('lb_retries_total', 'counter', 'Tries beyond the first, by what the try before met.')
    for (const [reason, count] of this.#retries) out.sample('lb_retries_total', { reason }, count)
    out.metric('lb_health_check_transitions_total', 'counter', 'Changes of health over all endpoints.')
    out.sample('lb_health_check_transitions_total', {}, this.#healthTransitions)
    this.#renderListener(out)
    this.#renderEndpoints(out)
    this.#renderConnections(out)
    return out.toString()
  }

  #renderListener(out: Exposition): void {
    const { connectionCount, acceptedTotal, refusedTotal, pausesTotal } = this.#listener
    out
      .metric('lb_connections_active', 'gauge', 'Connections of clients.')
      .sample('lb_connections_active', { protocol: 'http' }, connectionCount)
    out
      .metric('lb_connections_total', 'counter', 'Connections of clients that were accepted.')
      .sample('lb_connections_total', {}, acceptedTotal)
    out
      .metric('lb_connections_refused_total', 'counter', 'Connections refused because of a limit.')
      .sample('lb_connections_refused_total', {}, refusedTotal)
    out.metric(
      'lb_accept_pauses_total',
      'counter',
      'Times that accepting paused because the process had no file descriptors left.',
    )
    out.sample('lb_accept_pauses_total', {}, pausesTotal)
  }

  #renderConnections(out: Exposition): void {
    const figures = this.#pool.endpoints.map(endpoint => [endpoint.id, this.#connections(endpoint)] as const)
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

  #renderEndpoints(out: Exposition): void {
    const endpoints = this.#pool.endpoints
    out.metric('lb_upstream_up', 'gauge', '1 when the endpoint may take requests, else 0.')
    for (const endpoint of endpoints)
      out.sample('lb_upstream_up', { server: endpoint.id }, endpoint.mayTakeRequests ? 1 : 0)
    out.metric('lb_upstream_weight', 'gauge', 'Configured weight.')
    for (const endpoint of endpoints) out.sample('lb_upstream_weight', { server: endpoint.id }, endpoint.weight)
    out.metric('lb_upstream_requests_active', 'gauge', 'Requests sent and not yet answered in full.')
    for (const endpoint of endpoints)
      out.sample('lb_upstream_requests_active', { server: endpoint.id }, endpoint.activeRequests)
    out.metric(
      'lb_upstream_requests_total',
      'counter',
      'Requests sent, each try counted, by class of the answer; none means no answer.',
    )
    for (const endpoint of endpoints) {
      for (const codeClass of [2, 3, 4, 5] as const) {
        out.sample(
          'lb_upstream_requests_total',
          { server: endpoint.id, code: `${codeClass}xx` },
          endpoint.answersByClass[codeClass],
        )
      }
      out.sample('lb_upstream_requests_total', { server: endpoint.id, code: 'none' }, endpoint.failuresTotal)
    }
  }
}
