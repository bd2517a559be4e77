// Starts an embedded PostgreSQL for development and tests: the order of the steps is in `start`, in this file alone.
//
//     folder -> binaries -> way cleared -> cluster -> server (with another port, or after a pause, where that helps) -> role and database
//
// Each step leaves the disk in a state from which the next start goes on, so a start may be killed anywhere.
import { setTimeout as sleep } from 'node:timers/promises'
import { locateBinaries, prepareBinaries, type Binaries } from './binaries.ts'
import { openClusterFolder, socketFile, type ClusterFolder } from './cluster-folder.ts'
import { diskFull, LocalPostgresError, meansDiskFull } from './errors.ts'
import { createCluster, SUPERUSER } from './initdb.ts'
import { checkOptions, type CheckedOptions, type LocalPostgresOptions } from './options.ts'
import { findFreePort, isPortFree, portInUse } from './port.ts'
import { ensureRoleAndDatabase } from './role-and-database.ts'
import { clearTheWay, ownerToken } from './running-server.ts'
import { ServerProcess, type ProcessExit, type StopMode } from './server-process.ts'
import { currentUserSource } from './server-user.ts'
import { serverSettings } from './settings.ts'

/** Where the time of a start went, in milliseconds. */
export interface StartTimings {
  /** Folder and binaries, a copy included. */
  readonly binariesMs: number
  /** initdb; 0 when the cluster existed. */
  readonly initdbMs: number
  /** From the server's spawn until it took connections, crash recovery included. */
  readonly serverMs: number
  /** Role and database. */
  readonly databaseMs: number
  readonly totalMs: number
}

/** A server that runs and belongs to this process. */
export interface LocalPostgres {
  /** `postgres://role:password@127.0.0.1:port/database`, for the program. Holds a password: don't log it. */
  readonly url: string
  /** The same server as superuser `postgres`, in the database `postgres`. */
  readonly adminUrl: string
  /** Path of the Unix socket, for drivers that take one; undefined when the folder's path is too long for it. */
  readonly socketPath: string | undefined
  /** Process id of the postmaster. */
  readonly pid: number
  readonly port: number
  /** The folder, absolute and with links resolved. */
  readonly folder: string
  /** PostgreSQL's version: `18.4`. */
  readonly version: string
  /** True when this start created the cluster. */
  readonly freshlyCreated: boolean
  /** Name of the user that the server runs as. */
  readonly serverUser: string
  readonly timings: StartTimings
  /** The last 20 kB of the server's log. */
  log(): string
  /**
   * Stops the server and waits until its process is gone. `fast` (default) ends the sessions and leaves the cluster cleanly shut down; when that takes longer
   * than `stopTimeoutMs`, and with `immediate`, the server quits at once and the next start recovers. May be called again.
   */
  stop(mode?: StopMode): Promise<void>
  /** Resolves when the server's process has ended, for whatever reason; never rejects. */
  readonly exited: Promise<ProcessExit>
}

/** How often a start is repeated because a port was taken between the look and the bind. */
const MAX_PORT_TRIES = 20
/** Pause before another try when sessions of a killed server still hold its shared memory, in milliseconds. */
const SHARED_MEMORY_PAUSE_MS = 100

/**
 * Starts PostgreSQL on a folder, which it creates if need be, and makes role and database. For development and tests only: loopback, throwaway binaries.
 *
 * A server that an earlier process left behind on the folder is stopped first. The server belongs to the calling process, which has to `stop()` it.
 * @throws LocalPostgresError with one of the codes in LOCAL_POSTGRES_ERRORS; `signal.reason` when the signal aborts.
 */
export async function startLocalPostgres(options: LocalPostgresOptions): Promise<LocalPostgres> {
  return start(checkOptions(options))
}

async function start(options: CheckedOptions): Promise<LocalPostgres> {
  const { onProgress, signal } = options
  const times = [performance.now()]
  const lap = (): void => void times.push(performance.now())

  signal?.throwIfAborted()
  const installed = await locateBinaries(process.platform, process.arch)
  const folder = await openClusterFolder(options.folder, currentUserSource())
  const binaries = await prepareBinaries(installed, folder.user, options.binariesFolder, onProgress)
  refuseOtherVersion(folder, binaries)
  await clearTheWay(folder.data, options.stopTimeoutMs, onProgress)
  lap()

  let freshlyCreated = false
  if (folder.majorVersion === undefined) {
    onProgress(`creating the database cluster in ${folder.path}`)
    freshlyCreated = await createCluster(folder, {
      initdb: binaries.initdb,
      sync: options.durability === 'safe',
      signal,
    })
  }
  lap()

  onProgress(`starting PostgreSQL ${binaries.version}`)
  const { server, port } = await startServer(folder, binaries, options)
  lap()
  try {
    const address = (role: string, database: string): string =>
      `postgres://${role}:${folder.passwordOf(role)}@127.0.0.1:${port}/${database}`
    const adminUrl = (database: string): string => address(SUPERUSER, database)
    await ensureRoleAndDatabase({
      adminUrl,
      role: options.role,
      password: folder.passwordOf(options.role),
      database: options.database,
      withStatementStatistics: preloadsStatementStatistics(options),
    })
    signal?.throwIfAborted()
    lap()
    return {
      url: address(options.role, options.database),
      adminUrl: adminUrl('postgres'),
      socketPath: folder.socket === undefined ? undefined : socketFile(folder.socket, port),
      pid: server.pid,
      port,
      folder: folder.path,
      version: binaries.version,
      freshlyCreated,
      serverUser: folder.user.name,
      timings: timingsOf(times),
      log: () => server.log(),
      stop: (mode = 'fast') => server.stop(mode),
      exited: server.exited,
    }
  } catch (error) {
    await server.stop('fast')
    throw error
  }
}

function refuseOtherVersion(folder: ClusterFolder, binaries: Binaries): void {
  const major = binaries.version.split('.')[0]
  if (folder.majorVersion === undefined || folder.majorVersion === major) return
  throw new LocalPostgresError(
    'LOCAL_POSTGRES_ERR_VERSION_MISMATCH',
    `${folder.data} was made by PostgreSQL ${folder.majorVersion}, and this is PostgreSQL ${binaries.version}. Remove the folder to begin with an empty database, name another one (PLIMSOLL_DATA), or dump it with the old version first.`,
  )
}

function preloadsStatementStatistics(options: CheckedOptions): boolean {
  const preloaded = options.settings['shared_preload_libraries']
  return preloaded === undefined || preloaded.includes('pg_stat_statements')
}

/** Starts the server, and again where a second try can succeed: another port when a searched one was snatched, a pause while old sessions end. */
async function startServer(
  folder: ClusterFolder,
  binaries: Binaries,
  options: CheckedOptions,
): Promise<{ server: ServerProcess; port: number }> {
  const owner = await ownerToken()
  const deadlineMs = performance.now() + options.startTimeoutMs
  let port = await choosePort(options, options.firstPort)
  let portTries = 1
  let waiting = false
  for (;;) {
    const settings = serverSettings({ options, port, socket: folder.socket, owner })
    const server = new ServerProcess(folder, {
      postgres: binaries.postgres,
      settings,
      stopTimeoutMs: options.stopTimeoutMs,
      stopOnExit: options.stopOnExit,
    })
    try {
      await server.ready(Math.max(1, Math.ceil(deadlineMs - performance.now())), options.signal)
      return { server, port }
    } catch (error) {
      await server.stop('immediate')
      switch (await whyNotStarted(server.log(), folder, options)) {
        case 'port':
          if (options.port !== 0 || portTries++ >= MAX_PORT_TRIES) throw portInUse(port)
          port = await choosePort(options, port + 1)
          break
        case 'old sessions':
          if (performance.now() > deadlineMs) throw error
          if (!waiting) options.onProgress('waiting for the last sessions of a killed server to end')
          waiting = true
          await sleep(SHARED_MEMORY_PAUSE_MS)
          break
        case 'disk':
          throw diskFull(folder.path, error)
        case 'other':
          throw error
      }
    }
  }
}

/** The texts are PostgreSQL 18's own in English, which SERVER_ENVIRONMENT makes sure of; an unknown one only costs the better message. */
async function whyNotStarted(
  log: string,
  folder: ClusterFolder,
  options: CheckedOptions,
): Promise<'port' | 'old sessions' | 'disk' | 'other'> {
  if (/could not bind .*: Address already in use/.test(log)) return 'port'
  if (log.includes('pre-existing shared memory block')) return 'old sessions'
  // Another start was faster: this names its owner, or clears the way when it's gone again.
  if (log.includes('lock file "postmaster.pid" already exists')) {
    await clearTheWay(folder.data, options.stopTimeoutMs, options.onProgress)
    return 'old sessions'
  }
  return meansDiskFull(log) ? 'disk' : 'other'
}

async function choosePort(options: CheckedOptions, from: number): Promise<number> {
  if (options.port === 0) return findFreePort(from)
  if (await isPortFree(options.port)) return options.port
  throw portInUse(options.port)
}

function timingsOf(times: readonly number[]): StartTimings {
  const [begin = 0, binaries = 0, initdb = 0, server = 0, end = 0] = times.map(Math.round)
  return {
    binariesMs: binaries - begin,
    initdbMs: initdb - binaries,
    serverMs: server - initdb,
    databaseMs: end - server,
    totalMs: end - begin,
  }
}
