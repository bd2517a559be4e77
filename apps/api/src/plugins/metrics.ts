// Counts and times every request, for Prometheus and for the health pages.
//
// Labels are bounded: `route` is the pattern that was registered, not the path that was asked for; methods that Fastify doesn't route are `OTHER`;
// `code` is the status, or `499` where the client went away first (a status that nobody sends, as nginx uses it).
import fastifyPlugin from 'fastify-plugin'
import { Counter, DURATION_BUCKETS_SECONDS, Gauge, Histogram, type Registry } from '@plimsoll/telemetry'
import type { RequestFigures } from '../http/request-figures.ts'

const KNOWN_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'])
const NO_ROUTE = 'none'
export const CLIENT_WENT_AWAY = 499

export interface MetricsOptions {
  readonly registry: Registry
  readonly figures: RequestFigures
}

export const metrics = fastifyPlugin<MetricsOptions>(
  (app, options, done) => {
    const { registry, figures } = options
    const requests = new Counter({
      name: 'api_requests_total',
      help: 'Requests that were answered or given up, by route, method and status code.',
      labelNames: ['route', 'method', 'code'],
      registers: [registry],
    })
    const durations = new Histogram({
      name: 'api_request_duration_seconds',
      help: 'Time from the first hook to the end of the answer.',
      labelNames: ['route'],
      buckets: [...DURATION_BUCKETS_SECONDS],
      registers: [registry],
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

    app.addHook('onRequest', (request, reply, next) => {
      figures.started()
      const response = reply.raw
      // 'close' comes exactly once, also for a client that goes away; Fastify's onResponse hook doesn't run for those.
      response.on('close', () => {
        const durationMs = reply.elapsedTime
        const code = response.writableEnded ? response.statusCode : CLIENT_WENT_AWAY
        const route = request.routeOptions.url ?? NO_ROUTE
        const method = KNOWN_METHODS.has(request.method) ? request.method : 'OTHER'
        figures.ended(code, durationMs)
        requests.inc({ route, method, code: String(code) })
        durations.observe({ route }, durationMs / 1000)
      })
      next()
    })
    done()
  },
  { name: 'metrics' },
)
