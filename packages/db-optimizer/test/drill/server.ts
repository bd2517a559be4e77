// Where a drill's databases are: on the server of the test run, which belongs to all test files, or on one of the drill's own, which may be stopped and started.
//
// The own one keeps its port over restarts. On it a commit waits for a standby that never comes, but only in sessions that ask for it (`synchronous_commit`
// on); that's how a COMMIT can be made to wait after it's durable.
import postgres from 'postgres'
import { startLocalPostgres, type LocalPostgres } from '@plimsoll/local-postgres'
import { startTemporaryPostgres, testDatabase, until, type TestDatabase, type TestScope } from '@plimsoll/testing'
import { BANK_SCHEMA } from './bank.ts'

/** As PostgreSQL calls them: `fast` ends the sessions, `immediate` leaves a crash behind. */
export type StopMode = 'fast' | 'immediate'

export interface OwnServer {
  readonly database: TestDatabase
  stop(mode: StopMode): Promise<void>
  /** Resolves with the moment at which a plain connection got its first answer, by `performance.now()`. */
  start(): Promise<number>
}

const FIRST_ANSWER_INTERVAL_MS = 5
const MAX_CONNECTIONS = 100

/** A database with the bank's tables, on the server of the test run. */
export function bankDatabase(t: TestScope, adminUrl?: string): Promise<TestDatabase> {
  const prepare = async (url: string): Promise<void> => {
    const sql = postgres(url, { max: 1, onnotice: () => {} })
    await sql.unsafe(BANK_SCHEMA)
    await sql.end()
  }
  return testDatabase(t, { template: { key: BANK_SCHEMA, prepare }, ...(adminUrl === undefined ? {} : { adminUrl }) })
}

/** A server for this test, with a database of the bank on it. */
export async function ownServer(t: TestScope): Promise<OwnServer> {
  const temporary = await startTemporaryPostgres({ maxConnections: MAX_CONNECTIONS })
  let current: LocalPostgres | undefined = temporary.server
  t.teardown(async () => {
    await current?.stop('immediate')
    await temporary.stop()
  })
  const { folder, port } = temporary.server
  await waitForStandbys(temporary.adminUrl)
  const database = await bankDatabase(t, temporary.adminUrl)
  const start = async (): Promise<number> => {
    const starting =
      current === undefined
        ? startLocalPostgres({ folder, port, durability: 'off', maxConnections: MAX_CONNECTIONS, stopOnExit: true })
        : Promise.resolve(current)
    const [backAtMs] = await Promise.all([firstAnswer(database.url), starting])
    current = await starting
    return backAtMs
  }
  // The test's database is dropped in teardown, which takes a server.
  t.teardown(start)
  return {
    database,
    start,
    stop: async mode => {
      await current?.stop(mode)
      current = undefined
    },
  }
}

async function waitForStandbys(adminUrl: string): Promise<void> {
  const sql = postgres(adminUrl, { max: 1 })
  await sql`alter system set synchronous_commit = 'local'`
  await sql`alter system set synchronous_standby_names = 'nobody'`
  await sql`select pg_reload_conf()`
  const isSet = async (): Promise<boolean> => {
    const [row] = await sql<{ names: string }[]>`select current_setting('synchronous_standby_names') as names`
    return row?.names === 'nobody'
  }
  await until(isSet, { what: 'the settings to be in force' })
  await sql.end()
}

/** A connection for each look: what's asked is when a newcomer is served. */
async function firstAnswer(url: string): Promise<number> {
  const answered = async (): Promise<boolean> => {
    const sql = postgres(url, { max: 1, connect_timeout: 2, fetch_types: false, onnotice: () => {} })
    try {
      await sql`select 1`
      return true
    } finally {
      await sql.end({ timeout: 0 })
    }
  }
  await until(answered, {
    what: 'the server to be back',
    timeoutMs: 30_000,
    intervalMs: FIRST_ANSWER_INTERVAL_MS,
  })
  return performance.now()
}
