// How long each step may take.
import { option as Type } from '@plimsoll/config'

export const timeoutsOptions = Type.Object(
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
    sendDeadline: Type.Boolean({
      description:
        'Tell endpoints how much time a request has left: X-Request-Deadline-Ms, in milliseconds, anew with each try.',
      default: true,
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
)
