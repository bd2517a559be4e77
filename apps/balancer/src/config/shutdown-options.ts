// How the balancer ends.
import { option as Type } from '@plimsoll/config'

export const shutdownOptions = Type.Object(
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
)
