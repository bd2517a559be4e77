// Every option of the balancer: one schema from which the flags, the file, the help text and the README's table are made.
import { option as Type, type DeepReadonly } from '@plimsoll/config'
import type { Static } from 'typebox'
import { parseListenAddress } from '../downstream/listen-address.ts'
import { TrustedProxies } from '../headers/trusted-proxies.ts'
import { parseUpstreamAddress } from '../upstream/address.ts'
import { adminOptions, checkAdminOptions } from './admin-options.ts'
import { discoveryIssues, discoveryOptions } from './discovery-options.ts'
import { hashOptions, parseHashKey } from './hash-options.ts'
import { healthIssues, healthOptions } from './health-options.ts'
import { limitsOptions } from './limits-options.ts'
import { logOptions } from './log-options.ts'
import { outlierOptions, panicOptions, slowStartOptions, stallOptions } from './outlier-options.ts'
import { rateLimitIssues, rateLimitOptions } from './rate-limit-options.ts'
import { reportsIssues, reportsOptions } from './reports-options.ts'
import { retryOptions } from './retry-options.ts'
import { shutdownOptions } from './shutdown-options.ts'
import { timeoutsOptions } from './timeouts-options.ts'

/** Text form of an upstream: `http://127.0.0.1:3001`, `http://10.0.0.7:80,weight=3,pipelining=8`, `unix:/run/app.sock`. */
export function upstreamFromText(text: string): { url: string; weight?: number; pipelining?: number } {
  const [url = '', ...settings] = text.split(',')
  const upstream: { url: string; weight?: number; pipelining?: number } = { url }
  for (const setting of settings) {
    const [name, value] = setting.split('=')
    if (name !== 'weight' && name !== 'pipelining')
      throw new Error(`"${text}": "${name}" is no setting of an upstream; there are: weight, pipelining`)
    if (!value || !/^\d+$/.test(value)) {
      const range = name === 'weight' ? '1 to 1000' : '1 to 64'
      throw new Error(`"${text}": ${name} needs a whole number from ${range}`)
    }
    upstream[name] = Number(value)
  }
  return upstream
}

const upstreamSchema = Type.Object(
  {
    url: Type.String({ description: 'http://host:port or unix:/path.' }),
    weight: Type.Integer({
      description: 'Share of the traffic relative to the others.',
      default: 1,
      minimum: 1,
      maximum: 1000,
    }),
    pipelining: Type.Integer({
      description:
        'Requests that may be under way at once on one connection. An upper bound: for the time being there is never more than one.',
      unit: 'requests',
      default: 1,
      minimum: 1,
      maximum: 64,
    }),
  },
  { additionalProperties: false },
)

export const balancerSchema = Type.Object(
  {
    listen: Type.String({
      description:
        'Address that clients connect to, host:port. A port alone means every interface; port 0 takes a free one, named in the ready line.',
      default: '127.0.0.1:8080',
      env: 'PORT',
    }),
    ...adminOptions,
    upstream: Type.Array(upstreamSchema, {
      description:
        'Servers to send requests to, one flag each: http://host:port[,weight=N][,pipelining=N] or unix:/path.',
      default: [],
      fromText: upstreamFromText,
    }),
    discovery: discoveryOptions,
    strategy: Type.Union(
      [
        Type.Literal('round-robin'),
        Type.Literal('weighted-round-robin'),
        Type.Literal('least-connections'),
        Type.Literal('power-of-two-choices'),
        Type.Literal('peak-ewma'),
        Type.Literal('consistent-hash'),
        Type.Literal('random'),
        Type.Literal('least-loaded'),
      ],
      {
        description:
          'How the next endpoint is chosen. All but round-robin go by weights, so slow start works through them. least-loaded needs endpoints that report their load.',
        default: 'least-connections',
      },
    ),
    loadBalancing: Type.Boolean({
      description:
        'Off: a single instance. The first endpoint gets all requests, whatever checks and failures say of it; nothing is ejected or retried elsewhere.',
      default: true,
      env: 'LOAD_BALANCING',
    }),
    hash: hashOptions,
    health: healthOptions,
    outlier: outlierOptions,
    stall: stallOptions,
    slowStart: slowStartOptions,
    panic: panicOptions,
    reports: reportsOptions,
    retry: retryOptions,
    limits: limitsOptions,
    rateLimit: rateLimitOptions,
    trustedProxies: Type.Array(Type.String(), {
      description:
        'Peers whose X-Forwarded-For, Forwarded, X-Forwarded-Proto, -Host, X-Request-Id, deadline and priority are believed: addresses, ranges like 10.0.0.0/8, or "unix".',
      default: [],
    }),
    timeouts: timeoutsOptions,
    shutdown: shutdownOptions,
    log: logOptions,
  },
  { additionalProperties: false },
)

export type BalancerConfig = DeepReadonly<Static<typeof balancerSchema>>

/** What the schema can't say: values that don't parse, and options that contradict each other. One sentence per problem. */
export function checkBalancerConfig(config: BalancerConfig): string[] {
  const issues: string[] = []
  const attempt = (option: string, parse: () => unknown) => {
    try {
      parse()
    } catch (error) {
      issues.push(`${option}: ${(error as Error).message}`)
    }
  }
  attempt('listen', () => parseListenAddress(config.listen, '::'))
  issues.push(...checkAdminOptions(config))
  attempt('trustedProxies', () => new TrustedProxies(config.trustedProxies))
  attempt('rateLimit.exempt', () => new TrustedProxies(config.rateLimit.exempt))
  attempt('hash.key', () => parseHashKey(config.hash.key))
  for (const upstream of config.upstream) attempt('upstream', () => parseUpstreamAddress(upstream.url))
  issues.push(...healthIssues(config.health), ...discoveryIssues(config.discovery), ...reportsIssues(config.reports))
  issues.push(...rateLimitIssues(config.rateLimit))
  const { file, dns, srv } = config.discovery
  if (config.upstream.length === 0 && file === '' && dns.length === 0 && srv.length === 0) {
    issues.push(
      'upstream and discovery.file, .dns, .srv: none is given, so there is nowhere to send requests; give --upstream http://host:port at least once, or --discovery.file PATH, or --discovery.dns http://name:port',
    )
  }
  if (config.timeouts.tryMs > config.timeouts.totalMs) {
    issues.push(
      `timeouts.tryMs (${config.timeouts.tryMs} ms) is longer than timeouts.totalMs (${config.timeouts.totalMs} ms): one try could never use its time`,
    )
  }
  if (config.outlier.ejectionMs > config.outlier.maxEjectionMs) {
    issues.push(
      `outlier.ejectionMs (${config.outlier.ejectionMs} ms) is longer than outlier.maxEjectionMs (${config.outlier.maxEjectionMs} ms)`,
    )
  }
  if (config.retry.backoffMs > config.retry.maxBackoffMs) {
    issues.push(
      `retry.backoffMs (${config.retry.backoffMs} ms) is longer than retry.maxBackoffMs (${config.retry.maxBackoffMs} ms)`,
    )
  }
  return issues
}
