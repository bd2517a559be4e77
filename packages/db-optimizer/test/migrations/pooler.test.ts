// Through Debian's PgBouncer: in session mode it's a session, in the other modes it's noticed and refused before anything is done.
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { freePort, requireProgram, spawnProgram, until, type TestScope } from '@plimsoll/testing'
import postgres from 'postgres'
import { emptyDatabase } from '../fixture/database.ts'
import { apply, emptySchema, folderOf } from './fixture.ts'

t.setTimeout(60_000)

const database = await emptyDatabase(t)
const { sql, url } = database
t.beforeEach(() => emptySchema(sql))

/** Debian's user without rights; PgBouncer won't run as root. */
const NOBODY = 65_534
const FILES = { '0001_a.sql': 'create table one (id int)', '0002_b.sql': 'create table two (id int)' }

/** Starts PgBouncer in front of a database; gives the address through it. */
async function pooler(t: TestScope, program: string, databaseUrl: string, mode: string, size: number): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-pgbouncer-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const { hostname, port, pathname, username, password } = new URL(databaseUrl)
  const ownPort = await freePort()
  const ini = path.join(folder, 'pgbouncer.ini')
  writeFileSync(
    ini,
    `[databases]
pooled = host=${hostname} port=${port} dbname=${pathname.slice(1)} user=${username} password=${decodeURIComponent(password)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${ownPort}
unix_socket_dir =
auth_type = any
pool_mode = ${mode}
default_pool_size = ${size}
server_reset_query = DISCARD ALL
`,
  )
  const isRoot = userInfo().uid === 0
  if (isRoot) for (const one of [folder, ini]) chownSync(one, NOBODY, NOBODY)
  await spawnProgram(t, [program, ini], isRoot ? { uid: NOBODY, gid: NOBODY } : {})
  const url = `postgres://${username}@127.0.0.1:${ownPort}/pooled`
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
