// Who signs what, how long it's good, and what a password costs to try.
import { option as Type } from '@plimsoll/config'
import { ARGON2_PARAMETERS } from '../auth/argon2-parameters.ts'

const closed = { additionalProperties: false } as const
const DAY_S = 86_400

export const auth = Type.Object(
  {
    keys: Type.Optional(
      Type.String({
        description:
          'Keys for access tokens, as JSON: {"sign":"a","keys":{"a":"..."}} with 32 random bytes or more in base64url each. Not set, and no keysFile: made up at each start, but for production, which needs one of the two.',
        minLength: 2,
        secret: true,
        env: 'API_TOKEN_KEYS',
        placeholder: 'json',
      }),
    ),
    keysFile: Type.Optional(
      Type.String({
        description:
          'File with the same; it is read again within a second or two when it changes, so that keys are exchanged without a restart.',
        minLength: 1,
        env: 'API_TOKEN_KEYS_FILE',
      }),
    ),
    issuer: Type.String({
      description: 'Who signs access tokens (iss).',
      default: 'plimsoll',
      minLength: 1,
      maxLength: 128,
      env: 'API_TOKEN_ISSUER',
    }),
    audience: Type.String({
      description: 'For whom they are (aud).',
      default: 'plimsoll-api',
      minLength: 1,
      maxLength: 128,
      env: 'API_TOKEN_AUDIENCE',
    }),
    accessTokenS: Type.Integer({
      description: 'How long an access token is good.',
      unit: 's',
      default: 900,
      minimum: 1,
      maximum: 900,
      env: 'API_ACCESS_TOKEN_S',
    }),
    refreshTokenS: Type.Integer({
      description: 'How long a refresh token is good that is not used.',
      unit: 's',
      default: 14 * DAY_S,
      minimum: 60,
      maximum: 90 * DAY_S,
      env: 'API_REFRESH_TOKEN_S',
    }),
    sessionS: Type.Integer({
      description: 'How long a sign-in is good, however often its tokens are renewed.',
      unit: 's',
      default: 90 * DAY_S,
      minimum: 60,
      maximum: 365 * DAY_S,
      env: 'API_SESSION_S',
    }),
    hashMemoryKib: Type.Integer({
      description:
        'Memory of one password hash (argon2id, one lane). Raised, older hashes are replaced as their owners sign in; until they have, a wrong password takes less time for their accounts than for none.',
      unit: 'KiB',
      default: ARGON2_PARAMETERS.memoryKib,
      minimum: ARGON2_PARAMETERS.memoryKib,
      maximum: 1_048_576,
      env: 'API_HASH_MEMORY_KIB',
    }),
    hashPasses: Type.Integer({
      description: 'Passes of one password hash.',
      unit: 'passes',
      default: ARGON2_PARAMETERS.passes,
      minimum: ARGON2_PARAMETERS.passes,
      maximum: 64,
      env: 'API_HASH_PASSES',
    }),
    hashSlots: Type.Optional(
      Type.Integer({
        description:
          "Password hashes at once in each worker; others wait up to 2 s. Not set: the machine's cores but one, divided among the workers, at least one each. While others wait, a slot rests between two hashes, so that all of them together take no more than those cores. One thread of libuv's four is always left.",
        unit: 'hashes',
        minimum: 1,
        maximum: 3,
        env: 'API_HASH_SLOTS',
      }),
    ),
  },
  closed,
)
