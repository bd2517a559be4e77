// What kind of installation it is, and where its log lines go.
import { option as Type } from '@plimsoll/config'
import { LOG_LEVELS } from '@plimsoll/telemetry'
import { LOGGED_ADDRESSES } from '../http/logged-address.ts'

const closed = { additionalProperties: false } as const

export const environment = Type.Enum(['development', 'staging', 'production'], {
  description: 'Kind of installation: decides what is not set otherwise, and what is refused; the README has a table.',
  default: 'development',
  env: 'NODE_ENV',
})

export const log = Type.Object(
  {
    level: Type.Optional(
      Type.Enum([...LOG_LEVELS], {
        description: 'Lowest level that is logged. Not set: debug in development, info in staging, warn in production.',
        env: 'LOG_LEVEL',
      }),
    ),
    file: Type.Optional(
      Type.String({
        description:
          'Path of log files without their ending; each process adds its name and rotates its own file at 20 MiB, keeping five. Not set: standard output.',
        env: 'API_LOG_FILE',
        minLength: 1,
      }),
    ),
    addresses: Type.Enum([...LOGGED_ADDRESSES], {
      description:
        "Clients' addresses in log lines: full, truncated to their network (IPv4 to 24 bits, IPv6 to 48), or none.",
      default: 'full',
      env: 'API_LOG_ADDRESSES',
    }),
  },
  closed,
)
