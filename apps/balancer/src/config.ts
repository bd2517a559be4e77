// Every option of the balancer: one schema from which the flags, the file, the help text and the README's table are made.
import { option as Type, type DeepReadonly } from '@plimsoll/config'
import type { Static } from 'typebox'
import { parseListenAddress } from './downstream/listen-address.ts'
import { parseUpstreamAddress } from './upstream/address.ts'

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
    discovery: Type.Object(
      {
        file: Type.String({
          description:
            'JSON file that lists the endpoints and is replaced when they change; watched. Empty: only --upstream counts.',
          default: '',
        }),
        pollMs: Type.Integer({
          description:
            "How often the file is looked at besides the file system's own events, which some mounts do not deliver.",
          unit: 'ms',
          default: 1000,
          minimum: 50,
          maximum: 60_000,
        }),
      },
      { additionalProperties: false },
    ),
    strategy: Type.Union([Type.Literal('round-robin')], {
      description: 'How the next endpoint is chosen.',
      default: 'round-robin',
    }),
    health: Type.Object(
      {
        path: Type.String({
          description:
            'Path that is asked with GET; a status from 200 to 399 passes. Empty: a TCP connection that opens passes.',
          default: '',
        }),
        intervalMs: Type.Integer({
          description: 'Time between two checks of an endpoint, ± 10 % at random.',
          unit: 'ms',
          default: 2000,
          minimum: 10,
          maximum: 3_600_000,
        }),
        changingIntervalMs: Type.Integer({
          description: 'Time between two checks while an endpoint is starting, down, or has just failed a check.',
          unit: 'ms',
          default: 500,
          minimum: 10,
          maximum: 3_600_000,
        }),
        timeoutMs: Type.Integer({
          description: 'A check that takes longer has failed.',
          unit: 'ms',
          default: 1000,
          minimum: 10,
          maximum: 600_000,
        }),
        fall: Type.Integer({
          description: 'Checks that fail in a row until the endpoint is down.',
          unit: 'checks',
          default: 3,
          minimum: 1,
          maximum: 100,
        }),
        rise: Type.Integer({
          description:
            'Checks that pass in a row until an endpoint that was down is up. The very first pass after the start is enough.',
          unit: 'checks',
          default: 2,
          minimum: 1,
          maximum: 100,
        }),
      },
      { additionalProperties: false },
    ),
    retry: Type.Object(
      {
        count: Type.Integer({
          description:
            'Further tries of a request, each on an endpoint not tried yet. Only when nothing was sent, or the method is idempotent, has no body and no byte of an answer has come.',
          unit: 'tries',
          default: 1,
          minimum: 0,
          maximum: 10,
          zero: 'no retries',
        }),
      },
      { additionalProperties: false },
    ),
    timeouts: Type.Object(
      {
        connectMs: Type.Integer({
          description: 'Opening a connection to an endpoint.',
          unit: 'ms',
          default: 1000,
          minimum: 1,
          maximum: 600_000,
        }),
        requestHeadMs: Type.Integer({
          description: 'Receiving the head of a request.',
          unit: 'ms',
          default: 10_000,
          minimum: 1,
          maximum: 600_000,
        }),
        tryMs: Type.Integer({
          description: 'One try, until the head of its answer.',
          unit: 'ms',
          default: 10_000,
          minimum: 1,
          maximum: 3_600_000,
        }),
        totalMs: Type.Integer({
          description:
            'All tries together, until the head of the answer. At least try-ms, to let a slow try end by itself.',
          unit: 'ms',
          default: 30_000,
          minimum: 1,
          maximum: 3_600_000,
        }),
        idleClientMs: Type.Integer({
          description: 'A client connection without a request.',
          unit: 'ms',
          default: 60_000,
          minimum: 1,
          maximum: 3_600_000,
        }),
        idleUpstreamMs: Type.Integer({
          description:
            "A kept connection to an endpoint without a request. Shorter than the endpoint's own keep-alive time, else requests meet closing connections.",
          unit: 'ms',
          default: 60_000,
          minimum: 1,
          maximum: 3_600_000,
        }),
      },
      { additionalProperties: false },
    ),
    shutdown: Type.Object(
      {
        graceMs: Type.Integer({
          description:
            'After SIGTERM /health fails at once, and connections are still accepted for this long, so that whoever is in front can look away.',
          unit: 'ms',
          default: 3000,
          minimum: 0,
          maximum: 600_000,
        }),
        drainMs: Type.Integer({
          description: 'Time for the requests under way after that; what is left then is cut.',
          unit: 'ms',
          default: 30_000,
          minimum: 0,
          maximum: 3_600_000,
        }),
      },
      { additionalProperties: false },
    ),
    log: Type.Object(
      {
        level: Type.Union(
          [
            Type.Literal('debug'),
            Type.Literal('info'),
            Type.Literal('warn'),
            Type.Literal('error'),
            Type.Literal('silent'),
          ],
          { description: 'Lowest level that is logged.', default: 'info', env: 'LOG_LEVEL' },
        ),
      },
      { additionalProperties: false },
    ),
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
