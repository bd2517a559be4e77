// When a request is sent again.
import { option as Type } from '@plimsoll/config'

export const retryOptions = Type.Object(
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
    statuses: Type.Array(Type.Integer({ minimum: 500, maximum: 599 }), {
      description:
        'Statuses by which an endpoint says that it could not do the work now. 500 is not among them: the work may be half done.',
      default: [502, 503, 504],
    }),
    budgetRatio: Type.Number({
      description:
        'Part of the requests of the last 10 s that may be retries of what was sent before. More are not made: when everything fails, repeating everything doubles the load.',
      unit: 'ratio',
      default: 0.2,
      minimum: 0,
      maximum: 10,
      zero: 'only the minimum counts',
    }),
    budgetMinPerSecond: Type.Integer({
      description:
        'So many retries per second, counted over 10 s, are always allowed: at low load a part of few is nothing.',
      unit: 'retries/s',
      default: 3,
      minimum: 0,
      maximum: 100_000,
      zero: 'only the ratio counts',
    }),
    backoffMs: Type.Integer({
      description:
        'The pause before a retry is at random up to this, twice as much before each further one. None before the first retry after anything but a status.',
      unit: 'ms',
      default: 25,
      minimum: 0,
      maximum: 60_000,
      zero: 'no pause',
    }),
    maxBackoffMs: Type.Integer({
      description: 'Longest pause before a retry.',
      unit: 'ms',
      default: 250,
      minimum: 0,
      maximum: 60_000,
      zero: 'no pause',
    }),
    hedgeAfterMs: Type.Integer({
      description:
        'When no byte of an answer has come for so long, a GET, HEAD or OPTIONS without a body is also sent to a second endpoint, and the first answer counts. Counts as a retry, in the budget too.',
      unit: 'ms',
      default: 0,
      minimum: 0,
      maximum: 600_000,
      zero: 'never',
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
)
