// Counts and times every request, for Prometheus and for the health pages.
//
// Labels are bounded: `route` is the pattern that was registered, not the path that was asked for; methods that Fastify doesn't route are `OTHER`;
// `code` is the status, or `499` where the client went away first.
import fastifyPlugin from 'fastify-plugin'
import {
  type Count,
  type Distribution,
  DURATION_BUCKETS_SECONDS,
  Gauge,
  QuickCounter,
  QuickHistogram,
  type Registry,
} from '@plimsoll/telemetry'
import type { RequestFigures } from '../http/request-figures.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'OTHER'] as const
const OTHER = METHODS.indexOf('OTHER')
const NO_ROUTE = 'none'
/** Above every status. */
const CODES = 1000

export interface MetricsOptions {
  readonly registry: Registry
  readonly figures: RequestFigures
}

/** What is counted of one route. */
interface RouteFigures {
  readonly durations: Distribution
  /** By method and code, as one number. */
  readonly counts: Map<number, Count>
}

export const metrics = fastifyPlugin<MetricsOptions>(
  (app, options, done) => {
    const { registry, figures } = options
    const requests = new QuickCounter({
      name: 'api_requests_total',
      help: 'Requests that were answered or given up, by route, method and status code.',
      labelNames: ['route', 'method', 'code'],
      registry,
    })
    const durations = new QuickHistogram({
      name: 'api_request_duration_seconds',
      help: 'Time from the first hook to the end of the answer.',
      buckets: DURATION_BUCKETS_SECONDS,
      registry,
    })
    registry.registerMetric(
      new Gauge({
        name: 'api_requests_active',
        help: 'Requests that are being worked on now.',
        registers: [],
        aggregator: 'sum',
        collect() {
          this.set(figures.active)
        },
      }),
    )

    const routes = new Map<string, RouteFigures>()
    const figuresOf = (route: string): RouteFigures => {
      let found = routes.get(route)
      if (found === undefined) {
        found = { durations: durations.distribution({ route }), counts: new Map() }
        routes.set(route, found)
      }
      return found
    }
    const countOf = (counts: Map<number, Count>, route: string, method: string, code: number): Count => {
      const known = METHODS.indexOf(method as (typeof METHODS)[number])
      const index = known === -1 ? OTHER : known
      const key = index * CODES + code
      let found = counts.get(key)
      if (found === undefined) {
        found = requests.count({ route, method: METHODS[index] ?? 'OTHER', code: String(code) })
        counts.set(key, found)
      }
      return found
    }

    app.addHook('onRequest', (_request, _reply, next) => {
      figures.started()
      next()
    })
    app.onRequestEnd(({ method }, reply, code, route = NO_ROUTE) => {
      const durationMs = reply.elapsedTime
      figures.ended(code, durationMs)
      const own = figuresOf(route)
      own.durations.observe(durationMs / 1000)
      countOf(own.counts, route, method, code).value += 1
    })
    done()
  },
  { name: 'metrics', dependencies: ['request-end'] },
)
