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
