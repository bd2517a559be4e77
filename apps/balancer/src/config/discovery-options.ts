// Where the list of endpoints comes from besides the flags.
import { option as Type } from '@plimsoll/config'

export const discoveryOptions = Type.Object(
  {
    file: Type.String({
      description:
        'JSON file that lists the endpoints and is replaced when they change; watched. Empty: only --upstream counts.',
      default: '',
    }),
    pollMs: Type.Integer({
      description:
        "How often the file is looked at besides the file system's own events, which some mounts do not deliver.",
      unit: 'ms',
      default: 1000,
      minimum: 50,
      maximum: 60_000,
    }),
  },
  { additionalProperties: false },
)
