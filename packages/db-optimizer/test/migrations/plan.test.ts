import t from 'tap'
import { planMigrations, rehearseMigrations } from '../../src/migrations/index.ts'
import { emptyDatabase } from '../fixture/database.ts'
import { apply, emptySchema, folderOf, put, tables } from './fixture.ts'

const { sql, url } = await emptyDatabase(t)
t.beforeEach(() => emptySchema(sql))

const ONE = 'create table one (id int primary key)'

await t.test('what is pending is told without changing anything, and without waiting for whoever migrates', async t => {
  const folder = folderOf(t, { '0001_a.sql': ONE, '0002_b.sql': '-- migrate: no transaction\nvacuum one; vacuum' })
  t.same(await planMigrations({ url, folder }), {
    applied: [],
    pending: [
      { name: '0001_a.sql', inTransaction: true, statements: 1 },
      { name: '0002_b.sql', inTransaction: false, statements: 2 },
    ],
    ahead: [],
  })
  const [made] = await sql`select to_regclass('schema_migrations') as ledger`
  t.equal(made?.['ledger'], null)
  await apply(url, folderOf(t, { '0001_a.sql': ONE }))
  const holder = await sql.reserve()
  try {
    await holder`select pg_advisory_lock(7)`
    t.match(await planMigrations({ url, folder, lockKey: 7n }), {
      applied: ['0001_a.sql'],
      pending: [{ name: '0002_b.sql' }],
    })
    await holder`select pg_advisory_unlock(7)`
  } finally {
    holder.release()
  }
  put(folder, { '0001_a.sql': `${ONE} ` })
  await t.rejects(planMigrations({ url, folder }), { code: 'DB_ERR_MIGRATION_CHANGED' })
})

await t.test('a rehearsal runs all files that are pending and leaves nothing', async t => {
  const folder = folderOf(t, {
    '0001_a.sql': ONE,
    '0002_b.sql': 'set search_path = nowhere; create temporary table one (id int)',
    '0003_c.sql': '-- migrate: no transaction\nvacuum one',
    '0004_d.sql': 'alter table one add column v int; insert into one values (1, 2)',
  })
  t.match(await rehearseMigrations({ url, folder }), [
    { name: '0001_a.sql', rehearsed: true, ms: Number },
    { name: '0002_b.sql', rehearsed: true },
    { name: '0003_c.sql', rehearsed: false, ms: 0 },
    { name: '0004_d.sql', rehearsed: true },
  ])
  t.same(await tables(sql), [])
  t.equal((await planMigrations({ url, folder })).pending.length, 4)
})

await t.test('a rehearsal says what would fail, what only the commit would find out included', async t => {
  const folder = folderOf(t, { '0001_a.sql': ONE, '0002_b.sql': 'select 1;\nselect oops' })
  await t.rejects(rehearseMigrations({ url, folder }), {
    code: 'DB_ERR_MIGRATION_FAILED',
    outcome: 'rolled-back',
    file: '0002_b.sql',
    line: 2,
    sqlState: '42703',
  })
  put(folder, {
    '0002_b.sql': 'alter table one add column other int references one deferrable initially deferred',
    // What is deferred stays so after the check at the first file's end.
    '0003_c.sql': 'insert into one values (1, 2); insert into one values (2, 1); alter table one add column v int',
  })
  await t.rejects(rehearseMigrations({ url, folder }), {
    code: 'DB_ERR_MIGRATION_FAILED',
    file: '0003_c.sql',
    statement: 3,
    sqlState: '55006',
  })
  put(folder, { '0003_c.sql': 'insert into one values (1, 2); insert into one values (2, 1)' })
  put(folder, { '0004_d.sql': 'alter table one add column v int; insert into one values (3, 4)' })
  await t.rejects(rehearseMigrations({ url, folder }), {
    code: 'DB_ERR_MIGRATION_FAILED',
    file: '0004_d.sql',
    statement: undefined,
    sqlState: '23503',
  })
  t.same(await tables(sql), [])
})
