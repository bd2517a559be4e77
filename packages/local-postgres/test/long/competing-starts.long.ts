// Starts that meet something on the folder: each other, or sessions that outlive their postmaster.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import postgres from 'postgres'
import t from 'tap'
import { startLocalPostgres } from '@plimsoll/local-postgres'
import { leakCheck, until } from '@plimsoll/testing'
import { temporaryFolder } from '../temporary-folder.ts'

leakCheck(t)

const folder = await temporaryFolder(t)

await t.test('of two starts at the same moment one wins, and the other names it', async t => {
  const results = await Promise.allSettled([
    startLocalPostgres({ folder, durability: 'off' }),
    startLocalPostgres({ folder, durability: 'off' }),
  ])
  for (const result of results) if (result.status === 'fulfilled') t.teardown(() => result.value.stop())
  t.strictSame(results.map(result => result.status).toSorted(), ['fulfilled', 'rejected'])
  t.match(results.find(result => result.status === 'rejected')?.reason, {
    code: 'LOCAL_POSTGRES_ERR_IN_USE',
    ownerPid: process.pid,
  })
})

await t.test('a killed postmaster: the start waits for a session that still runs, and recovers', async t => {
  const pg = await startLocalPostgres({ folder, durability: 'off' })
  t.teardown(() => pg.stop())
  const sql = postgres(pg.adminUrl, { max: 1, onclose: () => {} })
  t.teardown(() => sql.end({ timeout: 0 }))
  // A session that never sleeps doesn't notice the loss of its postmaster. It ends when the test makes a file, and by itself if the test fails before that.
  const busy = sql
    .unsafe(
      `do $$ begin
        while pg_stat_file('release', true) is null and clock_timestamp() < statement_timestamp() + interval '20 s' loop end loop;
      end $$`,
    )
    .catch(() => {})
  const watcher = postgres(pg.adminUrl, { max: 1, onclose: () => {} })
  t.teardown(() => watcher.end({ timeout: 0 }))
  await until(
    async () => (await watcher`select from pg_stat_activity where query like 'do %' and state = 'active'`).length === 1,
    {
      what: 'the session to be busy',
    },
  )
  process.kill(pg.pid, 'SIGKILL')
  t.match(await pg.exited, { signal: 'SIGKILL' })
  const steps: string[] = []
  const next = await startLocalPostgres({
    folder,
    durability: 'off',
    onProgress: step => {
      steps.push(step)
      if (step.startsWith('waiting')) writeFileSync(path.join(folder, 'data', 'release'), '')
    },
  })
  t.teardown(() => next.stop())
  t.strictSame(steps, [
    `starting PostgreSQL ${next.version}`,
    'waiting for the last sessions of a killed server to end',
  ])
  t.match(next.log(), 'not properly shut down')
  await busy
})
