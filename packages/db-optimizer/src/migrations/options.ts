// Options of the runner: checked once, completed, and frozen. Inside, nothing has a default of its own.
import { quoteIdentifier } from '../batching/quote-identifier.ts'
import type { DriverOptions } from '../driver/postgres-driver.ts'
import { DbError } from '../errors.ts'
import { nodeTimers, type RetryTimers } from '../retry/pause.ts'
import type { OnProgress } from './progress.ts'

export interface MigrationOptions {
  /** `postgres://user:password@host:port/database` of the server itself, not of a pooler in transaction mode. */
  readonly url: string
  /** Folder of `NNNN_name.sql` files. */
  readonly folder: string
  /** Table that records what is applied, made when it's missing; a name, or schema and name. Default `schema_migrations`, in the first schema of the search path. */
  readonly ledger?: string | readonly [schema: string, table: string]
  /** Key of the advisory lock. Default: made from schema and name of the ledger. All that migrate a database need the same. */
  readonly lockKey?: bigint
  /** Longest wait for another process that migrates. Default 120,000 ms; 0: it's asked for once. */
  readonly lockWaitMs?: number
  /** Pause between two questions for the lock. Default 200 ms. */
  readonly lockPollMs?: number
  /** Longest wait of one statement for a table's lock (lock_timeout). Default 5000 ms; 0: none, and whoever comes after queues behind it. */
  readonly lockTimeoutMs?: number
  /** How often a file is tried that others' locks keep from running. Default 5; 1 to 100. Only for files in a transaction. */
  readonly lockAttempts?: number
  /** Longest time of one statement (statement_timeout). Default 0: none. */
  readonly statementTimeoutMs?: number
  /** For a socket, authentication and a first answer. Default 10,000 ms. */
  readonly connectTimeoutMs?: number
  /** What to do with a database that has migrations above the newest file. Default `accept`: the previous release on the schema of the next one. */
  readonly ahead?: 'accept' | 'refuse'
  /** Shown in pg_stat_activity. Default `db-migrations`. */
  readonly applicationName?: string
  /** TLS, as postgres.js takes it. Default: as the address says. */
  readonly ssl?: DriverOptions['ssl']
  /** Told how it goes. */
  readonly onProgress?: OnProgress
  /** Stops the run: the statement under way is cancelled, and its file rolled back. */
  readonly signal?: AbortSignal
}

/** What comes from outside besides options; for tests. */
export interface MigrationTools {
  readonly timers?: RetryTimers
  readonly random?: { next(): number }
}

/** Complete options. */
export interface Settings {
  readonly url: string
  readonly folder: string
  /** Names as given; a schema that's undefined is the first of the search path. */
  readonly ledger: { readonly schema: string | undefined; readonly table: string }
  readonly lockKey: bigint | undefined
  readonly lockWaitMs: number
  readonly lockPollMs: number
  readonly lockTimeoutMs: number
  readonly lockAttempts: number
  readonly statementTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly ahead: 'accept' | 'refuse'
  readonly applicationName: string
  readonly ssl: DriverOptions['ssl']
  readonly onProgress: OnProgress
  readonly signal: AbortSignal | undefined
  readonly timers: RetryTimers
  readonly random: { next(): number }
}

const MAX_MS = 2 ** 31 - 1
const MAX_KEY = 2n ** 63n
/** name: [default, least, most, unit] */
const NUMBERS = {
  lockWaitMs: [120_000, 0, MAX_MS, 'ms'],
  lockPollMs: [200, 1, 60_000, 'ms'],
  lockTimeoutMs: [5000, 0, MAX_MS, 'ms'],
  lockAttempts: [5, 1, 100, 'attempts'],
  statementTimeoutMs: [0, 0, MAX_MS, 'ms'],
  connectTimeoutMs: [10_000, 1, MAX_MS, 'ms'],
} as const satisfies Readonly<Record<string, readonly [number, number, number, string]>>
const OTHERS: ReadonlySet<string> = new Set([
  'url',
  'folder',
  'ledger',
  'lockKey',
  'ahead',
  'applicationName',
  'ssl',
  'onProgress',
  'signal',
])

/**
 * @param more names of options that the caller takes itself
 * @throws DbError DB_ERR_OPTION, naming the option, its unit and range
 */
export function completeSettings(
  options: MigrationOptions,
  tools: MigrationTools,
  more: readonly string[] = [],
): Settings {
  for (const key of Object.keys(options)) {
    if (!(key in NUMBERS) && !OTHERS.has(key) && !more.includes(key)) throw refused(`There is no option "${key}".`)
  }
  const { url, folder, lockKey, ahead = 'accept', applicationName = 'db-migrations' } = options
  if (typeof url !== 'string' || !/^postgres(?:ql)?:\/\//.test(url)) {
    throw refused('url has to begin with postgres:// (it is not shown, since it may hold a password).')
  }
  if (typeof folder !== 'string' || folder === '') throw refused('folder has to be the path of a folder.')
  if (typeof applicationName !== 'string' || applicationName === '')
    throw refused("applicationName has to be a text that isn't empty.")
  if (ahead !== 'accept' && ahead !== 'refuse') throw refused(`ahead is ${String(ahead)}; it's accept or refuse.`)
  if (lockKey !== undefined && (typeof lockKey !== 'bigint' || lockKey < -MAX_KEY || lockKey >= MAX_KEY))
    throw refused('lockKey has to be a bigint of 64 bits.')
  return Object.freeze({
    url,
    folder,
    ledger: ledgerNames(options.ledger ?? 'schema_migrations'),
    lockKey,
    lockWaitMs: numberOf(options, 'lockWaitMs'),
    lockPollMs: numberOf(options, 'lockPollMs'),
    lockTimeoutMs: numberOf(options, 'lockTimeoutMs'),
    lockAttempts: numberOf(options, 'lockAttempts'),
    statementTimeoutMs: numberOf(options, 'statementTimeoutMs'),
    connectTimeoutMs: numberOf(options, 'connectTimeoutMs'),
    ahead,
    applicationName,
    ssl: options.ssl,
    onProgress: options.onProgress ?? (() => {}),
    signal: options.signal,
    timers: tools.timers ?? nodeTimers,
    random: tools.random ?? { next: () => Math.random() },
  })
}

function ledgerNames(ledger: unknown): Settings['ledger'] {
  const parts: readonly unknown[] = Array.isArray(ledger) ? ledger : [undefined, ledger]
  const [schema, table] = parts
  if (parts.length !== 2 || typeof table !== 'string' || (schema !== undefined && typeof schema !== 'string'))
    throw refused("ledger has to be a table's name, or schema and name.")
  for (const name of [schema, table]) if (name !== undefined) quoteIdentifier(name)
  return { schema, table }
}

function numberOf(options: object, name: keyof typeof NUMBERS): number {
  const [standard, least, most, unit] = NUMBERS[name]
  const value: unknown = Reflect.get(options, name) ?? standard
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
  throw refused(`${name} is ${String(value)}; it's a whole number of ${unit} from ${least} to ${most}.`)
}

function refused(message: string): DbError {
  return new DbError('DB_ERR_OPTION', message)
}
