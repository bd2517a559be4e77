// Connections that end at the worst moments: in the middle of a file, and between COMMIT and its answer.
import t from 'tap'
import { until } from '@plimsoll/testing'
import { emptyDatabase, terminate, untilRunning } from '../fixture/database.ts'
import { faultyProxy } from '../fixture/faulty-proxy.ts'
import { nodeTimers } from '../../src/retry/pause.ts'
import { apply, emptySchema, folderOf, recorder, records } from './fixture.ts'
import type { MigrationTools } from '../../src/migrations/index.ts'

// On a busy machine connections take their time.
t.setTimeout(60_000)

const database = await emptyDatabase(t)
const { sql, url } = database
t.beforeEach(async () => {
  await emptySchema(sql)
  await sql`create table log (what text)`
  // As long as it has a row, the files that look take a minute.
  await sql`create table slow (id int)`
})

/** The statement with its end: `begin ... read committed` isn't meant. */
const COMMIT = 'commit\0'
const FILES = { '0001_a.sql': `insert into log values ('a')`, '0002_b.sql': `insert into log values ('b')` }
const OUTSIDE = {
  '0001_a.sql': `-- migrate: no transaction\ninsert into log values ('a'); insert into log values ('b')`,
}

async function logged(): Promise<readonly string[]> {
  return (await sql<{ what: string }[]>`select what from log order by 1`).map(({ what }) => what)
}

/** The process that is at its COMMIT, which takes longer than the test. */
function untilCommitting(): Promise<number> {
  return until(
    async () => {
      const [row] = await sql<{ pid: number }[]>`
        select pid from pg_stat_activity where state = 'active' and datname = current_database() and query = 'commit'`
      return row?.pid
    },
    { what: 'a commit to be under way', intervalMs: 2 },
  )
}

/** Pauses pass at once, and the clock with them. */
function hurried(): MigrationTools {
  let aheadMs = 0
  return {
    timers: {
      ...nodeTimers,
      now: () => nodeTimers.now() + aheadMs,
      setTimeout: (callback, delayMs) => {
        aheadMs += delayMs
        return nodeTimers.setTimeout(callback, 1)
      },
    },
  }
}

await t.test('a session that ends in the middle of a file leaves nothing of it', async t => {
  const folder = folderOf(t, { '0001_a.sql': `insert into log values ('a'); select pg_sleep(60)` })
  const running = apply(url, folder)
  running.catch(() => {})
  await terminate(sql, await untilRunning(sql, 'pg_sleep(60)'))
  await t.rejects(running, {
    code: 'DB_ERR_MIGRATION_LOST',
    outcome: 'rolled-back',
    file: '0001_a.sql',
    statement: 2,
  })
  t.same(await logged(), [])
  t.same(await records(sql), [])
})

await t.test('a commit whose answer is lost is found to be committed, and the run goes on', async t => {
  const proxy = await faultyProxy(t, url)
  const { onProgress, seen } = recorder()
  proxy.cutAfter(COMMIT, 0)
  t.same(await apply(proxy.url, folderOf(t, FILES), { onProgress }), ['0001_a.sql', '0002_b.sql'])
  t.match(seen, [
    { kind: 'started', name: '0001_a.sql', index: 1, total: 2 },
    { kind: 'reconnecting', name: '0001_a.sql', status: 'committed' },
    { kind: 'applied', name: '0001_a.sql', index: 1, total: 2 },
    { kind: 'started', name: '0002_b.sql', index: 2, total: 2 },
    { kind: 'applied', name: '0002_b.sql', index: 2, total: 2 },
  ])
  t.same(await logged(), ['a', 'b'])
})

await t.test('one that was undone is found to be so, and the file is run again', async t => {
  await sql`insert into slow values (1)`
  const folder = folderOf(t, {
    '0001_a.sql': `insert into log values ('a');
      create function wait_a_minute() returns trigger language plpgsql as
        $$ begin perform pg_sleep(case when exists (select from slow) then 60 else 0 end); return null; end $$;
      create table one (id int);
      create constraint trigger waits after insert on one deferrable initially deferred for each row execute function wait_a_minute();
      insert into one values (1)`,
  })
  const { onProgress, seen } = recorder()
  const running = apply(url, folder, { onProgress })
  running.catch(() => {})
  const pid = await untilCommitting()
  await sql`delete from slow`
  await terminate(sql, pid)
  t.same(await running, ['0001_a.sql'])
  t.match(
    seen.find(({ kind }) => kind === 'reconnecting'),
    { status: 'aborted' },
  )
  t.same(await logged(), ['a'])
})

await t.test('one that can not be asked about ends the run, and the ledger knows', async t => {
  const proxy = await faultyProxy(t, url)
  const folder = folderOf(t, FILES)
  proxy.cutAfter(COMMIT, 0)
  const onProgress = (): void => proxy.refuse(1_000_000)
  await t.rejects(apply(proxy.url, folder, { onProgress }, hurried()), {
    code: 'DB_ERR_MIGRATION_UNKNOWN',
    outcome: 'unknown',
    file: '0001_a.sql',
    message: /Run again/,
  })
  t.same(await apply(url, folder), ['0002_b.sql'])
  t.same(await logged(), ['a', 'b'])
})

await t.test('outside a transaction: the commits before and after the statements are resolved too', async t => {
  const before = await faultyProxy(t, url)
  before.cutAfter(COMMIT, 0)
  t.same(await apply(before.url, folderOf(t, OUTSIDE)), ['0001_a.sql'])
  t.same(await logged(), ['a', 'b'])
  t.same(await records(sql), [[1, 'done']])

  await sql`drop table schema_migrations`
  const after = await faultyProxy(t, url)
  const { onProgress, seen } = recorder()
  t.same(
    await apply(after.url, folderOf(t, OUTSIDE), {
      onProgress: progress => {
        onProgress(progress)
        if (progress.kind === 'statement') after.cutAfter(COMMIT, 0)
      },
    }),
    ['0001_a.sql'],
  )
  t.equal(seen.filter(({ kind }) => kind === 'reconnecting').length, 1)
  t.same(await logged(), ['a', 'a', 'b', 'b'])
  t.same(await records(sql), [[1, 'done']])
})

await t.test('an end that was not recorded is recorded by the next connection, and nothing runs twice', async t => {
  const { onProgress, seen } = recorder()
  await sql.unsafe(
    `create function wait_a_minute() returns trigger language plpgsql as
       $$ begin perform pg_sleep(case when exists (select from slow) then 60 else 0 end); return null; end $$;
     create table schema_migrations (version integer primary key, name text not null, checksum text not null, duration_ms integer not null,
       applied_at timestamptz(3) not null default now(), state text not null default 'done', statements_done integer not null default 0);
     create constraint trigger waits after update on schema_migrations deferrable initially deferred for each row when (new.state = 'done')
       execute function wait_a_minute();
     insert into slow values (1)`,
  )
  const running = apply(url, folderOf(t, OUTSIDE), { onProgress })
  const terminated = untilCommitting().then(async pid => {
    await sql`delete from slow`
    await terminate(sql, pid)
  })
  t.same(await running, ['0001_a.sql'])
  await terminated
  t.match(
    seen.find(({ kind }) => kind === 'reconnecting'),
    { status: 'aborted' },
  )
  t.same(await logged(), ['a', 'b'])
  t.same(await records(sql), [[1, 'done']])
})
