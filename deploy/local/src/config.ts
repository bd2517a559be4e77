// Options of the one-command stack.
import { option as Type, type DeepReadonly } from '@plimsoll/config'
import type { Static } from 'typebox'

export const localSchema = Type.Object(
  {
    port: Type.Integer({
      description: 'Port of the service (the balancer).',
      default: 8080,
      minimum: 0,
      maximum: 65_535,
      env: 'PORT',
      zero: 'a free port',
    }),
    adminPort: Type.Integer({
      description: "Port of the balancer's health, metrics and admin API on 127.0.0.1.",
      default: 9901,
      minimum: 0,
      maximum: 65_535,
      env: 'ADMIN_PORT',
      zero: 'a free port',
    }),
    apiAdminPort: Type.Integer({
      description: "Port of the API fleet's metrics and control on 127.0.0.1.",
      default: 9902,
      minimum: 0,
      maximum: 65_535,
      env: 'API_ADMIN_PORT',
      zero: 'a free port',
    }),
    host: Type.String({ description: 'Interface of the service.', default: '127.0.0.1' }),
    workers: Type.Optional(
      Type.Integer({
        description: 'API workers. Default: one per core, at least 2; `npm run dev` takes 1.',
        unit: 'processes',
        minimum: 1,
        maximum: 64,
      }),
    ),
    loadBalancing: Type.Boolean({
      description: 'Off: a single instance, one API worker that gets every request.',
      default: true,
      env: 'LOAD_BALANCING',
    }),
    rateLimit: Type.Boolean({
      description:
        'Limits per client address, in the balancer and in workers. In development requests from this machine are exempt; with NODE_ENV=production they count like all.',
      default: true,
      env: 'FEATURE_RATE_LIMIT',
    }),
    fresh: Type.Boolean({ description: 'Throw the demo data away and load it again.', default: false }),
    data: Type.Optional(
      Type.String({
        description:
          'Folder of the database, the logs and the admin token. Default: .plimsoll in the checkout; as root below a closed home, a folder in /var/lib/plimsoll.',
        env: 'PLIMSOLL_DATA',
      }),
    ),
    demo: Type.Union([Type.Literal('small'), Type.Literal('full')], {
      description: 'Size of the demo data that a first start loads.',
      default: 'full',
    }),
    databaseUrl: Type.Optional(
      Type.String({
        description:
          'PostgreSQL to use instead of the embedded one: postgres://user:password@host:port/database. Migrations and demo data go there.',
        env: 'DATABASE_URL',
        secret: true,
      }),
    ),
    inspectPort: Type.Integer({
      description: 'Port of the inspector under `npm run dev`.',
      default: 9229,
      minimum: 1,
      maximum: 65_535,
    }),
  },
  { additionalProperties: false },
)

export type LocalConfig = DeepReadonly<Static<typeof localSchema>>

/** What the schema can't say; one sentence per problem. */
export function checkLocalConfig(config: LocalConfig): string[] {
  const issues: string[] = []
  if (!config.loadBalancing && (config.workers ?? 1) > 1)
    issues.push(
      `workers: ${config.workers} of them make no sense with loadBalancing off, which is for a single instance; leave one of the two out`,
    )
  if (config.databaseUrl !== undefined) {
    const url = URL.parse(config.databaseUrl)
    if (!url || (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') || url.pathname.length < 2) {
      issues.push(
        'databaseUrl (DATABASE_URL): this is no PostgreSQL URL; it looks like postgres://USER@HOST:5432/DATABASE, with the password behind the user. Unset it to use the embedded PostgreSQL.',
      )
    }
  }
  const taken = new Map<number, string>()
  for (const name of ['port', 'adminPort', 'apiAdminPort'] as const) {
    const port = config[name]
    const other = taken.get(port)
    if (port !== 0 && other) issues.push(`${other} and ${name} are both ${port}; give each a port of its own.`)
    taken.set(port, name)
  }
  return issues
}

export const localProgram = {
  name: 'plimsoll',
  usage: 'npm start -- [options]      npm run dev -- [options]      npm run doctor',
  schema: localSchema,
  check: checkLocalConfig,
}
