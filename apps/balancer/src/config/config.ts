// Every option of the balancer: one schema from which the flags, the file, the help text and the README's table are made.
import { option as Type, type DeepReadonly } from '@plimsoll/config'
import type { Static } from 'typebox'
import { parseListenAddress } from '../downstream/listen-address.ts'
import { TrustedProxies } from '../headers/trusted-proxies.ts'
import { parseUpstreamAddress } from '../upstream/address.ts'
import { discoveryOptions } from './discovery-options.ts'
import { healthOptions } from './health-options.ts'
import { limitsOptions } from './limits-options.ts'
import { logOptions } from './log-options.ts'
import { retryOptions } from './retry-options.ts'
import { shutdownOptions } from './shutdown-options.ts'
import { timeoutsOptions } from './timeouts-options.ts'

/** Text form of an upstream: `http://127.0.0.1:3001`, `http://10.0.0.7:80,weight=3`, `unix:/run/app.sock`. */
export function upstreamFromText(text: string): { url: string; weight?: number } {
  const [url = '', ...settings] = text.split(',')
  const upstream: { url: string; weight?: number } = { url }
  for (const setting of settings) {
    const [name, value] = setting.split('=')
    if (name !== 'weight') throw new Error(`"${text}": "${name}" is no setting of an upstream; there is: weight`)
    if (!value || !/^\d+$/.test(value)) throw new Error(`"${text}": weight needs a whole number from 1 to 1000`)
    upstream.weight = Number(value)
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
    admin: Type.String({
      description:
        'Address of health, metrics and the admin API, host:port. A port alone means 127.0.0.1: keep it off public networks.',
      default: '127.0.0.1:9901',
      env: 'ADMIN_PORT',
    }),
    adminToken: Type.String({
      description: 'Bearer token of the admin API below /admin. Empty: those routes answer 403.',
      default: '',
      secret: true,
      env: 'ADMIN_TOKEN',
    }),
    upstream: Type.Array(upstreamSchema, {
      description: 'Servers to send requests to, one flag each: http://host:port[,weight=N] or unix:/path.',
      default: [],
      fromText: upstreamFromText,
    }),
    discovery: discoveryOptions,
    strategy: Type.Union([Type.Literal('round-robin')], {
      description: 'How the next endpoint is chosen.',
      default: 'round-robin',
    }),
    health: healthOptions,
    retry: retryOptions,
    limits: limitsOptions,
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
  attempt('admin', () => parseListenAddress(config.admin, '127.0.0.1'))
  attempt('trustedProxies', () => new TrustedProxies(config.trustedProxies))
  for (const upstream of config.upstream) attempt('upstream', () => parseUpstreamAddress(upstream.url))
  if (config.upstream.length === 0 && config.discovery.file === '') {
    issues.push(
      'upstream and discovery.file: neither is given, so there is nowhere to send requests; give --upstream http://host:port at least once, or --discovery.file PATH',
    )
  }
  if (config.timeouts.tryMs > config.timeouts.totalMs) {
    issues.push(
      `timeouts.tryMs (${config.timeouts.tryMs} ms) is longer than timeouts.totalMs (${config.timeouts.totalMs} ms): one try could never use its time`,
    )
  }
  return issues
}
