// Several that migrate at once, as processes and as connections of one; and what happens to the others when the one that works is killed.
import path from 'node:path'
import t from 'tap'
import { spawnProgram, until, type SpawnedProgram, type TestScope } from '@plimsoll/testing'
import { emptyDatabase, untilRunning } from '../fixture/database.ts'
import { apply, emptySchema, folderOf, recorder, records } from './fixture.ts'

// Processes are started: on a busy machine that takes its time.
t.setTimeout(60_000)

const database = await emptyDatabase(t)
const { sql, url } = database
t.beforeEach(async () => {
  await emptySchema(sql)
  await sql`create table log (what text)`
  // As long as it has a row, a run takes a minute.
  await sql`create table slow (id int)`
})

/** Files that leave a line in `log` each time that they're run; the second may take its time. */
const FILES = {
  '0001_a.sql': `insert into log values ('a'); create table one (id int)`,
  '0002_b.sql': `insert into log values ('b'); select pg_sleep(case when exists (select from slow) then 60 else 0.02 end)`,
  '0003_c.sql': `-- migrate: no transaction\ninsert into log values ('c'); create index concurrently one_id on one (id)`,
  '0004_d.sql': `insert into log values ('d')`,
}
const NAMES = Object.keys(FILES)

function start(t: TestScope, folder: string): Promise<SpawnedProgram> {
  return spawnProgram(t, ['node', path.join(import.meta.dirname, 'run-migrations.ts'), url, folder])
}

interface End {
  readonly end: string
  readonly applied?: readonly string[]
  readonly message?: string
}

async function endOf(program: SpawnedProgram): Promise<End> {
  await program.exited
  const line = program.lines.findLast(text => text.includes('"end"'))
  return line === undefined ? { end: `nothing: ${program.stderr}` } : (JSON.parse(line) as End)
}

async function logged(): Promise<readonly string[]> {
  return (await sql<{ what: string }[]>`select what from log order by 1`).map(({ what }) => what)
}

await t.test('ten at once apply each file once, and all end well', async t => {
  const folder = folderOf(t, FILES)
  const results = await Promise.all(Array.from({ length: 10 }, () => apply(url, folder)))
  t.same(results.flat().toSorted(), NAMES)
  t.same(await logged(), ['a', 'b', 'c', 'd'])
})

await t.test('so do processes', async t => {
  const folder = folderOf(t, FILES)
  const programs = await Promise.all(Array.from({ length: 4 }, () => start(t, folder)))
  const ends = await Promise.all(programs.map(endOf))
  t.same(
    ends.map(({ end }) => end),
    ['applied', 'applied', 'applied', 'applied'],
  )
  t.same(ends.flatMap(({ applied = [] }) => applied).toSorted(), NAMES)
  t.same(await logged(), ['a', 'b', 'c', 'd'])
})

await t.test('one that is killed in the middle of a file leaves nothing of it, and the next one goes on', async t => {
  const folder = folderOf(t, FILES)
  await sql`insert into slow values (1)`
  const first = await start(t, folder)
  const pid = await untilRunning(sql, 'pg_sleep(case')
  const second = await start(t, folder)
  const waiting = JSON.parse(await second.line(/"waiting"/)) as object
  t.match(waiting, { kind: 'waiting', pid, application: 'db-migrations' }, 'it says for whom it waits')
  process.kill(first.pid, 'SIGKILL')
  await sql`delete from slow`
  t.match(await endOf(second), { end: 'applied', applied: NAMES.slice(1) })
  t.match(await first.exited, { signal: 'SIGKILL' })
  t.same(await logged(), ['a', 'b', 'c', 'd'])
})

await t.test('one that is killed outside a transaction leaves its file begun, and the next one says so', async t => {
  const folder = folderOf(t, {
    '0001_a.sql': `-- migrate: no transaction\ninsert into log values ('a');\nselect pg_sleep(60)`,
  })
  const first = await start(t, folder)
  await untilRunning(sql, 'pg_sleep(60)')
  const second = await start(t, folder)
  await second.line(/"waiting"/)
  process.kill(first.pid, 'SIGKILL')
  t.match(await endOf(second), { end: 'DB_ERR_MIGRATION_INTERRUPTED', message: /1 of 2 statements/ })
  t.same(await records(sql), [[1, 'running']])
  t.same(await logged(), ['a'])
})

await t.test('who waits too long says for whom', async t => {
  const folder = folderOf(t, FILES)
  const holder = await sql.reserve()
  try {
    const [held] = await holder<[{ pid: number }]>`select pg_backend_pid() as pid, pg_advisory_lock(${'-5'}::bigint)`
    const { onProgress, seen } = recorder()
    await t.rejects(apply(url, folder, { lockKey: -5n, lockWaitMs: 60, onProgress }), {
      code: 'DB_ERR_MIGRATION_LOCKED',
      outcome: 'not-executed',
      message: new RegExp(`process ${held.pid} `),
    })
    t.match(seen, [{ kind: 'waiting', pid: held.pid, application: String, waitedMs: Number }], 'and tells it once')
    await t.rejects(apply(url, folder, { lockKey: -5n, lockWaitMs: 0 }), { code: 'DB_ERR_MIGRATION_LOCKED' })
    t.same(await apply(url, folder, { lockKey: -6n }), NAMES, 'another key is another lock')
    await holder`select pg_advisory_unlock_all()`
  } finally {
    holder.release()
  }
})

await t.test('who waits does not stop an index that is made concurrently', async t => {
  await sql`create table one (id int)`
  const folder = folderOf(t, { '0001_a.sql': 'select 1' })
  const holder = await sql.reserve()
  try {
    await holder`select pg_advisory_lock(7)`
    const { onProgress, kinds } = recorder()
    const waiting = apply(url, folder, { lockKey: 7n, onProgress })
    await until(() => kinds().includes('waiting'), { what: 'it to wait' })
    // Would wait for the waiting session's snapshot if that held one.
    await holder.unsafe('create index concurrently one_id on one (id)')
    await holder`select pg_advisory_unlock(7)`
    t.same(await waiting, ['0001_a.sql'])
  } finally {
    holder.release()
  }
})
