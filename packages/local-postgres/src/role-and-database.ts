// The role and the database that a program uses, made once and checked at every start; each step is idempotent.
import postgres from 'postgres'
import { hasCode } from './errors.ts'

export interface RoleAndDatabase {
  /** Address of a database as superuser. */
  adminUrl(database: string): string
  readonly role: string
  readonly password: string
  readonly database: string
  /** Create pg_stat_statements in the database, because the server has it preloaded. */
  readonly withStatementStatistics: boolean
}

/** @throws PostgreSQL's error (postgres.js), when a name is unusable for instance. */
export async function ensureRoleAndDatabase(wanted: RoleAndDatabase): Promise<void> {
  const { role, password, database } = wanted
  await withConnection(wanted.adminUrl('postgres'), async sql => {
    const [found] = await sql<{ role: boolean; database: boolean }[]>`
      select exists (select from pg_roles where rolname = ${role}) as role,
             exists (select from pg_database where datname = ${database}) as database`
    if (found?.role !== true) {
      await sql
        .unsafe(
          `create role ${quoteName(role)} login nosuperuser nocreatedb nocreaterole password ${quoteText(password)}`,
        )
        .catch(ignoreExisting)
      // May read the server's statistics, as an application's role in production should.
      await sql.unsafe(`grant pg_monitor to ${quoteName(role)}`)
    }
    if (found?.database !== true)
      await sql.unsafe(`create database ${quoteName(database)} owner ${quoteName(role)}`).catch(ignoreExisting)
  })
  if (!wanted.withStatementStatistics) return
  await withConnection(wanted.adminUrl(database), async sql => {
    await sql`create extension if not exists pg_stat_statements`
  })
}

async function withConnection(url: string, use: (sql: postgres.Sql) => Promise<void>): Promise<void> {
  const sql = postgres(url, {
    max: 1,
    connect_timeout: 10,
    onnotice: () => {},
    connection: { application_name: 'local-postgres' },
  })
  try {
    await use(sql)
  } finally {
    await sql.end({ timeout: 5 })
  }
}

/** SQLSTATE 42710 duplicate_object, 42P04 duplicate_database, 23505 unique_violation: somebody else was faster. */
function ignoreExisting(error: unknown): void {
  if (!hasCode(error, '42710', '42P04', '23505')) throw error
}

/** DDL takes no parameters. */
function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Only for derived passwords, which are base64url: no quote, no backslash. */
function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
