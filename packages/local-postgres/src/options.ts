// The options of `startLocalPostgres`, checked once and completed with their defaults; inside the package nothing is optional any more.
import path from 'node:path'
import { LocalPostgresError } from './errors.ts'

export interface LocalPostgresOptions {
  /**
   * Folder of the cluster: data, socket, secret and, where they had to be copied, the binaries. Made when it's missing. It belongs to this package; other
   * files in it are left alone. Relative paths start at the working folder.
   */
  readonly folder: string
  /** TCP port on 127.0.0.1, 1-65535. Default 0: the first free port from `firstPort` on. The Unix socket is served in either case. */
  readonly port?: number
  /**
   * Where the search for a free port begins when `port` is 0. Default 15432. The search ends at 32767: above lie the ports that the system lends to outgoing
   * connections, where a port that was free a moment ago is often gone.
   */
  readonly firstPort?: number
  /** Database to create. Default `plimsoll`. */
  readonly database?: string
  /** Role that owns the database; it may log in and is no superuser. Default `plimsoll`. */
  readonly role?: string
  /**
   * `safe` (default): what was committed survives a crash of the machine. `off`: nothing is synced to the disk, for tests; what was committed survives a killed
   * process, but a crash of the machine may destroy the cluster.
   */
  readonly durability?: 'safe' | 'off'
  /** Connections that the server accepts, 1-1000. Default 100. */
  readonly maxConnections?: number
  /** Further server settings (`postgresql.conf` names); they win over this package's. Those that have an option of their own are refused. */
  readonly settings?: Readonly<Record<string, string>>
  /**
   * Folder that receives a copy of the binaries as `postgresql-<version>`, when the user that runs the server can't use them where npm put them.
   * Default: `folder`. It has to be reachable for that user and closed for writing by strangers.
   */
  readonly binariesFolder?: string
  /** Time that a start may take after the cluster exists, crash recovery included, in milliseconds. Default 60 000. */
  readonly startTimeoutMs?: number
  /** Time that `stop('fast')` may take before the server is told to quit at once, in milliseconds. Default 15 000. */
  readonly stopTimeoutMs?: number
  /** Registers a `process.on('exit')` listener which tells the server to stop when this process ends in whatever way still runs it. Default false: a library adds no such listeners unasked. */
  readonly stopOnExit?: boolean
  /** Called with a short sentence before each step that takes a while. Default: nothing. */
  readonly onProgress?: (step: string) => void
  /** Aborts the start; what was begun is stopped, and the promise rejects with the signal's reason. It doesn't affect a server that's ready. */
  readonly signal?: AbortSignal
}

/** The options after the check: complete and frozen. `port` 0 means a search. */
export type CheckedOptions = Readonly<
  Required<Omit<LocalPostgresOptions, 'signal'>> & { readonly signal: AbortSignal | undefined }
>

const KNOWN: ReadonlySet<string> = new Set<keyof LocalPostgresOptions>([
  'folder',
  'port',
  'firstPort',
  'database',
  'role',
  'durability',
  'maxConnections',
  'settings',
  'binariesFolder',
  'startTimeoutMs',
  'stopTimeoutMs',
  'stopOnExit',
  'onProgress',
  'signal',
])

/** Settings that are decided by an option or by the folder's layout, and which of them. */
const SETTINGS_WITH_AN_OPTION: Readonly<Record<string, string>> = {
  port: 'port',
  max_connections: 'maxConnections',
  fsync: 'durability',
  full_page_writes: 'durability',
  data_directory: 'folder',
  unix_socket_directories: 'folder',
  external_pid_file: 'folder',
}

/** @throws LOCAL_POSTGRES_ERR_BAD_OPTION */
export function checkOptions(options: LocalPostgresOptions): CheckedOptions {
  for (const key of Object.keys(options)) if (!KNOWN.has(key)) throw badOption(`There is no option "${key}".`)
  if (typeof options.folder !== 'string' || options.folder === '') throw badOption('`folder` is needed: a path.')
  const settings = options.settings ?? {}
  for (const name of Object.keys(settings)) {
    const option = SETTINGS_WITH_AN_OPTION[name.toLowerCase()]
    if (option !== undefined)
      throw badOption(`\`settings.${name}\` contradicts \`${option}\`: use \`${option}\` alone.`)
  }
  const folder = path.resolve(options.folder)
  return Object.freeze({
    folder,
    port: wholeNumber('port', options.port ?? 0, 0, 65_535),
    firstPort: wholeNumber('firstPort', options.firstPort ?? 15_432, 1, 32_767),
    database: name('database', options.database ?? 'plimsoll', ['postgres', 'template0', 'template1']),
    role: name('role', options.role ?? 'plimsoll', ['postgres']),
    durability: durability(options.durability ?? 'safe'),
    maxConnections: wholeNumber('maxConnections', options.maxConnections ?? 100, 1, 1000),
    settings: Object.freeze({ ...settings }),
    binariesFolder: path.resolve(options.binariesFolder ?? folder),
    startTimeoutMs: wholeNumber('startTimeoutMs', options.startTimeoutMs ?? 60_000, 1, 3_600_000),
    stopTimeoutMs: wholeNumber('stopTimeoutMs', options.stopTimeoutMs ?? 15_000, 1, 3_600_000),
    stopOnExit: options.stopOnExit ?? false,
    onProgress: options.onProgress ?? (() => {}),
    signal: options.signal,
  })
}

function wholeNumber(option: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw badOption(`\`${option}\` is ${value}; it has to be a whole number from ${min} to ${max}.`)
}

function durability(value: string): 'safe' | 'off' {
  if (value === 'safe' || value === 'off') return value
  throw badOption(`\`durability\` is "${value}"; it has to be "safe" or "off".`)
}

/**
 * Plain names only: PostgreSQL cuts longer ones at 63 bytes without an error, so that two may be one, and drivers disagree on how to write others in an address.
 */
function name(option: string, value: string, taken: readonly string[]): string {
  if (!/^[a-z_][a-z0-9_-]{0,62}$/.test(value)) {
    throw badOption(
      `\`${option}\` is "${value}"; it has to be 1 to 63 of a-z, 0-9, "_" and "-", and begin with a letter or "_".`,
    )
  }
  if (taken.includes(value) || (option === 'role' && value.startsWith('pg_'))) {
    throw badOption(`\`${option}\` can't be "${value}": PostgreSQL keeps that name for itself.`)
  }
  return value
}

function badOption(why: string): LocalPostgresError {
  return new LocalPostgresError('LOCAL_POSTGRES_ERR_BAD_OPTION', `startLocalPostgres: ${why}`)
}
