// Brings a database to what the folder says: every migration that isn't recorded yet, in order, each exactly once.
//
//     read and check the folder → connect → wait for the lock → read the ledger → apply, file by file → done
//                                    ▲                                              │
//                                    └── ask what became of it ◄── no answer to a commit
//
// Invariants
// * The ledger, read under the lock, is the truth: a file in a transaction has a row exactly if it was committed. So after every new connection it's read anew,
//   and nothing is concluded from what this process remembers, but for files outside a transaction: whether their row `running` is ours.
// * A commit without an answer is asked about; if the server can't tell, the run ends and says so.
import { pause } from '../retry/pause.ts'
import { resolveCommit } from '../retry/resolve-commit.ts'
import { applyInTransaction, beginOutside, endOutside, runOutside, type RunParts } from './apply.ts'
import { compare } from './compare.ts'
import { MigrationError } from './errors.ts'
import { interruptedError } from './interrupted.ts'
import type { LedgerRecord } from './ledger.ts'
import { readMigrations, type Migration } from './migrations-folder.ts'
import { underLock } from './open-run.ts'
import { completeSettings, type MigrationOptions, type MigrationTools, type Settings } from './options.ts'
import { MigrationSession } from './session.ts'
import { CommitLost } from './transaction.ts'

/** A file that a run has applied. */
export interface AppliedMigration {
  readonly name: string
  /** Of its statements and its commit, in milliseconds. */
  readonly ms: number
}

export interface MigrationResult {
  /** In order; none when there was nothing to do. */
  readonly applied: readonly AppliedMigration[]
  /** Names of migrations that the database has above the newest file. */
  readonly ahead: readonly string[]
}

/** New connections after lost commits, in one run. */
const MAX_RECONNECTS = 3
/** How long the server is asked what became of a commit; it may be starting again. */
const RESOLVE_TIMEOUT_MS = 15_000
const REFUSED_PAUSE_MS = 200

/**
 * Applies what is missing.
 * @throws MigrationError DB_ERR_MIGRATION_*; files before the one that failed stay applied
 * @throws DbError DB_ERR_OPTION, DB_ERR_CONNECT
 */
export async function migrate(options: MigrationOptions, tools: MigrationTools = {}): Promise<MigrationResult> {
  const settings = completeSettings(options, tools)
  return new Run(settings, await readMigrations(settings.folder)).toEnd()
}

/** Where a file was when its commit got no answer. */
type Step = 'file' | 'begin' | 'end'

class Run {
  readonly #settings: Settings
  readonly #migrations: readonly Migration[]
  readonly #applied: AppliedMigration[] = []
  /** The commit that is under way. */
  #under:
    | { readonly migration: Migration; readonly step: Step; readonly index: number; readonly ms: number }
    | undefined
  /** A file outside a transaction whose row `running` is this run's; with its duration once its statements are done. */
  #own: { readonly version: number; readonly finishedMs: number | undefined } | undefined
  /** Of the latest look at the ledger, with what was applied before. */
  #total = 0

  constructor(settings: Settings, migrations: readonly Migration[]) {
    this.#settings = settings
    this.#migrations = migrations
  }

  async toEnd(): Promise<MigrationResult> {
    for (let reconnects = 0; ; reconnects += 1) {
      try {
        const ahead = await underLock(this.#settings, parts => this.#applyPending(parts))
        return { applied: this.#applied, ahead }
      } catch (error) {
        if (!(error instanceof CommitLost)) throw error
        await this.#resolve(error, reconnects >= MAX_RECONNECTS)
      }
    }
  }

  async #applyPending(parts: RunParts): Promise<readonly string[]> {
    const { session, ledger } = parts
    await ledger.create(session)
    const records = await ledger.read(session)
    const { pending, ahead, interrupted } = compare(this.#migrations, records, this.#settings.ahead)
    const resumed = await this.#resumable(parts, interrupted)
    const todo = resumed === undefined ? pending : [resumed, ...pending]
    this.#total = this.#applied.length + todo.length
    for (const migration of todo) {
      const index = this.#applied.length + 1
      const { name } = migration
      if (migration !== resumed) this.#settings.onProgress({ kind: 'started', name, index, total: this.#total })
      this.#tell(migration, await this.#apply(parts, migration, index), index)
    }
    return ahead.map(({ name }) => name)
  }

  async #apply(parts: RunParts, migration: Migration, index: number): Promise<number> {
    const commits = (step: Step, ms: number): void => void (this.#under = { migration, step, index, ms })
    const startedMs = this.#settings.timers.now()
    commits('file', 0)
    if (migration.inTransaction) return applyInTransaction(parts, migration)
    if (this.#own?.version !== migration.version) {
      commits('begin', 0)
      await beginOutside(parts, migration)
    }
    const ms = this.#own?.finishedMs ?? (await runOutside(parts, migration))
    this.#own = { version: migration.version, finishedMs: ms }
    commits('end', ms)
    await endOutside(parts, migration, ms)
    this.#own = undefined
    return Math.max(ms, this.#settings.timers.now() - startedMs)
  }

  #tell(migration: Migration, durationMs: number, index: number): void {
    const { name } = migration
    const ms = Math.round(durationMs)
    this.#applied.push({ name, ms })
    this.#under = undefined
    this.#settings.onProgress({ kind: 'applied', name, index, total: this.#total, ms })
  }

  /** The file that's recorded as begun, if it was this run that began it. @throws MigrationError DB_ERR_MIGRATION_INTERRUPTED */
  async #resumable(parts: RunParts, interrupted: LedgerRecord | undefined): Promise<Migration | undefined> {
    if (interrupted === undefined) return undefined
    const own = this.#migrations.find(({ version }) => version === interrupted.version)
    if (own !== undefined && this.#own?.version === own.version) return own
    throw await interruptedError(parts.session, interrupted, this.#migrations)
  }

  /** Asks what became of the commit, so that the next round knows. */
  async #resolve({ xid, backendPid, epoch }: CommitLost, last: boolean): Promise<void> {
    const { timers, signal, onProgress } = this.#settings
    const under = this.#under
    if (under === undefined) throw new Error('a commit of nothing was lost')
    const { migration, step, index, ms } = under
    const { status, cause } = await resolveCommit(xid, (text, parameters) => this.#ask(text, parameters), {
      timers,
      epoch,
      timeoutMs: RESOLVE_TIMEOUT_MS,
      backendPid,
      signal,
    })
    const { name } = migration
    if (status !== 'committed' && status !== 'aborted') {
      throw new MigrationError(
        'DB_ERR_MIGRATION_UNKNOWN',
        `The connection was lost at a commit of ${name}, and what became of it couldn't be found out (${status}). Run again: the ledger knows.`,
        { file: name, outcome: 'unknown', cause },
      )
    }
    onProgress({ kind: 'reconnecting', name, status })
    if (step === 'file' && status === 'committed') this.#tell(migration, ms, index)
    if (step === 'begin' && status === 'committed') this.#own = { version: migration.version, finishedMs: undefined }
    if (step === 'end' && status === 'committed') {
      this.#own = undefined
      this.#tell(migration, ms, index)
    }
    if (last && status === 'aborted') throw lostError(name, step)
  }

  /** One question, on a connection of its own; a server that doesn't let us in isn't asked again at once. */
  async #ask(text: string, parameters: readonly string[]): Promise<readonly object[]> {
    const { timers, signal } = this.#settings
    const session = await MigrationSession.open(this.#settings, 'bare').catch(async (error: unknown) => {
      await pause(REFUSED_PAUSE_MS, timers, signal)
      throw error
    })
    try {
      return await session.query(text, parameters)
    } finally {
      await session.close()
    }
  }
}

function lostError(name: string, step: Step): MigrationError {
  const lost = `The connection was lost at a commit of ${name} time after time`
  if (step !== 'end') {
    return new MigrationError('DB_ERR_MIGRATION_LOST', `${lost}; nothing of it remains. Run again.`, {
      file: name,
      outcome: 'rolled-back',
    })
  }
  return new MigrationError(
    'DB_ERR_MIGRATION_FAILED',
    `${lost}. All its statements are done, only that couldn't be recorded: repair it as "done".`,
    { file: name, outcome: 'unknown' },
  )
}
