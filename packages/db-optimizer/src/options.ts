// Options of a database: checked once, completed, and frozen. Inside the package nothing has a default of its own.
import type postgres from 'postgres'
import { DbError } from './errors.ts'
import type { NoTypes } from './sql/sql.ts'
import type { DriverOptions } from './driver/postgres-driver.ts'

/** Sizes that D1-like deployments start from. */
export const POOL_DEFAULTS = {
  development: { minConnections: 2, maxConnections: 10 },
  production: { minConnections: 10, maxConnections: 50 },
} as const

export interface DatabaseOptions<Types extends Record<string, postgres.PostgresType> = NoTypes> {
  /** `postgres://user:password@host:port/database`, or with `?host=/folder` for a Unix socket; one host. */
  readonly url: string
  /** Name of the pool in events and errors. Default `main`. */
  readonly name?: string
  /** Shown in pg_stat_activity. Default `db-optimizer`. */
  readonly applicationName?: string
  /** Chooses the pool's size where it isn't given. Default development: 2 to 10; production: 10 to 50. */
  readonly environment?: keyof typeof POOL_DEFAULTS
  /** Opened by `openDatabase` and kept open. `DB_MIN_CONNECTIONS`; 0 to `maxConnections`. */
  readonly minConnections?: number
  /** Open at most. `DB_MAX_CONNECTIONS`; 1 to 1000. See `connectionBudget` for the sum over processes. */
  readonly maxConnections?: number
  /** For a socket, authentication and a first answer. `DB_CONNECTION_TIMEOUT`; default 10,000 ms. */
  readonly connectTimeoutMs?: number
  /** The server stops a statement after it (statement_timeout); half a second later it's cancelled. `DB_COMMAND_TIMEOUT`; default 30,000 ms. */
  readonly commandTimeoutMs?: number
  /** Longest wait for a connection. Default 5000 ms. */
  readonly acquireTimeoutMs?: number
  /** Callers who may wait at once; more are refused at once. Default 1000; 0: nobody waits. */
  readonly maxQueue?: number
  /** Connections being opened at once. Default 3; 1 to 10. */
  readonly maxOpening?: number
  /** Cancel requests on their way at once, each a connection. Default 2; 1 to 20. */
  readonly maxCancels?: number
  /** A connection beyond `minConnections` is closed when it was idle for so long. Default 30,000 ms. */
  readonly idleTimeoutMs?: number
  /** A connection is replaced at this age, or up to 20 % before. Default 1,800,000 ms. */
  readonly maxLifetimeMs?: number
  /** A connection is replaced when so many statements are prepared on it. Default 256; 1 and more. */
  readonly maxStatementsPerConnection?: number
  /** From a cancel without an answer until the connection is given up. Default 2000 ms. */
  readonly cancelGraceMs?: number
  /** A transaction that does nothing for so long is ended by the server. Default 30,000 ms; 0: never. */
  readonly idleInTransactionTimeoutMs?: number
  /** Prepared statements. Default true; false behind a pooler that can't keep them. */
  readonly prepare?: boolean
  /** TLS, as postgres.js takes it. Default: as the address says. */
  readonly ssl?: DriverOptions['ssl']
  /** Types of your own, as postgres.js takes them. */
  readonly types?: Types
  /** Names of columns and values, as postgres.js takes it. */
  readonly transform?: DriverOptions['transform']
  /** Settings of each session: `{ timezone: 'UTC' }`. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
  /** Told of notices. Default: they're dropped. */
  readonly onNotice?: (notice: postgres.Notice) => void
}

/** Complete options. */
export interface CompleteOptions {
  readonly url: string
  readonly name: string
  readonly minConnections: number
  readonly maxConnections: number
  readonly connectTimeoutMs: number
  readonly commandTimeoutMs: number
  readonly acquireTimeoutMs: number
  readonly maxQueue: number
  readonly maxOpening: number
  readonly maxCancels: number
  readonly idleTimeoutMs: number
  readonly maxLifetimeMs: number
  readonly maxStatementsPerConnection: number
  readonly cancelGraceMs: number
  readonly driver: DriverOptions
}

const TEXTS = new Set(['url', 'name', 'applicationName'])
const OTHERS = new Set(['environment', 'prepare', 'ssl', 'types', 'transform', 'settings', 'onNotice'])
/** setTimeout's own limit. */
const MAX_MS = 2 ** 31 - 1
/** name: [default, least, most, unit] */
const NUMBERS = {
  minConnections: [2, 0, 1000, 'connections'],
  maxConnections: [10, 1, 1000, 'connections'],
  connectTimeoutMs: [10_000, 1, MAX_MS, 'ms'],
  commandTimeoutMs: [30_000, 1, MAX_MS, 'ms'],
  acquireTimeoutMs: [5000, 1, MAX_MS, 'ms'],
  maxQueue: [1000, 0, 1_000_000, 'callers'],
  maxOpening: [3, 1, 10, 'connections'],
  maxCancels: [2, 1, 20, 'connections'],
  idleTimeoutMs: [30_000, 10, MAX_MS, 'ms'],
  maxLifetimeMs: [1_800_000, 10, MAX_MS, 'ms'],
  maxStatementsPerConnection: [256, 1, 1_000_000, 'statements'],
  cancelGraceMs: [2000, 1, MAX_MS, 'ms'],
  idleInTransactionTimeoutMs: [30_000, 0, MAX_MS, 'ms'],
} as const satisfies Readonly<Record<string, readonly [number, number, number, string]>>
/** Options of postgres.js that would work against the pool, each with why or what to use. */
const DRIVER_ONLY: Readonly<Record<string, string>> = {
  max: 'use maxConnections',
  idle_timeout: 'use idleTimeoutMs',
  connect_timeout: 'use connectTimeoutMs',
  max_lifetime: 'use maxLifetimeMs',
  max_pipeline: 'statements are never pipelined: a cancel would hit a neighbour',
  backoff: 'the pool paces itself',
  socket: 'the pool opens its sockets itself',
  onclose: 'subscribe to db:slot:discarded',
  debug: 'it puts parameters into errors; subscribe to db:query:finished',
  onnotice: 'use onNotice',
  connection: 'use settings',
  host: 'use url',
  target_session_attrs: 'it needs several hosts, whose failover is not safe in the driver',
}

/** @throws DB_ERR_OPTION, naming the option, its unit and range */
export function completeOptions(options: DatabaseOptions<Record<string, postgres.PostgresType>>): CompleteOptions {
  for (const key of Object.keys(options)) {
    if (key in NUMBERS || TEXTS.has(key) || OTHERS.has(key)) continue
    const instead = DRIVER_ONLY[key]
    throw new DbError(
      'DB_ERR_OPTION',
      instead === undefined ? `There is no option "${key}".` : `There is no option "${key}": ${instead}.`,
    )
  }
  for (const key of TEXTS) {
    const value: unknown = Reflect.get(options, key)
    if (value === undefined && key !== 'url') continue
    if (typeof value !== 'string' || value === '')
      throw new DbError('DB_ERR_OPTION', `${key} has to be a text that isn't empty.`)
  }
  if (!/^postgres(?:ql)?:\/\//.test(options.url)) {
    throw new DbError(
      'DB_ERR_OPTION',
      'url has to begin with postgres:// (it is not shown, since it may hold a password).',
    )
  }
  const { environment = 'development' } = options
  if (!Object.hasOwn(POOL_DEFAULTS, environment)) {
    throw new DbError('DB_ERR_OPTION', `environment is ${environment as string}; it's development or production.`)
  }
  const sizes = POOL_DEFAULTS[environment]
  const maxConnections = numberOf(options, 'maxConnections', sizes.maxConnections)
  const minConnections = numberOf(options, 'minConnections', Math.min(sizes.minConnections, maxConnections))
  if (minConnections > maxConnections) {
    throw new DbError(
      'DB_ERR_OPTION',
      `minConnections (${minConnections}) is above maxConnections (${maxConnections}).`,
    )
  }
  const commandTimeoutMs = numberOf(options, 'commandTimeoutMs')
  return {
    url: options.url,
    name: options.name ?? 'main',
    minConnections,
    maxConnections,
    connectTimeoutMs: numberOf(options, 'connectTimeoutMs'),
    commandTimeoutMs,
    acquireTimeoutMs: numberOf(options, 'acquireTimeoutMs'),
    maxQueue: numberOf(options, 'maxQueue'),
    maxOpening: numberOf(options, 'maxOpening'),
    maxCancels: numberOf(options, 'maxCancels'),
    idleTimeoutMs: numberOf(options, 'idleTimeoutMs'),
    maxLifetimeMs: numberOf(options, 'maxLifetimeMs'),
    maxStatementsPerConnection: numberOf(options, 'maxStatementsPerConnection'),
    cancelGraceMs: numberOf(options, 'cancelGraceMs'),
    driver: {
      connection: {
        ...options.settings,
        application_name: options.applicationName ?? 'db-optimizer',
        statement_timeout: commandTimeoutMs,
        idle_in_transaction_session_timeout: numberOf(options, 'idleInTransactionTimeoutMs'),
      },
      prepare: options.prepare ?? true,
      onnotice: options.onNotice ?? (() => {}),
      ...(options.ssl === undefined ? {} : { ssl: options.ssl }),
      ...(options.types === undefined ? {} : { types: options.types }),
      ...(options.transform === undefined ? {} : { transform: options.transform }),
    },
  }
}

function numberOf(options: object, name: keyof typeof NUMBERS, otherwise?: number): number {
  const [standard, least, most, unit] = NUMBERS[name]
  const value: unknown = Reflect.get(options, name) ?? otherwise ?? standard
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
  throw new DbError(
    'DB_ERR_OPTION',
    `${name} is ${String(value)}; it's a whole number of ${unit} from ${least} to ${most}.`,
  )
}
