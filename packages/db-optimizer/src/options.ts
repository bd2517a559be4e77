// Options of a database: checked once, completed, and frozen. Inside the package nothing has a default of its own.
import type postgres from 'postgres'
import { completeCacheOptions, type CacheOptions, type CompleteCacheOptions } from './cached/cache-options.ts'
import type { DriverOptions } from './driver/postgres-driver.ts'
import { DbError } from './errors.ts'
import { LISTEN_DEFAULTS } from './listen/notifications.ts'
import type { HandlerFailure } from './listen/subscription.ts'
import type { RouteSettings } from './routes/route.ts'
import type { NoTypes } from './sql/sql.ts'
import type { SlowQuery } from './statements/slow-query-log.ts'

/** What an environment starts from. */
export const POOL_DEFAULTS = {
  development: { minConnections: 2, maxConnections: 10, slowQueryMs: 100 },
  production: { minConnections: 10, maxConnections: 50, slowQueryMs: 500 },
} as const

/** One way to the database. */
export interface RouteOptions {
  /** In events, errors and statistics. */
  readonly name: string
  /** As the database's. */
  readonly url: string
  /**
   * There's a pooler in transaction mode at this address (PgBouncer, a provider's pooled endpoint). Statements aren't prepared unless `prepare` says so, no settings of a session are
   * sent (the server's statement_timeout among them: our own limit counts), and LISTEN takes another route. Default false.
   */
  readonly pooler?: boolean
  /** Default: the database's; false for a pooler. */
  readonly prepare?: boolean
  /** Default: the database's for the first route, 0 for the others. */
  readonly minConnections?: number
  /** Default: the database's. */
  readonly maxConnections?: number
  readonly ssl?: DriverOptions['ssl']
}

export interface DatabaseOptions<Types extends Record<string, postgres.PostgresType> = NoTypes> {
  /** `postgres://user:password@host:port/database`, or `postgres://user@localhost/database?host=/folder` for a Unix socket; one host. Either this or `routes`. */
  readonly url?: string
  /** Several ways to the same database, the preferred one first: pooled or accelerated, then direct. All lead to the same primary. */
  readonly routes?: readonly RouteOptions[]
  /** Name of the only route, in events and errors. Default `main`. */
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
  /** Executions of a lone statement in all, where it's safe to repeat it. Default 3; 1 to 10. */
  readonly maxAttempts?: number
  /** Longest wait for a connection of a route that has none, while there's another route. Default 1000 ms. */
  readonly fallbackAfterMs?: number
  /** Routes are probed so often, ± 10 %, on connections of their own. Default 60,000 ms. */
  readonly probeIntervalMs?: number
  /** The same while a route is away or in doubt. Default 5000 ms. */
  readonly probeDoubtIntervalMs?: number
  /** A route that was left is used again after this time at the earliest, and after three good probes in a row. Default 30,000 ms. */
  readonly returnAfterMs?: number
  /**
   * A route is also left when half of at least ten waits in ten seconds found no way in. Default true; false: only when it can't be reached at all, or probes fail; and waits aren't counted.
   */
  readonly circuitBreaker?: boolean
  /** Figures per statement (`db.statements`) and the slow-query log. Default true. */
  readonly statementStatistics?: boolean
  /** Waiting and running together from which on an execution is slow. Default 100 ms; production 500 ms. */
  readonly slowQueryMs?: number
  /** Told of slow executions, at most 10 a second; a logger's `warn`. Without it there's no slow-query log. */
  readonly onSlowQuery?: (slow: SlowQuery) => void
  /** Part of the slow executions that are told, 0 to 1. Default 1. */
  readonly slowQuerySampleRatio?: number
  /** Fetches the plan of slow statements (EXPLAIN without running them), each once in ten minutes. Default false. */
  readonly slowQueryPlans?: boolean
  /** `listen` asks its connection so often whether it lives. Default 10,000 ms. */
  readonly heartbeatIntervalMs?: number
  /** Without any sign of life for so long after that, the connection is given up. Default 3000 ms. */
  readonly heartbeatTimeoutMs?: number
  /** Told of what handlers of `listen` throw. Default: a warning of the process. */
  readonly onListenError?: (error: unknown, failure: HandlerFailure) => void
  /** A cache for rows of `sql.cached`, which is told of what's written. Default: none, `sql.cached` reads from the database. */
  readonly cache?: CacheOptions
  /** Told of notices. Default: they're dropped. */
  readonly onNotice?: (notice: postgres.Notice) => void
}

/** Complete options. */
export interface CompleteOptions {
  readonly routes: readonly CompleteRoute[]
  readonly routing: RouteSettings
  readonly maxAttempts: number
  readonly statementStatistics: boolean
  readonly slowQuery: SlowQueryOptions | undefined
  readonly listen: ListenOptionsOfDatabase
  readonly cache: CompleteCacheOptions | undefined
  /** Of each session; with the address it says whose rows are read. */
  readonly settings: Readonly<Record<string, string | number | boolean>>
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
}

export interface ListenOptionsOfDatabase {
  readonly heartbeatIntervalMs: number
  readonly heartbeatTimeoutMs: number
  readonly onError: (error: unknown, failure: HandlerFailure) => void
}

export interface CompleteRoute {
  readonly name: string
  readonly url: string
  readonly pooler: boolean
  readonly minConnections: number
  readonly maxConnections: number
  readonly driver: DriverOptions
}

export interface SlowQueryOptions {
  readonly thresholdMs: number
  readonly sampleRatio: number
  readonly plans: boolean
  readonly write: (slow: SlowQuery) => void
}

const TEXTS = new Set(['url', 'name', 'applicationName'])
const OTHERS = new Set([
  'environment',
  'prepare',
  'ssl',
  'types',
  'transform',
  'settings',
  'onNotice',
  'routes',
  'circuitBreaker',
  'statementStatistics',
  'onSlowQuery',
  'slowQuerySampleRatio',
  'slowQueryPlans',
  'onListenError',
  'cache',
])
const ROUTE_OPTIONS = new Set(['name', 'url', 'pooler', 'prepare', 'minConnections', 'maxConnections', 'ssl'])
/** Settings of a session that a pooler keeps apart for its clients; others it refuses, or they'd be the next client's. */
const POOLER_SETTINGS = new Set([
  'application_name',
  'client_encoding',
  'datestyle',
  'timezone',
  'standard_conforming_strings',
])
const MAX_ROUTES = 5
const CIRCUIT = { resetMs: 5000, minWaits: 10 }
const PROBES = { probeTimeoutMs: 3000, goodProbes: 3 }
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
  maxAttempts: [3, 1, 10, 'executions'],
  fallbackAfterMs: [1000, 1, MAX_MS, 'ms'],
  probeIntervalMs: [60_000, 100, MAX_MS, 'ms'],
  probeDoubtIntervalMs: [5000, 10, MAX_MS, 'ms'],
  returnAfterMs: [30_000, 0, MAX_MS, 'ms'],
  slowQueryMs: [100, 0, MAX_MS, 'ms'],
  heartbeatIntervalMs: [LISTEN_DEFAULTS.heartbeatIntervalMs, 10, MAX_MS, 'ms'],
  heartbeatTimeoutMs: [LISTEN_DEFAULTS.heartbeatTimeoutMs, 10, MAX_MS, 'ms'],
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
    if (value !== undefined && (typeof value !== 'string' || value === '')) throw noText(key)
  }
  const { environment = 'development' } = options
  if (!Object.hasOwn(POOL_DEFAULTS, environment)) {
    throw new DbError('DB_ERR_OPTION', `environment is ${environment as string}; it's development or production.`)
  }
  return {
    routes: routesOf(options, environment),
    routing: {
      fallbackAfterMs: numberOf(options, 'fallbackAfterMs'),
      probeIntervalMs: numberOf(options, 'probeIntervalMs'),
      probeDoubtIntervalMs: numberOf(options, 'probeDoubtIntervalMs'),
      minAwayMs: numberOf(options, 'returnAfterMs'),
      ...PROBES,
      circuit: options.circuitBreaker === false ? undefined : CIRCUIT,
    },
    maxAttempts: numberOf(options, 'maxAttempts'),
    statementStatistics: options.statementStatistics ?? true,
    slowQuery: slowQueryOf(options, environment),
    listen: {
      heartbeatIntervalMs: numberOf(options, 'heartbeatIntervalMs'),
      heartbeatTimeoutMs: numberOf(options, 'heartbeatTimeoutMs'),
      onError: options.onListenError ?? warn,
    },
    cache: options.cache === undefined ? undefined : completeCacheOptions(options.cache),
    settings: options.settings ?? {},
    connectTimeoutMs: numberOf(options, 'connectTimeoutMs'),
    commandTimeoutMs: numberOf(options, 'commandTimeoutMs'),
    acquireTimeoutMs: numberOf(options, 'acquireTimeoutMs'),
    maxQueue: numberOf(options, 'maxQueue'),
    maxOpening: numberOf(options, 'maxOpening'),
    maxCancels: numberOf(options, 'maxCancels'),
    idleTimeoutMs: numberOf(options, 'idleTimeoutMs'),
    maxLifetimeMs: numberOf(options, 'maxLifetimeMs'),
    maxStatementsPerConnection: numberOf(options, 'maxStatementsPerConnection'),
    cancelGraceMs: numberOf(options, 'cancelGraceMs'),
  }
}

type Given = DatabaseOptions<Record<string, postgres.PostgresType>>

function routesOf(options: Given, environment: keyof typeof POOL_DEFAULTS): CompleteRoute[] {
  const { url, routes, name = 'main' } = options
  if ((url === undefined) === (routes === undefined)) {
    throw new DbError('DB_ERR_OPTION', 'Either url or routes has to be given, and not both.')
  }
  const given: readonly RouteOptions[] = routes ?? [{ name, url: url as string }]
  if (!Array.isArray(given) || given.length === 0 || given.length > MAX_ROUTES) {
    throw new DbError('DB_ERR_OPTION', `routes is a list of 1 to ${MAX_ROUTES} routes.`)
  }
  if (new Set(given.map(route => route.name)).size < given.length) {
    throw new DbError('DB_ERR_OPTION', 'Two routes have the same name.')
  }
  return given.map((route, index) => routeOf(route, options, index, environment))
}

function routeOf(
  route: RouteOptions,
  options: Given,
  index: number,
  environment: keyof typeof POOL_DEFAULTS,
): CompleteRoute {
  const where = options.routes === undefined ? '' : `routes[${index}].`
  const unknown = Object.keys(route).find(key => !ROUTE_OPTIONS.has(key))
  if (unknown !== undefined) throw new DbError('DB_ERR_OPTION', `There is no option "${where}${unknown}".`)
  if (typeof route.name !== 'string' || route.name === '') throw noText(`${where}name`)
  if (typeof route.url !== 'string' || !/^postgres(?:ql)?:\/\//.test(route.url)) {
    throw new DbError(
      'DB_ERR_OPTION',
      `${where}url has to begin with postgres:// (it is not shown, since it may hold a password).`,
    )
  }
  const sizes = POOL_DEFAULTS[environment]
  const pooler = route.pooler ?? false
  const maxConnections = numberOf(route, 'maxConnections', numberOf(options, 'maxConnections', sizes.maxConnections))
  const least = index === 0 ? numberOf(options, 'minConnections', Math.min(sizes.minConnections, maxConnections)) : 0
  const minConnections = numberOf(route, 'minConnections', least)
  if (minConnections > maxConnections) {
    throw new DbError(
      'DB_ERR_OPTION',
      `${where}minConnections (${minConnections}) is above ${where}maxConnections (${maxConnections}).`,
    )
  }
  const ssl = route.ssl ?? options.ssl
  return {
    name: route.name,
    url: route.url,
    pooler,
    minConnections,
    maxConnections,
    driver: {
      connection: sessionSettings(options, pooler, where),
      prepare: route.prepare ?? (pooler ? false : (options.prepare ?? true)),
      onnotice: options.onNotice ?? (() => {}),
      ...(ssl === undefined ? {} : { ssl }),
      ...(options.types === undefined ? {} : { types: options.types }),
      ...(options.transform === undefined ? {} : { transform: options.transform }),
    },
  }
}

function sessionSettings(options: Given, pooler: boolean, where: string): NonNullable<DriverOptions['connection']> {
  const application = { ...options.settings, application_name: options.applicationName ?? 'db-optimizer' }
  if (!pooler) {
    return {
      ...application,
      statement_timeout: numberOf(options, 'commandTimeoutMs'),
      idle_in_transaction_session_timeout: numberOf(options, 'idleInTransactionTimeoutMs'),
    }
  }
  const refused = Object.keys(application).find(name => !POOLER_SETTINGS.has(name.toLowerCase()))
  if (refused === undefined) return application
  throw new DbError(
    'DB_ERR_OPTION',
    `settings.${refused} can't be sent through a pooler in transaction mode (${where}pooler): set it for the role, "alter role ... set ${refused}".`,
  )
}

function slowQueryOf(options: Given, environment: keyof typeof POOL_DEFAULTS): SlowQueryOptions | undefined {
  const thresholdMs = numberOf(options, 'slowQueryMs', POOL_DEFAULTS[environment].slowQueryMs)
  const sampleRatio = options.slowQuerySampleRatio ?? 1
  if (!(sampleRatio >= 0 && sampleRatio <= 1)) {
    throw new DbError('DB_ERR_OPTION', `slowQuerySampleRatio is ${String(sampleRatio)}; it's a part from 0 to 1.`)
  }
  if (options.onSlowQuery === undefined || options.statementStatistics === false) return undefined
  return { thresholdMs, sampleRatio, plans: options.slowQueryPlans ?? false, write: options.onSlowQuery }
}

function warn(error: unknown, { channel }: HandlerFailure): void {
  process.emitWarning(`A handler of "${channel}" has failed: ${String(error)}`, { code: 'DB_WARN_LISTEN_HANDLER' })
}

function noText(name: string): DbError {
  return new DbError('DB_ERR_OPTION', `${name} has to be a text that isn't empty.`)
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
