// The one connection of a run: a slot outside any pool, so that a backend that dies, a cancel or a half-open line end as they do in the rest of this package.
//
// Invariants
// * Nothing is sent after the connection has failed: `SessionFailure` of kind `lost` ends its use.
// * The session's settings are the runner's at the start of each file, and again before a file's row is written, whatever the file has set (`tidy`).
// * `close` resolves when the server has closed the connection: its locks are free by then.
import { Stream } from 'node:stream'
import { CancelSender } from '../driver/cancel-request.ts'
import { postgresDriver, type DriverQuery } from '../driver/postgres-driver.ts'
import type { SlotFailure } from '../driver/slot-failure.ts'
import { Slot, SlotOpenError, type StartStatement } from '../driver/slot.ts'
import { DbError, isServerError, queryError } from '../errors.ts'
import type { Settings } from './options.ts'

/** A statement that failed; internal, callers say what it means. */
export class SessionFailure extends Error {
  override readonly name = 'SessionFailure'
  readonly failure: SlotFailure

  constructor(failure: SlotFailure) {
    super(failure.kind, failure.kind === 'server' ? { cause: failure.error } : undefined)
    this.failure = failure
  }

  /** SQLSTATE, when it was the server that refused. */
  get sqlState(): string | undefined {
    return isServerError(this.serverError) ? this.serverError.code : undefined
  }

  /** Whether the caller's signal stopped it, or kept it from being sent. */
  get aborted(): boolean {
    return 'because' in this.failure && this.failure.because === 'abort'
  }

  /** Whether it took longer than it was given. */
  get late(): boolean {
    return 'because' in this.failure && this.failure.because === 'deadline'
  }

  /** The server's refusal, unless it came with the session's end, before which anything may have happened. */
  get serverError(): Error | undefined {
    if (this.failure.kind !== 'server') return undefined
    const severity: unknown = Reflect.get(this.failure.error, 'severity')
    return severity === 'FATAL' || severity === 'PANIC' ? undefined : this.failure.error
  }
}

const CANCEL_GRACE_MS = 2000
const FENCE_TIMEOUT_MS = 5000
/** For the runner's own questions, which take no locks. */
const QUESTION_TIMEOUT_MS = 30_000
/** A transaction that does nothing for so long has lost its runner. */
const IDLE_IN_TRANSACTION_MS = 60_000
/** How often the server looks whether its client is there. */
const CLIENT_CHECK_MS = 1000

/**
 * Settings of the session. Time-outs of roles and databases are meant for queries; the option's statement_timeout is for the files' statements (apply.ts). The last ones have the server notice a client that
 * is gone, in the middle of a statement too: without them a killed run's statement goes on, with its locks, to its end.
 */
function tidyText({ lockTimeoutMs }: Settings): string {
  const wanted = {
    lock_timeout: lockTimeoutMs,
    statement_timeout: 0,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    transaction_timeout: 0,
    idle_session_timeout: 0,
    standard_conforming_strings: 'on',
    default_transaction_read_only: 'off',
    tcp_keepalives_idle: 30,
    tcp_keepalives_interval: 10,
    tcp_keepalives_count: 3,
  }
  const rows = Object.entries(wanted).map(([name, value]) => `('${name}', '${value}')`)
  return `reset session authorization; reset role; reset all;
    -- What an older server doesn't know is passed over.
    select pg_catalog.set_config(name, value, false) from (values ${rows.join(', ')}) as wanted (name, value)
      join pg_catalog.pg_settings using (name);
    -- Not every system can do it.
    do $$ begin
      perform pg_catalog.set_config('client_connection_check_interval', '${CLIENT_CHECK_MS}', false);
    exception when others then null;
    end $$`
}

export type SessionRow = Readonly<Record<string, unknown>>

export class MigrationSession {
  readonly #slot: Slot
  readonly #settings: Settings
  readonly #gone: Promise<void>
  readonly #tidyText: string

  private constructor(slot: Slot, settings: Settings, gone: Promise<void>) {
    this.#slot = slot
    this.#settings = settings
    this.#gone = gone
    this.#tidyText = tidyText(settings)
  }

  /**
   * Connects, with the runner's settings unless `bare`.
   * @throws DbError DB_ERR_CONNECT
   */
  static async open(settings: Settings, how: 'complete' | 'bare' = 'complete'): Promise<MigrationSession> {
    const { connectTimeoutMs, onProgress } = settings
    const driver = postgresDriver(settings.url, {
      connection: { application_name: settings.applicationName },
      prepare: false,
      onnotice: notice => {
        const { severity = 'NOTICE', message = '' } = notice as Record<string, string>
        try {
          onProgress({ kind: 'notice', severity, message })
        } catch {
          // It would be thrown into the driver's reading of its socket.
        }
      },
      ...(settings.ssl === undefined ? {} : { ssl: settings.ssl }),
    })
    const gone = Promise.withResolvers<void>()
    const events = {
      poolName: 'migrations',
      returned: () => {},
      dead: () => gone.resolve(),
      cancelled: () => {},
    }
    const limits = { connectTimeoutMs, cancelGraceMs: CANCEL_GRACE_MS, fenceTimeoutMs: FENCE_TIMEOUT_MS }
    const slot = await Slot.open(0, driver, limits, new CancelSender(driver.address, 1), events).catch(
      (error: unknown) => {
        throw toConnectError(error)
      },
    )
    slot.take()
    const session = new MigrationSession(slot, settings, gone.promise)
    if (how === 'bare') return session
    try {
      await session.tidy()
      return session
    } catch (error) {
      await session.close()
      if (!(error instanceof SessionFailure)) throw error
      const { serverError } = error
      if (serverError) throw queryError(serverError)
      throw new DbError('DB_ERR_CONNECT', 'The connection was lost while it was being set up.', {
        reason: 'CONNECTION_CLOSED',
      })
    }
  }

  /** The process that the server named when the connection was opened; a pooler names another than `pg_backend_pid()`. */
  get announcedPid(): number {
    return this.#slot.backendPid
  }

  /** One statement of ours, with text parameters. @throws SessionFailure */
  async query(
    text: string,
    parameters: readonly (string | null)[] = [],
    timeoutMs = QUESTION_TIMEOUT_MS,
  ): Promise<readonly SessionRow[]> {
    return (await this.#run(
      sql => sql.unsafe(text, [...parameters]) as unknown as DriverQuery,
      timeoutMs,
    )) as SessionRow[]
  }

  /** A statement of a file, or several of ours, in the simple protocol; gives the command's tag. @throws SessionFailure */
  async run(text: string, timeoutMs = Infinity): Promise<string> {
    const result = await this.#run(sql => sql.unsafe(text).simple() as unknown as DriverQuery, timeoutMs)
    if (!Array.isArray(result)) {
      // The server waits for rows, or sends some: COPY from or to the client, made up inside the statement.
      if (result instanceof Stream) result.on('error', () => {})
      this.#slot.discard('stream-broken')
      throw new SessionFailure({ kind: 'lost', reason: 'COPY', because: undefined, sent: true })
    }
    const command: unknown = Reflect.get(result, 'command')
    return typeof command === 'string' ? command : ''
  }

  /** Sends COMMIT, which no signal stops any more; gives the command's tag. @throws SessionFailure */
  async commit(): Promise<string> {
    const result = await this.#start(sql => sql.unsafe('commit').simple() as unknown as DriverQuery, Infinity)
    return String(Reflect.get(result as object, 'command'))
  }

  /** Undoes an open transaction, and makes sure that nothing of it is left in the driver. False: the connection is of no more use. */
  async rollback(): Promise<boolean> {
    try {
      await this.run('rollback', QUESTION_TIMEOUT_MS)
      return await this.fence()
    } catch {
      return false
    }
  }

  /** Makes sure, after an error outside a transaction, that nothing of it is left in the driver. False: the connection is of no more use. */
  fence(): Promise<boolean> {
    return this.#slot.fence()
  }

  /** Role, settings and search path as at the session's start; inside or outside a transaction. @throws SessionFailure */
  async tidy(): Promise<void> {
    await this.run(this.#tidyText, QUESTION_TIMEOUT_MS)
  }

  /** Ends it; resolves when the server has. */
  async close(): Promise<void> {
    this.#slot.close('idle')
    await this.#gone
  }

  async #run(start: StartStatement, timeoutMs: number): Promise<unknown> {
    const { signal } = this.#settings
    if (signal?.aborted === true) {
      throw new SessionFailure({ kind: 'lost', reason: 'ABORTED', because: 'abort', sent: false })
    }
    const onAbort = (): void => this.#slot.stopCurrent('abort')
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      return await this.#start(start, timeoutMs)
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  #start(start: StartStatement, timeoutMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#slot.run(start, timeoutMs, (failure, result) => {
        if (failure === null) resolve(result)
        else reject(new SessionFailure(failure))
      })
    })
  }
}

function toConnectError(error: unknown): unknown {
  if (!(error instanceof SlotOpenError)) return error
  const { reason, server } = error
  if (server === undefined) {
    return new DbError('DB_ERR_CONNECT', `The server can't be reached (${reason}).`, { reason, cause: error })
  }
  return new DbError('DB_ERR_CONNECT', `The server refused the connection: ${server.message} (${reason}).`, {
    reason,
    server: queryError(server).server,
    cause: error,
  })
}
