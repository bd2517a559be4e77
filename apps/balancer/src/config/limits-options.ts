// What a client, an endpoint and the whole may take.
import { option as Type } from '@plimsoll/config'

export const limitsOptions = Type.Object(
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
    maxRequestsPerEndpoint: Type.Integer({
      description:
        'Requests of one endpoint at once; an endpoint that has so many is passed over, and with all at their limit the answer is 503.',
      unit: 'requests',
      default: 0,
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
)
