// What takes an endpoint out because of its requests, and how it comes back.
import { option as Type } from '@plimsoll/config'

const ratio = (description: string, byDefault: number, zero: string) =>
  Type.Number({ description, unit: 'ratio', default: byDefault, minimum: 0, maximum: 1, zero })

export const outlierOptions = Type.Object(
  {
    consecutiveFailures: Type.Integer({
      description:
        'Requests in a row that fail (5xx but 501 and 505, no connection, reset, no answer in time) until the endpoint is ejected.',
      unit: 'requests',
      default: 5,
      minimum: 0,
      maximum: 10_000,
      zero: 'any number is borne',
    }),
    minSuccessRatio: ratio(
      'Part of the requests within window-ms that has to succeed, else the endpoint is ejected.',
      0.5,
      'none has to',
    ),
    minRequests: Type.Integer({
      description: 'With fewer requests in the window the ratio says nothing.',
      unit: 'requests',
      default: 20,
      minimum: 1,
      maximum: 1_000_000,
    }),
    windowMs: Type.Integer({
      description: 'Time over which the ratio is counted, in ten exact buckets.',
      unit: 'ms',
      default: 10_000,
      minimum: 100,
      maximum: 600_000,
    }),
    ejectionMs: Type.Integer({
      description:
        'How long the first ejection lasts; the n-th in a row n times as long. Checks that pass end it early (health.rise, times n). Then one request shows whether it is back.',
      unit: 'ms',
      default: 10_000,
      minimum: 10,
      maximum: 3_600_000,
    }),
    maxEjectionMs: Type.Integer({
      description: 'Longest ejection.',
      unit: 'ms',
      default: 300_000,
      minimum: 10,
      maximum: 86_400_000,
    }),
    maxEjectedRatio: ratio(
      'Part of the endpoints that may be ejected at a time. One always may, and never the last that takes requests.',
      0.5,
      'none is ever ejected',
    ),
  },
  { additionalProperties: false },
)

export const stallOptions = Type.Object(
  {
    minSilenceMs: Type.Integer({
      description:
        'An endpoint that is silent for so long, and for factor times its 99th percentile, while two or more requests wait, is ejected.',
      unit: 'ms',
      default: 250,
      minimum: 0,
      maximum: 600_000,
      zero: 'stalls are not looked for',
    }),
    factor: Type.Number({
      description: 'How many times its 99th percentile of the time to first byte.',
      unit: 'times',
      default: 10,
      minimum: 1,
      maximum: 10_000,
    }),
  },
  { additionalProperties: false },
)

export const slowStartOptions = Type.Object(
  {
    durationMs: Type.Integer({
      description:
        'Longest time in which an endpoint that comes back, or is new, rises to its full weight and limit; it ends early when it answers as fast as the others. None at the start of the balancer.',
      unit: 'ms',
      default: 10_000,
      minimum: 0,
      maximum: 3_600_000,
      zero: 'no slow start',
    }),
    fromRatio: Type.Number({
      description: 'Part of the weight and the limit with which it begins.',
      unit: 'ratio',
      default: 0.1,
      minimum: 0.01,
      maximum: 1,
    }),
  },
  { additionalProperties: false },
)

export const panicOptions = Type.Object(
  {
    belowRatio: ratio(
      'When a smaller part of the endpoints may take requests, all that accept connections are used: rather all of them are slow than a few are buried.',
      0.5,
      'never: then 503 is answered',
    ),
  },
  { additionalProperties: false },
)
