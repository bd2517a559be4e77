import { chmod, readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { once } from 'node:events'
import path from 'node:path'
import postgres from 'postgres'
import t from 'tap'
import { startLocalPostgres, type LocalPostgres } from '@plimsoll/local-postgres'
import { isAlive, leakCheck } from '@plimsoll/testing'
import { isRoot } from './nobody.ts'
import { temporaryFolder } from './temporary-folder.ts'

leakCheck(t)

async function query<T extends postgres.Row>(
  url: string,
  use: (sql: postgres.Sql) => Promise<readonly T[]>,
): Promise<readonly T[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return [...(await use(sql))]
  } finally {
    await sql.end()
  }
}

// The tests below use one cluster, one after the other, as a user would over the days.
const folder = path.join(await temporaryFolder(t), 'made', 'at first')
let first: LocalPostgres | undefined
t.teardown(() => first?.stop('immediate'))

await t.test('a first start makes the cluster, the role and the database, as an unprivileged user', async t => {
  const steps: string[] = []
  const pg = (first = await startLocalPostgres({ folder, durability: 'off', onProgress: step => steps.push(step) }))
  t.teardown(() => pg.stop())
  t.equal(pg.freshlyCreated, true)
  t.match(pg.version, /^18\.\d+$/)
  t.match(steps.join('\n'), /creating the database cluster[\s\S]*starting PostgreSQL 18/)
  t.ok(pg.port >= 15_432 && pg.port < 32_768)
  t.equal((await stat(path.join(pg.folder, 'secret'))).mode & 0o777, 0o600)
  const data = await stat(path.join(pg.folder, 'data'))
  t.equal(data.mode & 0o777, 0o700)
  if (isRoot) t.not(data.uid, 0)
  const [row] = await query(
    pg.url,
    sql => sql`select current_user::text as role, rolsuper, rolcreatedb, rolcreaterole, current_database() as database,
      (select count(*)::int from pg_stat_statements) as statements, current_setting('is_superuser') as super
      from pg_roles where rolname = current_user`,
  )
  t.match(row, {
    role: 'plimsoll',
    rolsuper: false,
    rolcreatedb: false,
    rolcreaterole: false,
    database: 'plimsoll',
    super: 'off',
  })
  const [encoding] = await query(
    pg.adminUrl,
    sql => sql`select pg_encoding_to_char(encoding) as encoding, datlocprovider::text as provider, datlocale as locale,
      datdba::regrole::text as owner from pg_database where datname = 'plimsoll'`,
  )
  t.match(encoding, { encoding: 'UTF8', provider: 'b', locale: 'C.UTF-8', owner: 'plimsoll' })
  await query(pg.url, sql => sql`create table kept (value int)`)
  await query(pg.url, sql => sql`insert into kept values (42)`)
  t.match(pg.log(), 'ready to accept connections')
})

await t.test('it was shut down cleanly, and its process is gone', async t => {
  t.strictSame(await first?.exited, { code: 0, signal: null })
  t.notOk(isAlive(first?.pid ?? 0))
  t.match(first?.log(), 'database system is shut down')
  await t.rejects(readFile(path.join(folder, 'data', 'postmaster.pid')), { code: 'ENOENT' })
})

await t.test(
  'a second start uses the data, the role and the password again; a third one at the same time is refused',
  async t => {
    const pg = await startLocalPostgres({ folder, durability: 'off' })
    t.teardown(() => pg.stop())
    t.equal(pg.freshlyCreated, false)
    t.equal(new URL(pg.url).password, new URL(first?.url ?? '').password)
    t.strictSame(await query(pg.url, sql => sql`select value from kept`), [{ value: 42 }])
    t.notMatch(pg.log(), 'not properly shut down')
    await t.rejects(startLocalPostgres({ folder, durability: 'off' }), {
      code: 'LOCAL_POSTGRES_ERR_IN_USE',
      ownerPid: process.pid,
      message: new RegExp(`belongs to process ${process.pid}\\..*PLIMSOLL_DATA`),
    })
    t.ok(isAlive(pg.pid), 'the refused start did no harm')
    const [row] = await query(`postgres://plimsoll@localhost/plimsoll`, () => {
      const sql = postgres({
        path: pg.socketPath ?? '',
        username: 'plimsoll',
        password: new URL(pg.url).password,
        database: 'plimsoll',
        max: 1,
      })
      return sql`select value from kept`.finally(() => void sql.end())
    })
    t.strictSame(row, { value: 42 }, 'over the Unix socket as well')
  },
)

await t.test('another database and role are made beside the first', async t => {
  const pg = await startLocalPostgres({ folder, durability: 'off', database: 'other-one', role: 'select' })
  t.teardown(() => pg.stop())
  const [row] = await query(pg.url, sql => sql`select current_user::text as role, current_database() as database`)
  t.match(row, { role: 'select', database: 'other-one' })
})

await t.test('settings reach the server, the caller’s win, and the connection limit is the asked one', async t => {
  const pg = await startLocalPostgres({
    folder,
    durability: 'safe',
    maxConnections: 7,
    settings: { work_mem: '5MB', 'pg_stat_statements.track': 'all' },
  })
  t.teardown(() => pg.stop())
  const rows = await query(
    pg.url,
    sql =>
      sql`select name, setting from pg_settings where name in ('work_mem', 'pg_stat_statements.track', 'max_connections', 'fsync', 'jit', 'listen_addresses')`,
  )
  t.strictSame(Object.fromEntries(rows.map(row => [row['name'], row['setting']])), {
    work_mem: '5120',
    'pg_stat_statements.track': 'all',
    max_connections: '7',
    fsync: 'on',
    jit: 'off',
    listen_addresses: '127.0.0.1',
  })
})

await t.test('a taken port is reported when it was given, and passed over when it was searched', async t => {
  const other = createServer().listen(0, '127.0.0.1')
  t.teardown(() => other.close())
  await once(other, 'listening')
  const address = other.address()
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0
  await t.rejects(startLocalPostgres({ folder, durability: 'off', port }), {
    code: 'LOCAL_POSTGRES_ERR_PORT_IN_USE',
    message: new RegExp(`Port ${port} `),
  })
  const low = createServer().listen(29_999, '127.0.0.1')
  t.teardown(() => low.close())
  await once(low, 'listening').catch(() => {})
  const pg = await startLocalPostgres({ folder, durability: 'off', firstPort: 29_999 })
  t.teardown(() => pg.stop())
  t.ok(pg.port > 29_999)
})

await t.test(
  'a stop ends open sessions; asked twice it stops once; immediate quits, and the next start recovers',
  async t => {
    const pg = await startLocalPostgres({ folder, durability: 'off' })
    t.teardown(() => pg.stop())
    // Without fetch_types: what the driver asks by itself is rejected to nobody when the server ends just then.
    const sql = postgres(pg.url, { max: 1, fetch_types: false, onnotice: () => {} })
    t.teardown(() => sql.end({ timeout: 0 }))
    const sleeping = t.rejects(sql`select pg_sleep(60)`)
    await query(pg.url, sql => sql`insert into kept values (43)`)
    await Promise.all([pg.stop('immediate'), pg.stop()])
    await sleeping
    const next = await startLocalPostgres({ folder, durability: 'off' })
    t.teardown(() => next.stop())
    t.match(next.log(), 'not properly shut down')
    t.equal((await query(next.url, sql => sql`select value from kept`)).length, 2)
  },
)

await t.test('a start can be aborted before it and in its middle, and leaves nothing running', async t => {
  await t.rejects(startLocalPostgres({ folder, durability: 'off', signal: AbortSignal.abort(new Error('before')) }), {
    message: 'before',
  })
  const middle = new AbortController()
  const onProgress = (step: string): void => {
    if (step.startsWith('starting')) setImmediate(() => middle.abort(new Error('middle')))
  }
  await t.rejects(startLocalPostgres({ folder, durability: 'off', signal: middle.signal, onProgress }), {
    message: 'middle',
  })
  await t.rejects(readFile(path.join(folder, 'data', 'postmaster.pid')), { code: 'ENOENT' })
})

await t.test('a folder that was closed to others is opened just enough for the server', { skip: !isRoot }, async t => {
  await chmod(folder, 0o700)
  const pg = await startLocalPostgres({ folder, durability: 'off' })
  t.teardown(() => pg.stop())
  t.equal((await stat(folder)).mode & 0o777, 0o711)
})
