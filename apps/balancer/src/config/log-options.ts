// What is written down.
import { option as Type } from '@plimsoll/config'

export const logOptions = Type.Object(
  {
    level: Type.Union(
      [
        Type.Literal('debug'),
        Type.Literal('info'),
        Type.Literal('warn'),
        Type.Literal('error'),
        Type.Literal('silent'),
      ],
      { description: 'Lowest level that is logged.', default: 'info', env: 'LOG_LEVEL' },
    ),
    access: Type.String({
      description: 'File for a JSON line per request, "-" for standard output. Empty: no access log.',
      default: '',
    }),
  },
  { additionalProperties: false },
)
