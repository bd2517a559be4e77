// One fresh database per test file, cloned from a template that's made once per key.
//
// Test files run at the same time in processes of their own, so the template is made under an advisory lock in the database `postgres`. Its states:
//     absent    -> being made: it exists, isn't marked as a template
//     being made -> ready: marked as a template, closed to connections (a database with sessions can't be cloned)
// One that's found "being made" by the holder of the lock was left by a process that died, and is made anew.
import { createHash, randomBytes } from 'node:crypto'
import postgres from 'postgres'
import { TestingError } from './errors.ts'
import { startTemporaryPostgres } from './temporary-postgres.ts'
import { readTestEnvironment } from './test-environment.ts'
import type { TestScope } from './test-scope.ts'

export interface DatabaseTemplate {
  /** Names the template; has to change when what `prepare` makes changes: put the migrations' checksum in it. */
  readonly key: string
  /** Fills an empty database, as the role that owns it. Close all connections before it ends. */
  readonly prepare: (url: string) => Promise<void>
}

export interface TestDatabaseOptions {
  readonly template: DatabaseTemplate
  /** Address of a server as superuser. Default: PLIMSOLL_TEST_DATABASE_URL, else a server is started for this test. */
  readonly adminUrl?: string
}

/** A database that belongs to one test; it's dropped in teardown, with whatever sessions are left. */
export interface TestDatabase {
  /** As the role `plimsoll`, which owns it and is no superuser: what the program under test gets. */
  readonly url: string
  /** The same database as superuser. */
  readonly adminUrl: string
  /** Name of the database. */
  readonly name: string
  /** A client for `url` with at most 4 connections, closed in teardown. It connects when it's first used. */
  readonly sql: postgres.Sql
}

/** As in production: the program's role owns its database and is no superuser. */
const ROLE = 'plimsoll'
/** Any number, the same in all processes: "plim" in ASCII. */
const TEMPLATE_LOCK = 0x706c696d

/**
 * Makes a database for this test; call it once at the top of a test file.
 * @throws TESTING_ERR_TEMPLATE_FAILED when `prepare` throws; LocalPostgresError when no server could be started.
 */
export async function testDatabase(t: TestScope, options: TestDatabaseOptions): Promise<TestDatabase> {
  const serverUrl = options.adminUrl ?? readTestEnvironment().databaseUrl ?? (await ownServer(t))
  const admin = postgres(serverUrl, { max: 1, onnotice: () => {}, connection: { application_name: 'test-database' } })
  t.teardown(() => admin.end({ timeout: 5 }))
  const template = `template_${createHash('sha256').update(options.template.key).digest('hex').slice(0, 16)}`
  const roleUrl = urlOf(serverUrl, { role: ROLE })
  await withLock(admin, async () => {
    await ensureRole(admin, roleUrl)
    await ensureTemplate(admin, template, options.template, roleUrl, serverUrl)
  })
  const name = `test_${randomBytes(6).toString('hex')}`
  await admin.unsafe(`create database ${name} template ${template} owner ${ROLE}`)
  t.teardown(() => admin.unsafe(`drop database if exists ${name} with (force)`))
  const url = urlOf(roleUrl, { database: name })
  const sql = postgres(url, { max: 4, onnotice: () => {} })
  t.teardown(() => sql.end({ timeout: 5 }))
  return { url, adminUrl: urlOf(serverUrl, { database: name }), name, sql }
}

async function ownServer(t: TestScope): Promise<string> {
  const postgres = await startTemporaryPostgres()
  t.teardown(() => postgres.stop())
  return postgres.adminUrl
}

async function withLock(admin: postgres.Sql, use: () => Promise<void>): Promise<void> {
  await admin`select pg_advisory_lock(${TEMPLATE_LOCK})`
  try {
    await use()
  } finally {
    await admin`select pg_advisory_unlock(${TEMPLATE_LOCK})`
  }
}

/** The role gets the superuser's password: every process that may create databases knows it, and the server is gone in a minute. */
async function ensureRole(admin: postgres.Sql, roleUrl: string): Promise<void> {
  const password = decodeURIComponent(new URL(roleUrl).password).replaceAll("'", "''")
  const [found] = await admin`select from pg_roles where rolname = ${ROLE}`
  await admin.unsafe(
    `${found === undefined ? 'create' : 'alter'} role ${ROLE} login nosuperuser password '${password}'`,
  )
  await admin.unsafe(`grant pg_monitor to ${ROLE}`)
}

async function ensureTemplate(
  admin: postgres.Sql,
  name: string,
  template: DatabaseTemplate,
  roleUrl: string,
  serverUrl: string,
): Promise<void> {
  const [found] = await admin<
    { ready: boolean }[]
  >`select datistemplate as ready from pg_database where datname = ${name}`
  if (found?.ready === true) return
  if (found !== undefined) await admin.unsafe(`drop database ${name} with (force)`)
  await admin.unsafe(`create database ${name} owner ${ROLE}`)
  try {
    await createStatementStatistics(urlOf(serverUrl, { database: name }))
    await template.prepare(urlOf(roleUrl, { database: name }))
    await admin.unsafe(`alter database ${name} with is_template true allow_connections false`)
    // Sessions that `prepare` left open, and PostgreSQL's own that are still on their way out.
    await admin`select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = ${name}`
  } catch (error) {
    await admin.unsafe(`drop database if exists ${name} with (force)`)
    throw new TestingError(
      'TESTING_ERR_TEMPLATE_FAILED',
      `The template database "${template.key}" couldn't be prepared: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    )
  }
}

/** As local-postgres does it for a program's database: extensions need a superuser. */
async function createStatementStatistics(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const [preloaded] = await sql`select where current_setting('shared_preload_libraries') like '%pg_stat_statements%'`
    if (preloaded !== undefined) await sql`create extension if not exists pg_stat_statements`
  } finally {
    await sql.end({ timeout: 5 })
  }
}

function urlOf(base: string, change: { readonly role?: string; readonly database?: string }): string {
  const url = new URL(base)
  if (change.role !== undefined) url.username = change.role
  if (change.database !== undefined) url.pathname = `/${change.database}`
  return url.href
}
