import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { until } from '@plimsoll/testing'
import { migrate } from '../../src/migrations/index.ts'
import { emptyDatabase } from '../fixture/database.ts'
import { type Expected, apply, emptySchema, folderOf, put, recorder, records, shortPauses, tables } from './fixture.ts'

// On a busy machine connections take their time.
t.setTimeout(60_000)

const database = await emptyDatabase(t)
const { sql, url } = database
t.beforeEach(() => emptySchema(sql))

const ONE = 'create table one (id int primary key);\ncreate index one_id on one (id);'
const TWO = 'create table two (id int);'
const THREE = 'create table three (id int);'

await t.test('what is missing is applied in order, once, and recorded', async t => {
  const folder = folderOf(t, { '0001_a.sql': ONE, '0003_b.sql': TWO, 'README.md': '' })
  const { onProgress, seen } = recorder()
  t.match(await migrate({ url, folder, onProgress }), {
    applied: [
      { name: '0001_a.sql', ms: Number },
      { name: '0003_b.sql', ms: Number },
    ],
    ahead: [],
  })
  t.match(seen, [
    { kind: 'started', name: '0001_a.sql', index: 1, total: 2 },
    { kind: 'applied', name: '0001_a.sql', index: 1, total: 2, ms: Number },
    { kind: 'started', name: '0003_b.sql', index: 2, total: 2 },
    { kind: 'applied', name: '0003_b.sql', index: 2, total: 2 },
  ])
  t.same(await apply(url, folder), [])
  put(folder, { '0010_c.sql': THREE })
  t.same(await apply(url, folder), ['0010_c.sql'])
  t.same(await tables(sql), ['one', 'three', 'two'])
  t.same(await records(sql), [
    [1, 'done'],
    [3, 'done'],
    [10, 'done'],
  ])
})

await t.test('a file that fails leaves nothing of itself, keeps those before it, and says where it failed', async t => {
  const folder = folderOf(t, {
    '0001_a.sql': ONE,
    '0002_half.sql': `create table half (id int);\n-- '\n\ninsert into half\n  values (no_such_column);\nselect 1`,
    '0003_c.sql': THREE,
  })
  await t.rejects(apply(url, folder), {
    code: 'DB_ERR_MIGRATION_FAILED',
    outcome: 'rolled-back',
    file: '0002_half.sql',
    statement: 2,
    line: 5,
    sqlState: '42703',
    message: /^0002_half\.sql failed in line 5, statement 2: .*no_such_column.* \(42703\); nothing of it remains\.$/,
  })
  t.same(await tables(sql), ['one'])
  put(folder, { '0002_half.sql': TWO })
  t.same(await apply(url, folder), ['0002_half.sql', '0003_c.sql'], 'corrected, it goes on')
})

await t.test('errors carry no values: neither of rows nor the detail of the server', async t => {
  const folder = folderOf(t, {
    '0001_a.sql': `create table secrets (name text unique); insert into secrets values ('hunter2');`,
    '0002_b.sql': `insert into secrets values ('hunter2')`,
  })
  const failure = async (): Promise<string> => {
    const error = await apply(url, folder).then(
      () => undefined,
      (error: unknown) => error as Error & { server: object },
    )
    return `${error?.message} ${JSON.stringify(error)}`
  }
  const unique = await failure()
  t.match(unique, /23505/)
  t.notMatch(unique, /hunter2/)
  put(folder, { '0002_b.sql': 'select name::int from secrets' })
  const conversion = await failure()
  t.match(conversion, /22P02/)
  t.notMatch(conversion, /hunter2/)
})

await t.test('what only the commit finds out is told as such', async t => {
  const folder = folderOf(t, {
    '0001_a.sql': 'create table one (id int primary key, other int references one deferrable initially deferred)',
    '0002_b.sql': 'insert into one values (1, 2)',
  })
  await t.rejects(apply(url, folder), {
    code: 'DB_ERR_MIGRATION_FAILED',
    outcome: 'rolled-back',
    statement: undefined,
    sqlState: '23503',
    message: /^0002_b\.sql failed at its record or commit/,
  })
  t.same(await records(sql), [[1, 'done']])
})

await t.test('a changed, a missing and a late file are refused before anything is done', async t => {
  const folder = folderOf(t, { '0001_a.sql': ONE, '0003_c.sql': THREE })
  await apply(url, folder)
  const refused = async (files: Record<string, string>, expected: Expected): Promise<void> => {
    await t.rejects(apply(url, folderOf(t, files)), expected)
    t.same(await tables(sql), ['one', 'three'])
  }
  await refused(
    { '0001_a.sql': `${ONE} `, '0003_c.sql': THREE, '0004_d.sql': TWO },
    { code: 'DB_ERR_MIGRATION_CHANGED', file: '0001_a.sql' },
  )
  await refused(
    { '0003_c.sql': THREE, '0004_d.sql': TWO },
    { code: 'DB_ERR_MIGRATION_MISSING', message: /0001_a\.sql.*missing/ },
  )
  await refused(
    { '0001_a.sql': ONE, '0002_b.sql': TWO, '0003_c.sql': THREE },
    { code: 'DB_ERR_MIGRATION_ORDER', message: /0002_b\.sql.*above 3/ },
  )
  t.same(await apply(url, folderOf(t, { '0001_other_name.sql': ONE, '0003_c.sql': THREE })), [], 'a name may change')
})

await t.test('a database that is ahead is told, and refused on demand', async t => {
  await apply(url, folderOf(t, { '0001_a.sql': ONE, '0002_b.sql': TWO }))
  const folder = folderOf(t, { '0001_a.sql': ONE })
  t.same(await migrate({ url, folder }), { applied: [], ahead: ['0002_b.sql'] })
  await t.rejects(migrate({ url, folder, ahead: 'refuse' }), {
    code: 'DB_ERR_MIGRATION_AHEAD',
    message: /0002_b\.sql/,
  })
})

await t.test('line ends and a byte-order mark change nothing', async t => {
  const folder = folderOf(t, { '0001_a.sql': `\ufeff${ONE.replaceAll('\n', '\r\n')}\r\n`, '0002_b.sql': TWO })
  t.same(await apply(url, folder), ['0001_a.sql', '0002_b.sql'])
  put(folder, { '0001_a.sql': `${ONE}\n`, '0002_b.sql': `\ufeff${TWO}` })
  t.same(await apply(url, folder), [])
})

await t.test('functions with dollar quotes and SQL bodies are whole statements', async t => {
  const folder = folderOf(t, {
    '0001_a.sql': `
      create function plus(a int) returns int language plpgsql as $body$ begin if a > 0 then return a + 1; end if; return $1; end $body$;
      create function minus(a int) returns int language sql begin atomic select a; select case when a > 0 then a - 1 end; end;
      create table t (v int); create rule r as on delete to t do also (insert into t values (1); insert into t values (2));
      insert into t values (plus(1) + minus(1));`,
  })
  await apply(url, folder)
  t.same([...(await sql`select v from t`)], [{ v: 2 }])
})

await t.test('what a file sets is gone when the next one begins, and does not reach the ledger', async t => {
  await sql`create schema elsewhere`
  t.teardown(() => sql`drop schema elsewhere cascade`)
  const folder = folderOf(t, {
    '0001_a.sql': `set search_path = elsewhere; set lock_timeout = '1ms'; set statement_timeout = '100s'; set standard_conforming_strings = off;
      set role pg_monitor; reset role; create temporary table t (id int); create table here (id int); set role pg_monitor;`,
    '0002_b.sql': `create table t (id int); create table settings as select name, setting from pg_settings
      where name in ('lock_timeout', 'statement_timeout', 'standard_conforming_strings', 'search_path')`,
    '0003_c.sql': `select pg_catalog.set_config('search_path', '', false); create table public.last (id int)`,
  })
  await apply(url, folder, { lockTimeoutMs: 1234 })
  t.same(await tables(sql), ['last', 'settings', 't'])
  t.same(await records(sql), [
    [1, 'done'],
    [2, 'done'],
    [3, 'done'],
  ])
  t.same(
    Object.fromEntries((await sql`select name, setting from settings`).map(({ name, setting }) => [name, setting])),
    {
      lock_timeout: '1234',
      statement_timeout: '0',
      standard_conforming_strings: 'on',
      search_path: '"$user", public',
    },
  )
})

await t.test('a file that ends its transaction by a way of its own is found out', async t => {
  const folder = folderOf(t, {
    '0001_a.sql': `set standard_conforming_strings = off; create table one (id int); select '\\'' ; commit; begin; select ' /* '::text -- */ , 2`,
  })
  await t.rejects(apply(url, folder), {
    code: 'DB_ERR_MIGRATION_FAILED',
    outcome: 'unknown',
    message: /has ended the transaction/,
  })
  t.same(await records(sql), [])
})

await t.test('a COPY that waits for rows of the client does not hang', async t => {
  const folder = folderOf(t, {
    '0001_a.sql': `set standard_conforming_strings = off; create table one (id int); select '\\'' ; copy one from stdin; select ' /* '::text -- */ , 2`,
  })
  await t.rejects(apply(url, folder), { code: 'DB_ERR_MIGRATION_LOST', outcome: 'rolled-back', statement: 3 })
  t.same(await tables(sql), [])
})

await t.test("a file that gives the runner's lock away is rolled back", async t => {
  const folder = folderOf(t, { '0001_a.sql': 'create table one (id int); select pg_advisory_unlock(9)' })
  await t.rejects(apply(url, folder, { lockKey: 9n }), {
    code: 'DB_ERR_MIGRATION_FAILED',
    outcome: 'rolled-back',
    message: /lock away/,
  })
  t.same(await tables(sql), [])
})

await t.test(
  'a long reader does not make others queue: the file is rolled back, and tried again until it is over',
  async t => {
    const folder = folderOf(t, { '0001_a.sql': ONE })
    await apply(url, folder)
    put(folder, { '0002_b.sql': 'create table two (id int); alter table one add column v int' })
    const { onProgress, seen } = recorder()
    const reader = await sql.reserve()
    try {
      await reader`begin`
      await reader`select from one`
      const busy = apply(url, folder, { lockTimeoutMs: 20, lockAttempts: 3, onProgress }, shortPauses())
      await t.rejects(busy, {
        code: 'DB_ERR_MIGRATION_BUSY',
        outcome: 'rolled-back',
        sqlState: '55P03',
        statement: 2,
        message: /tried 3 times/,
      })
      t.match(
        seen.filter(({ kind }) => kind === 'retrying'),
        [
          { attempt: 2, attempts: 3, pauseMs: 375, sqlState: '55P03' },
          { attempt: 3, pauseMs: 750 },
        ],
      )
      t.same(await tables(sql), ['one'])
      const patient = recorder()
      const running = apply(
        url,
        folder,
        { lockTimeoutMs: 20, lockAttempts: 100, onProgress: patient.onProgress },
        shortPauses(),
      )
      await until(() => patient.kinds().includes('retrying'), { what: 'a first retry' })
      // Whoever comes now isn't kept waiting for longer than a lock_timeout.
      t.equal((await sql`select from one`).length, 0)
      await reader`commit`
      t.same(await running, ['0002_b.sql'])
    } finally {
      reader.release()
    }
  },
)

await t.test('a statement time-out and a signal stop a file, and nothing of it remains', async t => {
  const folder = folderOf(t, { '0001_a.sql': 'create table one (id int); select pg_sleep(60)' })
  await t.rejects(apply(url, folder, { statementTimeoutMs: 300 }), {
    code: 'DB_ERR_MIGRATION_FAILED',
    outcome: 'rolled-back',
    sqlState: '57014',
  })
  const controller = new AbortController()
  // Another number, so that the session of the run before isn't taken for this one's.
  const slower = folderOf(t, { '0001_a.sql': 'create table one (id int); select pg_sleep(61)' })
  const running = apply(url, slower, { signal: controller.signal })
  await until(
    async () =>
      (
        await sql`select from pg_stat_activity where query like 'select pg_sleep(61)%' and state = 'active' and datname = current_database()`
      ).length > 0,
    {
      what: 'the statement to run',
    },
  )
  controller.abort(new Error('enough'))
  await t.rejects(running, {
    code: 'DB_ERR_MIGRATION_ABORTED',
    outcome: 'rolled-back',
    file: '0001_a.sql',
    cause: { message: 'enough' },
  })
  await t.rejects(apply(url, folder, { signal: controller.signal }), { code: 'DB_ERR_MIGRATION_ABORTED' })
  t.same(await tables(sql), [])
})

await t.test('notices are told', async t => {
  const folder = folderOf(t, { '0001_a.sql': `do $$ begin raise notice 'half way'; end $$` })
  const { onProgress, seen } = recorder()
  await apply(url, folder, { onProgress })
  t.match(
    seen.filter(({ kind }) => kind === 'notice'),
    [{ severity: 'NOTICE', message: 'half way' }],
  )
})

await t.test('the ledger of an earlier version is taken over as it is', async t => {
  const folder = folderOf(t, { '0001_a.sql': ONE, '0002_b.sql': TWO })
  await apply(url, folder)
  // As it was made before there was a state.
  await sql`alter table schema_migrations drop column state, drop column statements_done`
  const columns = async () =>
    (
      await sql`select attname as name from pg_attribute where attrelid = 'schema_migrations'::regclass and attnum > 0 and not attisdropped`
    ).map(({ name }) => String(name))
  const before = await columns()
  t.same(await apply(url, folder), [])
  put(folder, { '0003_c.sql': THREE })
  t.same(await apply(url, folder), ['0003_c.sql'])
  t.same(await columns(), before)
  put(folder, { '0004_d.sql': '-- migrate: no transaction\ncreate index concurrently three_id on three (id)' })
  t.same(await apply(url, folder), ['0004_d.sql'])
  t.same(await records(sql), [
    [1, 'done'],
    [2, 'done'],
    [3, 'done'],
    [4, 'done'],
  ])
})

await t.test('the ledger may have another name and schema; a table that is none is refused', async t => {
  await sql`create schema "My schema"`
  t.teardown(() => sql`drop schema "My schema" cascade`)
  const folder = folderOf(t, { '0001_a.sql': ONE })
  t.same(await apply(url, folder, { ledger: ['My schema', 'Done "so" far'] }), ['0001_a.sql'])
  t.same(await apply(url, folder, { ledger: ['My schema', 'Done "so" far'] }), [])
  t.equal((await sql`select from "My schema"."Done ""so"" far"`).length, 1)
  await sql`create table schema_migrations (version text primary key)`
  await t.rejects(apply(url, folder), { code: 'DB_ERR_MIGRATION_LEDGER', message: /lacks name, checksum/ })
  await t.rejects(apply(url, folder, { ledger: ['nowhere', 'x'] }), {
    code: 'DB_ERR_MIGRATION_LEDGER',
    message: /nowhere/,
  })
})

await t.test('options and addresses that are wrong are refused with what is right', async t => {
  const folder = folderOf(t, { '0001_a.sql': ONE })
  const refused = (options: object, message: RegExp) =>
    t.rejects(migrate({ url, folder, ...options }), { code: 'DB_ERR_OPTION', message })
  await refused({ lockTimeoutMS: 5 }, /no option "lockTimeoutMS"/)
  await refused({ lockTimeoutMs: -1 }, /lockTimeoutMs is -1; it's a whole number of ms from 0/)
  await refused({ lockAttempts: 0 }, /from 1 to 100/)
  await refused({ url: 'localhost' }, /url/)
  await refused({ folder: '' }, /folder/)
  await refused({ ledger: ['a', 'b', 'c'] }, /ledger/)
  await refused({ ledger: '' }, /name/)
  await refused({ lockKey: 5 }, /lockKey/)
  await refused({ ahead: 'maybe' }, /ahead/)
  await t.rejects(migrate({ url: 'postgres://nobody:secret@127.0.0.1:1/x', folder }), {
    code: 'DB_ERR_CONNECT',
    reason: 'ECONNREFUSED',
  })
  const wrong = new URL(url)
  wrong.password = 'wrong-password'
  await t.rejects(migrate({ url: wrong.href, folder }), { code: 'DB_ERR_CONNECT', reason: '28P01' })
})

await t.test('a folder that is changed while a run waits is not read again', async t => {
  const folder = folderOf(t, { '0001_a.sql': ONE })
  await apply(url, folder)
  const file = path.join(folder, '0001_a.sql')
  writeFileSync(file, `${readFileSync(file, 'utf8')}\n-- a remark`)
  await t.rejects(apply(url, folder), { code: 'DB_ERR_MIGRATION_CHANGED' }, 'a remark is a change too')
})
