// Where the database is, how many connections each worker may open, and how long anything there may take.
import { option as Type } from '@plimsoll/config'

const closed = { additionalProperties: false } as const

export const databaseUrl = Type.String({
  description:
    'Address of PostgreSQL: postgres://user:password@host:port/database. With database.directUrl set: of the pooler in front of it.',
  env: 'DATABASE_URL',
  pattern: '^postgres(ql)?://',
  placeholder: 'url',
  secret: true,
})
export const directUrl = Type.Optional(
  Type.String({
    description:
      'Address of the same database without the pooler, which then has to be one in transaction mode (PgBouncer): for migrations and the other database commands, and whenever the pooler can not be reached. Not set: database.url leads to PostgreSQL itself.',
    env: 'DATABASE_DIRECT_URL',
    pattern: '^postgres(ql)?://',
    placeholder: 'url',
    secret: true,
  }),
)
export const connectTimeoutS = Type.Integer({
  description: 'Longest time to open a connection.',
  unit: 's',
  default: 10,
  minimum: 1,
  maximum: 300,
  env: 'DB_CONNECTION_TIMEOUT',
})

export const database = Type.Object(
  {
    url: databaseUrl,
    directUrl,
    minConnections: Type.Optional(
      Type.Integer({
        description: 'Connections that each worker opens at its start. Not set: 2 in development, else 5.',
        unit: 'connections',
        minimum: 0,
        maximum: 1000,
        zero: 'the first query opens the first',
        env: 'DB_MIN_CONNECTIONS',
      }),
    ),
    maxConnections: Type.Optional(
      Type.Integer({
        description:
          'Connections that each worker may open at most, by each route. Not set: 10 in development, else 20.',
        unit: 'connections',
        minimum: 1,
        maximum: 1000,
        when: 'Raise it when requests wait while the database has cores and disks to spare; database.connectionBudget limits it.',
        env: 'DB_MAX_CONNECTIONS',
      }),
    ),
    connectionBudget: Type.Integer({
      description:
        'Connections that all workers together may open, by all routes and with one worker more during a rolling restart; each worker gets its share.',
      unit: 'connections',
      default: 90,
      minimum: 4,
      maximum: 100_000,
      when: 'Change it when max_connections of PostgreSQL is not 100, or other programs share it.',
      env: 'DB_CONNECTION_BUDGET',
    }),
    connectTimeoutS,
    commandTimeoutS: Type.Integer({
      description: 'Longest time for one statement; PostgreSQL stops it then.',
      unit: 's',
      default: 30,
      minimum: 1,
      maximum: 3600,
      env: 'DB_COMMAND_TIMEOUT',
    }),
    acquireTimeoutMs: Type.Integer({
      description: 'Longest wait of a statement for a connection; then the answer is 503 API_ERR_DATABASE_BUSY.',
      unit: 'ms',
      default: 5000,
      minimum: 10,
      maximum: 600_000,
      when: 'Lower it to shed load earlier. Above http.handlerTimeoutMs it has no effect.',
      env: 'DB_ACQUIRE_TIMEOUT_MS',
    }),
    slowQueryMs: Type.Optional(
      Type.Integer({
        description:
          'Waiting and running together from which on a statement is logged as slow, without its values. Not set: 100 in development, else 500.',
        unit: 'ms',
        minimum: 0,
        maximum: 3_600_000,
        zero: 'every statement is',
        env: 'DB_SLOW_QUERY_MS',
      }),
    ),
    probeIntervalMs: Type.Integer({
      description:
        'Time between two looks at the database in the background, ± 10 %; one second while it does not answer.',
      unit: 'ms',
      default: 10_000,
      minimum: 100,
      maximum: 3_600_000,
      env: 'API_DB_PROBE_INTERVAL_MS',
    }),
  },
  closed,
)
