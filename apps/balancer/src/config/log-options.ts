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
    decisions: Type.Integer({
      description:
        'Decisions that are kept in memory for GET /admin/explain: who could take a request, by which figures one was chosen, how it ended. About 1 KB each.',
      unit: 'decisions',
      default: 1000,
      minimum: 0,
      maximum: 1_000_000,
      zero: 'none',
    }),
    access: Type.String({
      description: 'File for a JSON line per request, "-" for standard output. Empty: no access log.',
      default: '',
    }),
  },
  { additionalProperties: false },
)
