// What endpoints say of their own load, and what it counts for.
import { option as Type, type DeepReadonly } from '@plimsoll/config'
import type { Static } from 'typebox'
import { databaseFreeIssues } from '../reports/database-free.ts'

export const reportsOptions = Type.Object(
  {
    from: Type.Union([Type.Literal('unix'), Type.Literal('all'), Type.Literal('none')], {
      description:
        'Whose load reports count: of endpoints on Unix sockets, of all, or of none. An endpoint can lower its own share by them, and raise it with least-loaded, so they count only from where nobody else can answer. The field endpoint-load-metrics never reaches clients, whatever this says.',
      default: 'unix',
    }),
    expiryMs: Type.Integer({
      description:
        'Age from which a report does not count any more. Idle endpoints report in the answers to checks only, so with health.path it is at least health.interval-ms and a tenth, and health.timeout-ms, up to 5000 ms.',
      unit: 'ms',
      default: 3000,
      minimum: 100,
      maximum: 60_000,
    }),
    databaseFree: Type.Array(Type.String(), {
      description:
        'Paths that need no database, one flag each: /static also stands for /static/a, but not for /statics. All other requests then go to endpoints without database waiters first. None: requests are not told apart, and waiters keep nothing away.',
      default: [],
      placeholder: '/path',
    }),
    maxDatabaseWaiting: Type.Number({
      description:
        'With database-free: an endpoint of which so many requests wait for a database connection (three quarters of it, on average of half a second) gets a tenth of its share of those others, unless there is nobody else. Back below a quarter of it. When more than half have so many, nobody is avoided.',
      unit: 'requests',
      default: 1,
      minimum: 0,
      maximum: 1_000_000,
      zero: 'waiters are not looked at',
    }),
  },
  { additionalProperties: false },
)

/** What the schema can't say. One sentence per problem. */
export function reportsIssues({ databaseFree }: DeepReadonly<Static<typeof reportsOptions>>): string[] {
  return databaseFreeIssues(databaseFree).map(issue => `reports.databaseFree: ${issue}`)
}
