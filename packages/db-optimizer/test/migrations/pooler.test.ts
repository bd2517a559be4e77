// Through Debian's PgBouncer: in session mode it's a session, in the other modes it's noticed and refused before anything is done.
import t from 'tap'
import { requireProgram, startPgBouncer, until, type TestScope } from '@plimsoll/testing'
import postgres from 'postgres'
import { emptyDatabase } from '../fixture/database.ts'
import { apply, emptySchema, folderOf } from './fixture.ts'

t.setTimeout(60_000)

const database = await emptyDatabase(t)
const { sql, url } = database
t.beforeEach(() => emptySchema(sql))

const FILES = { '0001_a.sql': 'create table one (id int)', '0002_b.sql': 'create table two (id int)' }

/** PgBouncer in front of a database, when it answers; gives the address through it. */
async function pooler(
  t: TestScope,
  program: string,
  databaseUrl: string,
  poolMode: 'session' | 'transaction' | 'statement',
  poolSize: number,
): Promise<string> {
  const { url } = await startPgBouncer(t, program, databaseUrl, { poolMode, poolSize })
  const sql = postgres(url, { max: 1, prepare: false, onnotice: () => {}, backoff: () => 0.02 })
  try {
    await until(async () => (await sql`select 1`).length === 1, { what: 'PgBouncer to answer' })
  } finally {
    await sql.end({ timeout: 1 })
  }
  return url
}

await t.test('session mode is as good as the server itself', async t => {
  const program = requireProgram(t, 'pgbouncer')
  if (program === undefined) return
  const pooled = await pooler(t, program, url, 'session', 5)
  const folder = folderOf(t, FILES)
  const results = await Promise.all([apply(pooled, folder), apply(url, folder), apply(pooled, folder)])
  t.same(results.flat().toSorted(), Object.keys(FILES))
})

await t.test('transaction and statement mode are refused, whatever the size of the pool', async t => {
  const program = requireProgram(t, 'pgbouncer')
  if (program === undefined) return
  for (const [mode, size] of [
    ['transaction', 1],
    ['transaction', 2],
    ['transaction', 10],
    ['statement', 5],
  ] as const) {
    const pooled = await pooler(t, program, url, mode, size)
    await t.rejects(
      apply(pooled, folderOf(t, FILES)),
      { code: 'DB_ERR_MIGRATION_POOLER', outcome: 'not-executed' },
      `${mode}, ${size}`,
    )
    const [found] = await sql`select to_regclass('one') as one, to_regclass('schema_migrations') as ledger`
    t.same(found, { one: null, ledger: null })
    await emptySchema(sql)
  }
})
