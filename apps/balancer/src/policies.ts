// From the configuration to what each part of the balancer takes: the one place that knows both, at the start and at a reload.
import { createLimits } from '@plimsoll/http1'
import { createPicker, type PickerSources } from '@plimsoll/load-balancing'
import type { RateLimiterOptions } from './admission/rate-limiter.ts'
import type { BalancerConfig } from './config/config.ts'
import { TrustedProxies } from './headers/trusted-proxies.ts'
import type { OutlierOptions } from './health/outlier-detector.ts'
import type { CircuitOptions } from './upstream/circuit-breaker.ts'
import type { IntakeOptions } from './reports/report-intake.ts'
import type { ReportShareOptions } from './reports/report-shares.ts'
import type { Endpoint } from './upstream/endpoint.ts'
import type { RetryBudgetOptions } from './upstream/retry-budget.ts'
import type { RetryOptions } from './upstream/retry-policy.ts'
import type { PoolSettings } from './upstream/upstream-pool.ts'

export function poolSettings(config: BalancerConfig, sources: PickerSources): PoolSettings {
  const { limits, slowStart, panic, hash, loadBalancing, strategy } = config
  return {
    endpoint: {
      circuit: circuitOptions(config),
      maxRequests: limits.maxRequestsPerEndpoint === 0 ? Infinity : limits.maxRequestsPerEndpoint,
    },
    slowStart,
    panicBelowRatio: panic.belowRatio,
    loadBalancing,
    picker: createPicker<Endpoint>(strategy, sources, {
      hashLoadFactor: hash.loadFactor,
      hashSeed: hash.seed,
      reportExpiryMs: reportExpiryMs(config),
    }),
  }
}

function circuitOptions({ outlier }: BalancerConfig): CircuitOptions {
  const { consecutiveFailures, minSuccessRatio, minRequests, windowMs, ejectionMs, maxEjectionMs } = outlier
  return { consecutiveFailures, minSuccessRatio, minRequests, windowMs, baseMs: ejectionMs, maxMs: maxEjectionMs }
}

export function outlierOptions({ outlier, health, loadBalancing }: BalancerConfig): OutlierOptions {
  return {
    maxEjectedRatio: loadBalancing ? outlier.maxEjectedRatio : 0,
    rise: health.rise,
    checksAsk: health.path !== '',
  }
}

/** A check comes a tenth late at most. */
const CHECK_JITTER = 1.1
/** Checks that come less often than this aren't waited for: a report this old says nothing. */
const MAX_WAIT_FOR_CHECK_MS = 5000

/** From one check's report to the next one's an idle endpoint has to be believed, else it would be now known, now unknown. */
function reportExpiryMs({ reports, health }: BalancerConfig): number {
  if (health.path === '') return reports.expiryMs
  const untilNextMs = Math.round(health.intervalMs * CHECK_JITTER) + health.timeoutMs
  return Math.max(reports.expiryMs, Math.min(untilNextMs, MAX_WAIT_FOR_CHECK_MS))
}

export function reportOptions(config: BalancerConfig): IntakeOptions & ReportShareOptions {
  const { from, maxDatabaseWaiting } = config.reports
  return { from, maxDatabaseWaiting, expiryMs: reportExpiryMs(config) }
}

export function retryOptions({ retry }: BalancerConfig): RetryOptions {
  const { count, statuses, backoffMs, maxBackoffMs, hedgeAfterMs } = retry
  return { count, statuses, backoffMs, maxBackoffMs, hedges: hedgeAfterMs > 0 }
}

export function budgetOptions({ retry }: BalancerConfig): RetryBudgetOptions {
  return { ratio: retry.budgetRatio, minPerSecond: retry.budgetMinPerSecond }
}

/** Null when clients aren't limited. */
export function rateLimiterOptions({ rateLimit }: BalancerConfig): RateLimiterOptions | null {
  const { enabled, exempt, ...options } = rateLimit
  if (!enabled) return null
  if (exempt.length === 0) return { ...options, isExempt: () => false }
  const addresses = new TrustedProxies(exempt)
  return { ...options, isExempt: address => addresses.has(address) }
}

/** Limits of one message, the same for both sides. */
function messageLimits({ limits }: BalancerConfig) {
  const { maxHeadBytes, maxHeaders, maxTrailerBytes, maxTrailers, maxChunkExtensionBytes } = limits
  return { maxHeadBytes, maxHeaders, maxTrailerBytes, maxTrailers, maxChunkExtensionBytes }
}

/** What connections to endpoints take from the configuration. */
export function upstreamOptions(config: BalancerConfig) {
  const { limits, timeouts } = config
  return {
    limits: createLimits({ ...messageLimits(config), maxInterimResponses: limits.maxInterimAnswers }),
    connectMs: timeouts.connectMs,
    idleMs: timeouts.idleUpstreamMs,
    discardMs: timeouts.discardMs,
  }
}

/** What clients' connections take from the configuration. */
export function clientOptions(config: BalancerConfig) {
  const { limits, timeouts } = config
  return {
    limits: createLimits({
      ...messageLimits(config),
      maxTargetBytes: limits.maxTargetBytes,
      maxBodyBytes: limits.maxBodyBytes === 0 ? Infinity : limits.maxBodyBytes,
      targetCharacters: limits.targetCharacters,
    }),
    times: {
      idleMs: timeouts.idleClientMs,
      headMs: timeouts.requestHeadMs,
      minBytesPerSecond: limits.minBytesPerSecond,
      rateWindowMs: timeouts.rateWindowMs,
      halfClosedProbeMs: timeouts.halfClosedProbeMs,
      lingerMs: timeouts.lingerMs,
    },
    trusted: new TrustedProxies(config.trustedProxies),
  }
}

/** What accepting takes from the configuration; the backlog is fixed. */
export function acceptOptions({ limits, timeouts }: BalancerConfig) {
  return {
    maxConnections: limits.maxConnections,
    maxConnectionsPerAddress: limits.maxConnectionsPerAddress,
    pauseMs: timeouts.acceptPauseMs,
  }
}

/** Options that only a restart can change: what they stand for is bound or opened once. By their paths. */
const FIXED = ['listen', 'admin', 'adminHosts', 'adminReadOnly', 'adminToken', 'log', 'limits.backlog'] as const

/** Which of the options that only a restart can change are other in `next`. */
export function changedFixedOptions(current: BalancerConfig, next: BalancerConfig): string[] {
  return FIXED.filter(path => JSON.stringify(valueAt(current, path)) !== JSON.stringify(valueAt(next, path)))
}

function valueAt(config: unknown, path: string): unknown {
  let value = config
  for (const key of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[key]
  return value
}
