import postgres from 'postgres'
import t from 'tap'
import { leakCheck, startTemporaryPostgres, testDatabase, type TestScope } from '@plimsoll/testing'

// A server of its own, so that nothing depends on what other test files have made on the shared one.
const server = await startTemporaryPostgres()
t.teardown(() => server.stop())
const { adminUrl } = server
leakCheck(t)

async function withSql<T>(url: string, use: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    return await use(sql)
  } finally {
    await sql.end()
  }
}

/** A scope that's ended by hand. */
function scope(): TestScope & { end(): Promise<void> } {
  const releases: (() => unknown)[] = []
  return {
    name: 'inner',
    teardown: release => void releases.push(release),
    comment: () => {},
    passing: () => true,
    fail: () => {},
    plan: () => {},
    end: async () => {
      for (const release of releases.toReversed()) await release()
    },
  }
}

const empty = { key: 'empty', prepare: async () => {} }

const databases = (): Promise<string[]> =>
  withSql(adminUrl, async sql =>
    (await sql<{ datname: string }[]>`select datname from pg_database`).map(row => row.datname),
  )

await t.test(
  'each test gets a copy of its own, made from a template that is prepared once, also by many at a time',
  async t => {
    let prepared = 0
    const template = {
      key: 'items v1',
      prepare: (url: string) =>
        withSql(url, async sql => {
          prepared++
          await sql`create table items (name text)`
          await sql`insert into items values ('from the template')`
        }),
    }
    const all = await Promise.all(Array.from({ length: 3 }, () => testDatabase(t, { template, adminUrl })))
    t.equal(prepared, 1)
    t.equal(new Set(all.map(database => database.name)).size, 3)
    const [first] = all
    if (first !== undefined) await first.sql`insert into items values ('mine')`
    t.strictSame(
      await Promise.all(all.map(async ({ sql }) => (await sql`select name from items`).length)),
      [2, 1, 1],
      'what one writes the others do not see',
    )
  },
)

await t.test('the program owns its database and is no superuser; adminUrl is one', async t => {
  const { sql, url, adminUrl: own, name } = await testDatabase(t, { template: empty, adminUrl })
  const [row] = await sql`select current_user::text as role, current_database() as database,
    (select rolsuper from pg_roles where rolname = current_user) as super,
    (select rolname::text from pg_roles join pg_database on pg_roles.oid = datdba where datname = current_database()) as owner`
  t.strictSame({ ...row }, { role: 'plimsoll', database: name, super: false, owner: 'plimsoll' })
  t.match(url, name)
  await withSql(own, async admin => {
    const [row] =
      await admin`select current_user::text as role, (select count(*)::int from pg_stat_statements) as statements`
    t.equal(row?.['role'], 'postgres')
    t.type(row?.['statements'], 'number', 'statement statistics are there as in a real database')
  })
})

await t.test('another key is another template', async t => {
  const table = (name: string) => (url: string) =>
    withSql(url, async sql => void (await sql.unsafe(`create table ${name} ()`)))
  const first = await testDatabase(t, { template: { key: 'a', prepare: table('a') }, adminUrl })
  const second = await testDatabase(t, { template: { key: 'b', prepare: table('b') }, adminUrl })
  const tables = async (sql: postgres.Sql): Promise<unknown[]> =>
    (await sql`select relname::text from pg_stat_user_tables`).map(row => row['relname'])
  t.strictSame(await tables(first.sql), ['a'])
  t.strictSame(await tables(second.sql), ['b'])
})

await t.test('teardown drops the database, with sessions that are left in it', async t => {
  const inner = scope()
  const { name, url } = await testDatabase(inner, { template: empty, adminUrl })
  const stray = postgres(url, { max: 1, onnotice: () => {}, onclose: () => {} })
  t.teardown(() => stray.end({ timeout: 0 }))
  await stray`select 1`
  t.ok((await databases()).includes(name))
  await inner.end()
  t.notOk((await databases()).includes(name))
})

await t.test('a template that could not be prepared leaves nothing, and the next try makes it', async t => {
  const before = await databases()
  const failing = { key: 'fails once', prepare: () => Promise.reject(new Error('no such migration')) }
  await t.rejects(testDatabase(t, { template: failing, adminUrl }), {
    code: 'TESTING_ERR_TEMPLATE_FAILED',
    message: /"fails once".*no such migration/,
  })
  t.strictSame((await databases()).toSorted(), before.toSorted())
  const database = await testDatabase(t, { template: { key: 'fails once', prepare: async () => {} }, adminUrl })
  t.ok(database.name)
})

await t.test('a template that a killed process left half made is made anew', async t => {
  const key = 'left half made'
  const first = await testDatabase(t, { template: { key, prepare: async () => {} }, adminUrl })
  await first.sql`select 1`
  await withSql(adminUrl, async sql => {
    const templates = await sql<
      { datname: string }[]
    >`select datname from pg_database where datistemplate and datname like 'template\\_%'`
    for (const { datname } of templates)
      await sql.unsafe(`alter database ${datname} with is_template false allow_connections true`)
  })
  let prepared = 0
  await testDatabase(t, { template: { key, prepare: async () => void prepared++ }, adminUrl })
  t.equal(prepared, 1)
})

await t.test('sessions that the preparation leaves open do not hinder the copy', async t => {
  let stray: postgres.Sql | undefined
  const prepare = async (url: string): Promise<void> => {
    stray = postgres(url, { max: 1, onnotice: () => {} })
    await stray`create table t ()`
  }
  t.teardown(() => stray?.end({ timeout: 0 }))
  const { sql } = await testDatabase(t, { template: { key: 'untidy', prepare }, adminUrl })
  t.equal((await sql`select from t`).length, 0)
})
