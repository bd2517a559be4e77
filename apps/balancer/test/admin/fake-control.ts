// A balancer that isn't there: two endpoints whose settings can be changed, and answers that a test sets.
import type { AdminControl } from '../../src/admin/admin-control.ts'
import type { DecisionView, EndpointView, HealthView, ReloadView } from '../../src/admin/admin-views.ts'

export const FIRST = 'http://127.0.0.1:3001'
export const SECOND = 'unix:/run/a b%2Fc.sock'

export function endpointView(id: string): EndpointView {
  return {
    id,
    url: id,
    pool: 'default',
    available: true,
    why: null,
    returnsInMs: null,
    administrative: { discovered: 'ready', operator: null, effective: 'ready' },
    observed: { health: 'up', reason: '2 checks passed' },
    circuit: { state: 'closed', reason: null, openUntilInMs: null, ejections: 0 },
    reported: null,
    slowStart: null,
    weight: { configured: 1, operator: null, effective: 1, reportRatio: 1, reportReason: null },
    requests: { active: 0, total: 7, failures: 1 },
    latency: { firstByteMs: 1.5, p99Ms: null },
  }
}

export function decisionView(requestId: string, tryNumber = 1): DecisionView {
  return {
    requestId,
    atIso: '2026-11-21T07:00:00.123Z',
    tryNumber,
    strategy: 'least-connections',
    kind: 'picked',
    chosen: FIRST,
    candidates: [{ id: FIRST, score: -0.5, weight: 1, activeRequests: 0 }],
    candidateCount: 1,
    leftOut: [{ id: SECOND, why: 'draining' }],
    leftOutCount: 1,
    outcome: {
      status: 502,
      end: 'refused',
      errorCode: 'LB_ERR_UPSTREAM_CLOSED',
      errorDetail: 'Before it answered (ECONNRESET).',
      cause: 'ECONNRESET',
      notRetriedBecause: 'POST is not idempotent',
    },
  }
}

export interface FakeControl extends AdminControl {
  health: HealthView
  /** What the next scrape, and the next reload, do. */
  metrics: () => Promise<string>
  reload: () => Promise<ReloadView>
  /** Every change that came through, in order. */
  readonly changes: { id: string; change: object }[]
}

export function fakeControl(): FakeControl {
  const views = new Map([FIRST, SECOND].map(id => [id, endpointView(id)]))
  const kept = [decisionView('a-1', 1), decisionView('a-1', 2), decisionView('a-2')]
  const change = (id: string, { weight, state }: { weight?: number | null; state?: 'ready' | 'draining' | null }) => {
    const before = views.get(id)
    if (!before) return null
    const operator = state === undefined ? before.administrative.operator : state
    const operatorWeight = weight === undefined ? before.weight.operator : weight
    const after: EndpointView = {
      ...before,
      administrative: { ...before.administrative, operator, effective: operator ?? before.administrative.discovered },
      weight: { ...before.weight, operator: operatorWeight, effective: operatorWeight ?? before.weight.configured },
    }
    views.set(id, after)
    fake.changes.push({ id, change: { weight, state } })
    return after
  }
  const fake: FakeControl = {
    changes: [],
    health: { status: 'serving', draining: false, available: 2, panic: false, endpoints: [] },
    metrics: () => Promise.resolve('lb_build_info{version="1"} 1\n'),
    reload: () => Promise.resolve({ outcome: 'applied', problems: [] }),
    status: { health: () => fake.health, metrics: () => fake.metrics() },
    endpoints: {
      pools: () => [
        {
          name: 'default',
          strategy: 'least-connections',
          panic: false,
          available: 2,
          activeRequests: 0,
          endpoints: [FIRST, SECOND],
        },
      ],
      endpoints: () => [...views.values()],
      endpoint: id => views.get(id) ?? null,
      changeEndpoint: change,
      changeAll: ({ state }) => [...views.keys()].map(id => change(id, { state }) as EndpointView),
    },
    decisions: {
      size: 1000,
      find: requestId => kept.filter(decision => decision.requestId === requestId),
      latest: limit => kept.toReversed().slice(0, limit),
    },
    configuration: {
      configuration: () => ({ listen: '127.0.0.1:8080', adminToken: '•••' }),
      reload: () => fake.reload(),
    },
  }
  return fake
}
