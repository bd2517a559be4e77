// How often somebody may ask for what's costly. What each kind counts, and over which window, stands in limits/kinds.ts.
import { option as Type } from '@plimsoll/config'
import { DEFAULT_LIMITS } from '../limits/kinds.ts'

const closed = { additionalProperties: false } as const

const limit = (description: string, preset: number, env: string) =>
  Type.Integer({ description, unit: 'requests', default: preset, minimum: 1, maximum: 100_000, env })

export const limits = Type.Object(
  {
    expensive: limit(
      'Requests a minute to each route that asks the database or the system something on each call, by address.',
      DEFAULT_LIMITS.expensive,
      'API_LIMIT_EXPENSIVE',
    ),
    uploads: limit('Uploads a minute, by address and by user.', DEFAULT_LIMITS.uploads, 'API_LIMIT_UPLOADS'),
    authentication: limit(
      'Sign-ups in 15 minutes, by address.',
      DEFAULT_LIMITS.authentication,
      'API_LIMIT_AUTHENTICATION',
    ),
    signInsByAccount: limit(
      'Failed sign-ins in 15 minutes by account; an address from which the account was signed in to before has as many of its own.',
      DEFAULT_LIMITS.signInsByAccount,
      'API_LIMIT_SIGN_INS_BY_ACCOUNT',
    ),
    signInsByAddress: limit(
      'Failed sign-ins in 15 minutes by address, over all accounts.',
      DEFAULT_LIMITS.signInsByAddress,
      'API_LIMIT_SIGN_INS_BY_ADDRESS',
    ),
  },
  closed,
)
