// The accounting: what clients saw, joined with what upstreams executed, per phase.
//
//   request ── seen by its client:   well | failed (with a kind) ──┐
//           └─ executed by upstreams: 0 | 1 | more times ──────────┴─ executed twice: a POST with more than one
//                                                                     executed though failed: a POST, allowed, since nobody can know
//                                                                     acknowledged but not done: well, and in nobody's log
import { outcomeLabel } from './outcome.ts'
import type { RequestRecord } from './open-loop.ts'
import type { Method } from './upstream/upstream-protocol.ts'

export interface PhaseTally {
  readonly sent: number
  readonly well: number
  readonly failed: number
  /** POSTs that were with the proxy while a killed upstream's sockets had nobody behind them: they can't be repeated. Part of `failed`. */
  readonly unavoidable: number
  /** Of the failed, by kind: "504 LB_ERR_UPSTREAM_TIMEOUT", "cut". */
  readonly failures: Readonly<Record<string, number>>
  /** Of the failed, those that a proxy may always send again. */
  readonly failedGets: number
  /** The first of the failed, to see when and how. */
  readonly failedRequests: readonly FailedRequest[]
  readonly wrong: number
  readonly hung: number
  /** POSTs. */
  readonly executedTwice: number
  readonly executedThoughFailed: number
  readonly acknowledgedNotDone: number
  /** Executions by sent requests: what retries cost the upstreams. */
  readonly executionsPerRequest: number
  /** Of the good answers, from the time a request was due, in milliseconds. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** p50 of the good answers of those that weren't injured; null if all were. */
  readonly othersP50Ms: number | null
  /** Share of the good answers, of requests of the phase's last second, that came from the injured one, of several from the least; null if none was. */
  readonly backRatio: number | null
  /** How late the generator itself was. */
  readonly lagP99Ms: number
  readonly lagMaxMs: number
  /** Details of the first few wrong answers. */
  readonly wrongDetails: readonly string[]
}

export interface FailedRequest {
  readonly id: string
  readonly method: Method
  /** When it was due, from the start of the phase. */
  readonly atMs: number
  readonly tookMs: number
  readonly kind: string
  /** Of what the kind leaves open. */
  readonly detail: string
  /** How often upstreams have executed it. */
  readonly executions: number
}

export interface TallyOptions {
  /** Of one phase. */
  readonly records: readonly RequestRecord[]
  /** How often each request was executed, by "METHOD id". */
  readonly executions: ReadonlyMap<string, number>
  readonly durationMs: number
  readonly injured: readonly string[]
  /** Ids of the POSTs that nobody could have saved. */
  readonly unavoidable: ReadonlySet<string>
}

const LAST_MS = 1000
const SHOWN_DETAILS = 3
const KEPT_FAILURES = 50

export function tallyPhase({ records, executions, durationMs, injured, unavoidable }: TallyOptions): PhaseTally {
  const executed = (record: RequestRecord) => executions.get(`${record.method} ${record.id}`) ?? 0
  const isWell = ({ outcome }: RequestRecord) => outcome?.kind === 'well'
  const good = records.filter(isWell)
  const failed = records.filter(record => !isWell(record))
  const posts = records.filter(record => record.method === 'POST')
  const latencies = good.map(latencyMs).toSorted(ascending)
  const lags = records.map(record => record.sentAtMs - record.dueAtMs).toSorted(ascending)
  const others = good.filter(record => !injured.includes(upstreamOf(record)))
  const executionCount = records.reduce((sum, record) => sum + executed(record), 0)
  return {
    sent: records.length,
    well: good.length,
    failed: failed.length,
    unavoidable: failed.filter(record => unavoidable.has(record.id)).length,
    failures: countBy(failed, kindOf),
    failedGets: failed.filter(({ method }) => method === 'GET').length,
    failedRequests: failed.slice(0, KEPT_FAILURES).map(record => describeFailure(record, executed(record))),
    wrong: failed.filter(({ outcome }) => outcome?.kind === 'wrong').length,
    // A request without an outcome can't be: it would be a hung one that the generator forgot.
    hung: failed.filter(({ outcome }) => outcome === null || outcome.kind === 'hung').length,
    executedTwice: posts.filter(record => executed(record) > 1).length,
    executedThoughFailed: posts.filter(record => !isWell(record) && executed(record) > 0).length,
    acknowledgedNotDone: good.filter(record => executed(record) === 0).length,
    executionsPerRequest: records.length === 0 ? 0 : executionCount / records.length,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    maxMs: latencies.at(-1) ?? 0,
    othersP50Ms: others.length === 0 ? null : percentile(others.map(latencyMs).toSorted(ascending), 0.5),
    backRatio: leastShare(
      good.filter(record => record.atMs >= durationMs - LAST_MS),
      injured,
    ),
    lagP99Ms: percentile(lags, 0.99),
    lagMaxMs: lags.at(-1) ?? 0,
    wrongDetails: failed
      .flatMap(({ outcome }) => (outcome?.kind === 'wrong' ? [outcome.detail] : []))
      .slice(0, SHOWN_DETAILS),
  }
}

function describeFailure(record: RequestRecord, executions: number): FailedRequest {
  const { id, method, outcome } = record
  const detail = outcome !== null && 'detail' in outcome ? outcome.detail : ''
  const [atMs, tookMs] = [Math.round(record.atMs), Math.round(latencyMs(record))]
  return { id, method, atMs, tookMs, kind: kindOf(record), detail, executions }
}

function kindOf({ outcome }: RequestRecord): string {
  return outcome ? outcomeLabel(outcome) : 'unsettled'
}

/** Nearest rank; 0 without values. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}

function leastShare(good: readonly RequestRecord[], upstreams: readonly string[]): number | null {
  if (upstreams.length === 0) return null
  if (good.length === 0) return 0
  return Math.min(...upstreams.map(name => good.filter(record => upstreamOf(record) === name).length / good.length))
}

function latencyMs({ settledAtMs, dueAtMs }: RequestRecord): number {
  return settledAtMs - dueAtMs
}

function upstreamOf({ outcome }: RequestRecord): string {
  return outcome?.kind === 'well' ? outcome.upstream : ''
}

function countBy<T>(items: readonly T[], key: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const item of items) counts[key(item)] = (counts[key(item)] ?? 0) + 1
  return counts
}

function ascending(a: number, b: number): number {
  return a - b
}
