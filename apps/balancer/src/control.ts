// The balancer as the admin API sees it: copies of its state, and what an operator may change.
import { redact } from '@plimsoll/config'
import type { AdminControl, ConfigurationControl, DecisionSource } from './admin/admin-control.ts'
import type { EndpointChange, EndpointView } from './admin/admin-views.ts'
import type { Clock } from './transport/timer-wheel.ts'
import { balancerSchema, type BalancerConfig } from './config/config.ts'
import { reportView } from './reports/report-view.ts'
import type { Endpoint } from './upstream/endpoint.ts'
import type { UpstreamPool } from './upstream/upstream-pool.ts'

/** There's one pool as long as there are no routes. */
const POOL = 'default'

export interface ControlParts {
  readonly pool: UpstreamPool
  readonly clock: Clock
  readonly decisions: DecisionSource
  isDraining(): boolean
  /** Whether what the endpoint last reported counts. */
  isFresh(endpoint: Endpoint): boolean
  metrics(): Promise<string>
  config(): BalancerConfig
  reload: ConfigurationControl['reload']
}

export function adminControl(parts: ControlParts): AdminControl {
  const { pool, clock, decisions } = parts
  const view = (endpoint: Endpoint) => endpointView(endpoint, pool, clock.now(), parts.isFresh(endpoint))
  const change = (endpoint: Endpoint, { weight, state }: EndpointChange) => {
    const said = endpoint.operator
    pool.operate(endpoint, {
      weight: weight === undefined ? said.weight : weight,
      state: state === undefined ? said.state : state,
    })
  }
  return {
    status: {
      health() {
        const draining = parts.isDraining()
        const available = pool.availableCount
        const nowMs = clock.now()
        return {
          status: draining ? 'draining' : available > 0 ? 'serving' : 'no endpoint available',
          draining,
          available,
          panic: pool.isPanicking,
          endpoints: pool.endpoints.map(endpoint => ({ id: endpoint.id, ...availability(endpoint, pool, nowMs) })),
        }
      },
      metrics: () => parts.metrics(),
    },
    endpoints: {
      pools: () => [
        {
          name: POOL,
          strategy: pool.picker.strategy,
          panic: pool.isPanicking,
          available: pool.availableCount,
          activeRequests: pool.endpoints.reduce((sum, { activeRequests }) => sum + activeRequests, 0),
          endpoints: pool.endpoints.map(({ id }) => id),
        },
      ],
      endpoints: () => pool.endpoints.map(view),
      endpoint(id) {
        const endpoint = pool.find(id)
        return endpoint && view(endpoint)
      },
      changeEndpoint(id, wanted) {
        const endpoint = pool.find(id)
        if (endpoint === null) return null
        change(endpoint, wanted)
        return view(endpoint)
      },
      changeAll(wanted) {
        for (const endpoint of pool.endpoints) change(endpoint, wanted)
        return pool.endpoints.map(view)
      },
    },
    decisions,
    configuration: {
      configuration: () => redact(parts.config(), balancerSchema),
      reload: () => parts.reload(),
    },
  }
}

/** In panic, and for a single instance, requests go also to endpoints that have something against them: that stays in `why`. */
function availability(endpoint: Endpoint, pool: UpstreamPool, nowMs: number) {
  const { circuit, health, administrative } = endpoint
  const isEjected = administrative === 'ready' && health === 'up' && circuit.state === 'open'
  return {
    available: pool.candidates.includes(endpoint),
    why: endpoint.unavailableReason,
    returnsInMs: isEjected ? Math.ceil(circuit.openForMs(nowMs)) : null,
  }
}

function endpointView(endpoint: Endpoint, pool: UpstreamPool, nowMs: number, isFresh: boolean): EndpointView {
  const { circuit, discovered, operator, firstByte } = endpoint
  return {
    id: endpoint.id,
    url: endpoint.url,
    pool: POOL,
    ...availability(endpoint, pool, nowMs),
    administrative: {
      discovered: discovered.administrative,
      operator: operator.state,
      effective: endpoint.administrative,
    },
    observed: { health: endpoint.health, reason: endpoint.healthReason },
    circuit: {
      state: circuit.state,
      reason: circuit.trip?.reason ?? null,
      openUntilInMs: circuit.state === 'open' ? Math.ceil(circuit.openForMs(nowMs)) : null,
      ejections: circuit.opensTotal,
    },
    reported: reportView(endpoint, nowMs, isFresh),
    slowStart: endpoint.slowStart === null ? null : { ratio: endpoint.startRatio },
    weight: {
      configured: discovered.weight,
      operator: operator.weight,
      effective: endpoint.weight,
      reportRatio: endpoint.reportRatio,
      reportReason: endpoint.reportReason,
    },
    requests: {
      active: endpoint.activeRequests,
      total: endpoint.requestsTotal,
      failures: endpoint.failuresTotal,
    },
    latency: { firstByteMs: numberOrNull(firstByte.meanMs), p99Ms: numberOrNull(firstByte.p99Ms(nowMs)) },
  }
}

function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value
}
