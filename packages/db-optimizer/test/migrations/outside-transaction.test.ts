// Files marked `-- migrate: no transaction`: what they leave when they end, fail, or die in between, and how that's repaired.
import t from 'tap'
import { until } from '@plimsoll/testing'
import { migrate, planMigrations, repairMigration } from '../../src/migrations/index.ts'
import { emptyDatabase, terminate, untilRunning } from '../fixture/database.ts'
import { apply, emptySchema, folderOf, put, recorder, records, shortPauses } from './fixture.ts'

// On a busy machine connections take their time.
t.setTimeout(60_000)

const database = await emptyDatabase(t)
const { sql, url } = database
t.beforeEach(() => emptySchema(sql))

const ONE = 'create table one (id int); insert into one values (1), (1)'
const OUTSIDE = '-- migrate: no transaction\n'

await t.test('its statements run one by one, and may be such that need no transaction around them', async t => {
  const folder = folderOf(t, {
    '0001_a.sql': ONE,
    '0002_b.sql': `${OUTSIDE}create index concurrently one_id on one (id);\nvacuum one;\nreindex index concurrently one_id;`,
    '0003_c.sql': 'create table three (id int)',
  })
  const { onProgress, seen } = recorder()
  t.same(await apply(url, folder, { onProgress }), ['0001_a.sql', '0002_b.sql', '0003_c.sql'])
  t.match(
    seen.filter(({ kind }) => kind === 'statement'),
    [1, 2, 3].map(statement => ({ name: '0002_b.sql', statement, statements: 3 })),
  )
  t.same(
    [...(await sql`select state, statements_done from schema_migrations where version = 2`)],
    [{ state: 'done', statements_done: 3 }],
  )
  t.same(await apply(url, folder), [])
  put(folder, { '0004_d.sql': 'create index concurrently again on one (id)' })
  await t.rejects(apply(url, folder), { code: 'DB_ERR_MIGRATION_FAILED', sqlState: '25001', outcome: 'rolled-back' })
})

await t.test('one that fails in the middle is recorded as begun, refused from then on, and repaired', async t => {
  const folder = folderOf(t, {
    '0001_a.sql': ONE,
    '0002_b.sql': `${OUTSIDE}create index concurrently plain on one (id);\ncreate unique index concurrently single on one (id);\nvacuum one`,
    '0003_c.sql': 'create table three (id int)',
  })
  await t.rejects(apply(url, folder), {
    code: 'DB_ERR_MIGRATION_FAILED',
    outcome: 'unknown',
    statement: 2,
    line: 3,
    sqlState: '23505',
    message: /recorded as begun/,
  })
  t.same(await records(sql), [
    [1, 'done'],
    [2, 'running'],
  ])
  const interrupted = {
    code: 'DB_ERR_MIGRATION_INTERRUPTED',
    file: '0002_b.sql',
    message: /1 of 3 statements.*single; drop.*repair/,
  }
  await t.rejects(apply(url, folder), interrupted)
  await t.rejects(planMigrations({ url, folder }), interrupted)
  const repair = (as: 'pending' | 'done', version = 2) => repairMigration({ url, folder, version, as })
  await t.rejects(repair('done', 1), { code: 'DB_ERR_MIGRATION_LEDGER', message: /0001_a\.sql is done/ })
  await t.rejects(repair('done', 3), { code: 'DB_ERR_MIGRATION_LEDGER', message: /nothing to repair/ })
  await t.rejects(repairMigration({ url, folder, version: 2.5, as: 'done' }), { code: 'DB_ERR_OPTION' })
  await t.rejects(repairMigration({ url, folder, version: 2, as: 'skipped' as 'done' }), { code: 'DB_ERR_OPTION' })

  await sql`drop index plain, single`
  put(folder, { '0002_b.sql': `${OUTSIDE}create index concurrently plain on one (id);vacuum one` })
  await t.rejects(apply(url, folder), { code: 'DB_ERR_MIGRATION_INTERRUPTED', message: /has changed since/ })
  t.equal(await repair('pending'), '0002_b.sql')
  t.same(await apply(url, folder), ['0002_b.sql', '0003_c.sql'], 'corrected, it runs from its beginning')
})

await t.test('one whose work is all there is recorded as done, with the file as it is now', async t => {
  const folder = folderOf(t, { '0001_a.sql': ONE, '0002_b.sql': `${OUTSIDE}vacuum one;\nselect 1 / 0` })
  await t.rejects(apply(url, folder), { code: 'DB_ERR_MIGRATION_FAILED', sqlState: '22012' })
  put(folder, { '0002_b.sql': `${OUTSIDE}vacuum one` })
  t.equal(await repairMigration({ url, folder, version: 2, as: 'done' }), '0002_b.sql')
  t.same(await apply(url, folder), [])
})

await t.test('a first statement that the server could not even read leaves nothing to repair', async t => {
  const folder = folderOf(t, { '0001_a.sql': ONE, '0002_b.sql': `${OUTSIDE}create indx concurrently a on one (id)` })
  const { onProgress, kinds } = recorder()
  await t.rejects(apply(url, folder, { onProgress }), {
    code: 'DB_ERR_MIGRATION_FAILED',
    outcome: 'rolled-back',
    sqlState: '42601',
    line: 2,
  })
  t.same(kinds(), ['started', 'applied', 'started'], 'without a warning of the server')
  put(folder, { '0002_b.sql': `${OUTSIDE}create index concurrently a on one (id)` })
  t.same(await apply(url, folder), ['0002_b.sql'])
})

await t.test('a session that ends in between leaves the file begun', async t => {
  const folder = folderOf(t, { '0001_a.sql': `${OUTSIDE}create table one (id int);\nselect pg_sleep(60)` })
  const running = apply(url, folder)
  running.catch(() => {})
  await terminate(sql, await untilRunning(sql, 'pg_sleep(60)'))
  await t.rejects(running, { code: 'DB_ERR_MIGRATION_FAILED', outcome: 'unknown', statement: 2, line: 3 })
  await t.rejects(apply(url, folder), { code: 'DB_ERR_MIGRATION_INTERRUPTED', message: /1 of 2 statements/ })
})

await t.test('an index that is made concurrently waits for a long transaction, without lock_timeout', async t => {
  const folder = folderOf(t, {
    '0001_a.sql': ONE,
    '0002_b.sql': `${OUTSIDE}create index concurrently one_id on one (id);\ncreate table timeouts as select current_setting('lock_timeout') as value`,
  })
  await apply(url, folderOf(t, { '0001_a.sql': ONE }))
  const writer = await sql.reserve()
  try {
    await writer`begin`
    await writer`insert into one values (3)`
    const running = apply(url, folder, { lockTimeoutMs: 20 })
    running.catch(() => {})
    // Waits for a lock of another transaction for longer than the time-out.
    await until(
      async () =>
        (
          await sql`select from pg_stat_activity where query like 'create index concurrently one_id%' and wait_event_type = 'Lock'
                  and now() - query_start > interval '60 ms'`
        ).length > 0,
      { what: 'the index to wait' },
    )
    await writer`commit`
    t.same(await running, ['0002_b.sql'])
    t.same([...(await sql`select value from timeouts`)], [{ value: '20ms' }], 'other statements have it')
  } finally {
    writer.release()
  }
})

await t.test('a time-out of its own is left to the file', async t => {
  const folder = folderOf(t, {
    '0001_a.sql': ONE,
    '0002_b.sql': `${OUTSIDE}set lock_timeout = '30ms';\ncreate index concurrently one_id on one (id)`,
  })
  await apply(url, folderOf(t, { '0001_a.sql': ONE }))
  const writer = await sql.reserve()
  try {
    await writer`begin`
    await writer`insert into one values (3)`
    await t.rejects(migrate({ url, folder }, shortPauses()), {
      code: 'DB_ERR_MIGRATION_FAILED',
      outcome: 'unknown',
      sqlState: '55P03',
      statement: 2,
    })
    await writer`rollback`
  } finally {
    writer.release()
  }
})
