// Every option of the balancer: one schema from which the flags, the file, the help text and the README's table are made.
import { option as Type, type DeepReadonly } from '@plimsoll/config'
import type { Static } from 'typebox'
import { parseListenAddress } from './downstream/listen-address.ts'
import { TrustedProxies } from './headers/trusted-proxies.ts'
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
            'Further tries of a request, each on an endpoint not tried yet: after a failure, or an answer of 502, 503 or 504. Only when nothing was sent, or the method is idempotent, and no byte of an answer has gone to the client.',
          unit: 'tries',
          default: 1,
          minimum: 0,
          maximum: 10,
          zero: 'no retries',
        }),
        maxBodyBytes: Type.Integer({
          description:
            'Body of a request that is kept so that it can be sent again; with a larger one a request is tried once. Also what is read of a body while no connection is open yet.',
          unit: 'bytes',
          default: 65_536,
          minimum: 0,
          maximum: 16_777_216,
          zero: 'no request with a body is sent again',
        }),
      },
      { additionalProperties: false },
    ),
    limits: Type.Object(
      {
        maxHeadBytes: Type.Integer({
          description: 'Head of a request or an answer. A larger request is refused with 431.',
          unit: 'bytes',
          default: 16_384,
          minimum: 256,
          maximum: 1_048_576,
        }),
        maxHeaders: Type.Integer({
          description: 'Field lines of a head. More are refused with 431.',
          unit: 'fields',
          default: 100,
          minimum: 1,
          maximum: 10_000,
        }),
        maxTargetBytes: Type.Integer({
          description: 'Target of a request (path and query). A longer one is refused with 414.',
          unit: 'bytes',
          default: 8192,
          minimum: 16,
          maximum: 1_048_576,
        }),
        maxBodyBytes: Type.Integer({
          description: 'Body of a request, chunked ones too. A larger one is refused with 413. Answers have no limit.',
          unit: 'bytes',
          default: 10_485_760,
          minimum: 0,
          maximum: Number.MAX_SAFE_INTEGER,
          zero: 'no limit',
        }),
        maxTrailerBytes: Type.Integer({
          description: 'Fields behind a chunked body. More are refused with 431.',
          unit: 'bytes',
          default: 8192,
          minimum: 1,
          maximum: 1_048_576,
        }),
        maxTrailers: Type.Integer({
          description: 'Field lines behind a chunked body. More are refused with 431.',
          unit: 'fields',
          default: 32,
          minimum: 1,
          maximum: 10_000,
        }),
        maxChunkExtensionBytes: Type.Integer({
          description: 'Chunk extensions of a message together; they are never passed on. More are refused with 413.',
          unit: 'bytes',
          default: 16_384,
          minimum: 0,
          maximum: 1_048_576,
          zero: 'none is accepted',
        }),
        maxInterimAnswers: Type.Integer({
          description: 'Interim (1xx) answers before the final one. More make the answer invalid (502).',
          unit: 'answers',
          default: 32,
          minimum: 0,
          maximum: 10_000,
          zero: 'none is accepted',
        }),
        targetCharacters: Type.Union([Type.Literal('browsers'), Type.Literal('rfc3986')], {
          description:
            'Which characters a request target may have: those of RFC 3986, or also those that browsers send unescaped: [ ] { } | ^, and in the query a % without two digits.',
          default: 'browsers',
        }),
        maxConnections: Type.Integer({
          description:
            'Connections of clients at once; more get 503 and are closed. Each takes a file descriptor, and another one while a request is under way.',
          unit: 'connections',
          default: 20_000,
          minimum: 0,
          maximum: 1_000_000,
          zero: 'no limit',
        }),
        maxConnectionsPerAddress: Type.Integer({
          description:
            'Connections at once of one client address. Leave it off behind another proxy: all clients would share one address.',
          unit: 'connections',
          default: 0,
          minimum: 0,
          maximum: 1_000_000,
          zero: 'no limit',
        }),
        minBytesPerSecond: Type.Integer({
          description:
            'Slowest rate at which a body may come and an answer may be read; a slower body is answered with 408, a slower reader is cut.',
          unit: 'bytes/s',
          default: 240,
          minimum: 0,
          maximum: 1_000_000,
          zero: 'no limit',
        }),
        maxIdlePerEndpoint: Type.Integer({
          description: 'Kept connections to one endpoint that have nothing to do.',
          unit: 'connections',
          default: 256,
          minimum: 0,
          maximum: 100_000,
          zero: 'none is kept',
        }),
        maxUpstreamAgeMs: Type.Integer({
          description: 'Age from which a connection to an endpoint is not kept any more.',
          unit: 'ms',
          default: 600_000,
          minimum: 0,
          maximum: 86_400_000,
          zero: 'no limit',
        }),
        backlog: Type.Integer({
          description: 'Connections that may wait to be accepted; the kernel caps it at net.core.somaxconn.',
          unit: 'connections',
          default: 1024,
          minimum: 1,
          maximum: 65_535,
        }),
      },
      { additionalProperties: false },
    ),
    trustedProxies: Type.Array(Type.String(), {
      description:
        'Peers whose X-Forwarded-For, Forwarded, X-Forwarded-Proto, -Host, X-Request-Id, deadline and priority are believed: addresses, ranges like 10.0.0.0/8, or "unix".',
      default: [],
    }),
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
          description: 'Receiving the head of a request, from its first byte, or from the start of the connection.',
          unit: 'ms',
          default: 10_000,
          minimum: 1,
          maximum: 600_000,
        }),
        tryMs: Type.Integer({
          description: 'One try, from the whole request to the head of its answer.',
          unit: 'ms',
          default: 10_000,
          minimum: 1,
          maximum: 3_600_000,
        }),
        totalMs: Type.Integer({
          description: 'All tries together, from the whole request to the head of the answer. At least try-ms.',
          unit: 'ms',
          default: 30_000,
          minimum: 1,
          maximum: 3_600_000,
        }),
        rateWindowMs: Type.Integer({
          description:
            'How often the rate of a client is looked at (limits.min-bytes-per-second): a body that stalls is noticed after one to two of these.',
          unit: 'ms',
          default: 5000,
          minimum: 50,
          maximum: 600_000,
        }),
        answerIdleMs: Type.Integer({
          description: 'Silence of an endpoint in the middle of its answer, server-sent events included.',
          unit: 'ms',
          default: 120_000,
          minimum: 1,
          maximum: 86_400_000,
        }),
        tunnelIdleMs: Type.Integer({
          description: 'Silence of both sides of a WebSocket.',
          unit: 'ms',
          default: 300_000,
          minimum: 1,
          maximum: 86_400_000,
        }),
        idleClientMs: Type.Integer({
          description: 'A client connection between two requests.',
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
        lingerMs: Type.Integer({
          description:
            'Silence after which a closing connection is no longer read from; at most 15 times as long in all. Reading on keeps the last answer from being lost to a reset.',
          unit: 'ms',
          default: 2000,
          minimum: 0,
          maximum: 60_000,
          zero: 'it is dropped at once',
        }),
        halfClosedProbeMs: Type.Integer({
          description:
            'When a client has ended its side but waits for an answer, it is sent an interim 102 after this long, then after twice as long, and so on: if it has left, that shows it, and its request is given up.',
          unit: 'ms',
          default: 250,
          minimum: 0,
          maximum: 60_000,
          zero: 'never: its request goes on until it is answered',
        }),
        discardMs: Type.Integer({
          description:
            'How long an answer that gave cause for a retry is read to its end, so that its connection can be kept, and how long the last bytes of a WebSocket may take to leave.',
          unit: 'ms',
          default: 1000,
          minimum: 0,
          maximum: 60_000,
          zero: 'no time',
        }),
        acceptPauseMs: Type.Integer({
          description: 'How long no connection is accepted after the process ran out of file descriptors.',
          unit: 'ms',
          default: 250,
          minimum: 1,
          maximum: 60_000,
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
        access: Type.String({
          description: 'File for a JSON line per request, "-" for standard output. Empty: no access log.',
          default: '',
        }),
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
