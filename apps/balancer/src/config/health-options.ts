// How endpoints are asked whether they serve, and what takes one out.
import { option as Type } from '@plimsoll/config'

export const healthOptions = Type.Object(
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
)
