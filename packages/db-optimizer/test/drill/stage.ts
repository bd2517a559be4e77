// What every scene plays on: a bank, databases, load, and the end of it all, at which the checker judges.
//
//     open ──► scene: faults, while load is under way ──► end: load stops ─► all have settled ─► databases closed ─► wires and poolers gone
//                                                              ─► no session left on the server ─► ledger read ─► judged
//
// The ledger is read only when no session is left: until then something that was told failed could still be committed.
import { setTimeout as sleep } from 'node:timers/promises'
import type postgres from 'postgres'
import { until, type SeededRandom, type TestScope } from '@plimsoll/testing'
import { createDatabase, type Database, type DatabaseOptions } from '../../src/index.ts'
import { Bank, TRANSFER_TIMEOUT_MS, type TransferDatabase } from './bank.ts'
import { Load, type LoadOptions } from './load.ts'
import { judge, summary } from './verdict.ts'
import { openWire, type Wire } from './wire.ts'

export interface StageSetting {
  /** Of the database, for the role of the program. */
  readonly url: string
  /** A plain client of the same role, past everything that's drilled. */
  readonly sql: postgres.Sql
  readonly random: SeededRandom
  /** Default 50. */
  readonly accounts?: number
}

/** A scene's outcome. */
export interface SceneReport {
  /** What must never happen and did. */
  readonly misses: readonly string[]
  /** Figures for people. */
  readonly figures: readonly string[]
}

/** Short deadlines, so that a scene sees many of them; every one is an option of the package. */
export const DRILL_OPTIONS = {
  minConnections: 2,
  maxConnections: 10,
  connectTimeoutMs: 1000,
  commandTimeoutMs: 1500,
  acquireTimeoutMs: 1500,
  cancelGraceMs: 300,
  idleInTransactionTimeoutMs: 1000,
} as const satisfies Partial<DatabaseOptions>

/** For scenes in which no deadline of these is to be met, on however slow a machine. */
export const PATIENT = {
  connectTimeoutMs: 20_000,
  commandTimeoutMs: 20_000,
  acquireTimeoutMs: 20_000,
  cancelGraceMs: 20_000,
  idleInTransactionTimeoutMs: 20_000,
} as const satisfies Partial<DatabaseOptions>

/** A database that hasn't connected yet. */
export type DrillDatabase = Database & { readonly warmUp: () => Promise<void> }

const APPLICATION_NAME = 'drill'
/**
 * From a transfer's deadline until it counts as pending for ever: the connection's end, the rollback, and the search for the fate of a commit come behind the
 * deadline, and the machine may be slow. What is later than its deadline at all is a figure of the report.
 */
const PENDING_AFTER_MS = 20_000

export class Stage {
  readonly bank: Bank
  readonly sql: postgres.Sql
  readonly url: string
  readonly random: SeededRandom
  readonly #t: TestScope
  readonly #databases: Database[] = []
  readonly #loads: Load[] = []
  readonly #releases: (() => Promise<void>)[] = []
  readonly #misses: string[] = []
  readonly #figures: string[] = []
  readonly #processFaults: string[] = []
  readonly #stopWatching: () => void

  private constructor(t: TestScope, bank: Bank, { url, sql, random }: StageSetting) {
    this.#t = t
    this.bank = bank
    this.url = url
    this.sql = sql
    this.random = random
    this.#stopWatching = watchProcess(fault => this.#processFaults.push(fault))
    t.teardown(async () => {
      this.#stopWatching()
      await Promise.all(this.#databases.map(database => database.close({ timeoutMs: 0 })))
      await this.#release()
    })
  }

  static async open(t: TestScope, setting: StageSetting): Promise<Stage> {
    await untilAlone(setting.sql)
    return new Stage(t, await Bank.open(setting.sql, setting.random, setting.accounts ?? 50), setting)
  }

  /** A database with the drill's short deadlines. */
  database(options: Partial<DatabaseOptions> = {}): DrillDatabase {
    const database = createDatabase(
      {
        ...(options.routes === undefined ? { url: this.url } : {}),
        applicationName: APPLICATION_NAME,
        ...DRILL_OPTIONS,
        ...options,
      },
      { random: this.random },
    )
    this.#databases.push(database)
    return database
  }

  /** Clients at work from now on, until the end. */
  load(database: TransferDatabase, options: LoadOptions): Load {
    const load = new Load(this.bank, database, this.random, options)
    this.#loads.push(load)
    return load
  }

  /** A network to the database that can be made to fail. */
  async wire(): Promise<Wire> {
    const wire = await openWire(this.url, this.random)
    this.#releases.push(() => wire.close())
    return wire
  }

  /** Something to be ended when the databases are closed. */
  onEnd(release: () => Promise<void>): void {
    this.#releases.push(release)
  }

  /** Notes down what must not happen and did. */
  miss(what: string): void {
    this.#misses.push(what)
  }

  /** Notes down something for the report. */
  figure(what: string): void {
    this.#figures.push(what)
  }

  /** Waits until so many transfers of the load were begun from now on and are committed; a miss if they aren't. */
  async untilServed(load: Load, what: string, transfers = 20): Promise<void> {
    const sinceMs = performance.now()
    const served = (): boolean => load.committedSince(sinceMs) >= transfers
    await until(served, { what, timeoutMs: 15_000, intervalMs: 5 }).catch(() => {
      this.miss(`${what}: ${load.committedSince(sinceMs)} of ${transfers} transfers were committed within 15 s`)
    })
  }

  /** Waits for what has to settle; what doesn't is left to the checker, which finds it pending. */
  async settled(settling: readonly Promise<unknown>[]): Promise<void> {
    const giveUp = new AbortController()
    const tooLong = sleep(TRANSFER_TIMEOUT_MS + PENDING_AFTER_MS, undefined, { signal: giveUp.signal })
    await Promise.race([Promise.all(settling), tooLong])
    giveUp.abort()
    await tooLong.catch(() => {})
  }

  async end(): Promise<SceneReport> {
    await this.settled(this.#loads.map(load => load.stop()))
    await Promise.all(this.#databases.map(database => database.close({ timeoutMs: 1000 })))
    await this.#release()
    await untilAlone(this.sql)
    this.#stopWatching()
    const [rows, balances] = await Promise.all([this.bank.rows(), this.bank.balances()])
    const { records } = this.bank
    const misses = [...this.#misses, ...judge({ records, rows, balances, processFaults: this.#processFaults })]
    if (misses.length > 0) this.#t.comment(`seed ${this.random.seed}`)
    return { misses, figures: [summary({ records, rows }), ...this.#figures] }
  }

  async #release(): Promise<void> {
    for (const release of this.#releases.splice(0)) await release()
  }
}

/** Waits until no session of a drill is left on the server. @throws TESTING_ERR_TIMEOUT */
async function untilAlone(sql: postgres.Sql): Promise<void> {
  const noneLeft = async (): Promise<boolean> => {
    const left = await sql`
      select from pg_stat_activity where application_name like ${`${APPLICATION_NAME}%`} and datname = current_database()`
    return left.length === 0
  }
  await until(noneLeft, { what: 'the sessions of the drill to be gone', timeoutMs: 15_000, intervalMs: 10 })
}

function watchProcess(onFault: (fault: string) => void): () => void {
  const onRejection = (reason: unknown): void => onFault(`unhandled rejection: ${String(reason)}`)
  const onException = (error: Error): void => onFault(`uncaught exception: ${String(error)}`)
  process.on('unhandledRejection', onRejection)
  process.on('uncaughtExceptionMonitor', onException)
  return () => {
    process.off('unhandledRejection', onRejection)
    process.off('uncaughtExceptionMonitor', onException)
  }
}
