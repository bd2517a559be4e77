// Cached statements and the writes that they depend on: in one worker, in another one of the machine, and on another machine with Redis between them.
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { invalidationLogSql } from '@plimsoll/db-optimizer/invalidation'
import { freePort, requireProgram, spawnProgram, until } from '@plimsoll/testing'
import t, { type Test } from 'tap'
import { demoDatabase } from '../fixture/demo-database.ts'
import { NO_CACHE, testApp, type TestApp } from '../fixture/test-app.ts'
import { MIGRATIONS_FOLDER } from '../../src/database/check.ts'

const database = await demoDatabase(t)

function folder(t: Test): string {
  const made = mkdtempSync(path.join(tmpdir(), 'api-cache-'))
  t.teardown(() => rmSync(made, { recursive: true, force: true }))
  return made
}

const countOf = async ({ dependencies }: TestApp): Promise<number> => {
  const { sql } = dependencies.database
  const [row] = await sql.cached()<
    { count: number }[]
  >`select count(*)::int as count from courses where level = 'beginner'`
  return row?.count ?? -1
}
const loadsOf = ({ dependencies }: TestApp): number => dependencies.cache.stats().namespaces['queries']?.loads ?? -1

/** One course less at this level. */
const change = ({ dependencies }: TestApp): Promise<unknown> =>
  dependencies.database.transaction(
    'test.change',
    tx => tx`
      update courses set level = 'advanced'
      where id = (select min(id) from courses where level = 'beginner')`,
  )

await t.test('a statement’s rows are kept until a write changes its tables, in every worker at once', async t => {
  const cache = { ...NO_CACHE, machine: true, folder: folder(t) }
  const one = await testApp(t, database.url, { cache })
  const two = await testApp(t, database.url, { cache })
  const before = await countOf(one)
  t.equal(await countOf(one), before)
  t.equal(await countOf(two), before)
  t.strictSame([loadsOf(one), loadsOf(two)], [1, 0], 'the other worker finds it in shared memory')
  await change(one)
  t.equal(await countOf(two), before - 1)
  t.equal(await countOf(one), before - 1)
  await t.rejects(
    one.dependencies.database.transaction('test.rollback', async tx => {
      await tx`update courses set level = 'advanced' where level = 'beginner'`
      throw new Error('changed our mind')
    }),
    { message: 'changed our mind' },
  )
  const loads = loadsOf(one) + loadsOf(two)
  t.equal(await countOf(two), before - 1)
  t.equal(loadsOf(one) + loadsOf(two), loads, 'a rollback invalidates nothing')
})

await t.test('without a cache the statement just runs', async t => {
  const off = await testApp(t, database.url)
  const before = await countOf(off)
  await change(off)
  t.equal(await countOf(off), before - 1)
})

const redisServer = requireProgram(t, 'redis-server')
if (redisServer) {
  await t.test('another machine learns of a write from the log in the database', async t => {
    const port = await freePort()
    const redis = await spawnProgram(t, [
      redisServer,
      '--port',
      String(port),
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      folder(t),
    ])
    await redis.line(/ready to accept connections/i)
    const machine = () => ({
      ...NO_CACHE,
      machine: true,
      folder: folder(t),
      redis: { host: '127.0.0.1', port, password: undefined },
    })
    const one = await testApp(t, database.url, { cache: machine() })
    const two = await testApp(t, database.url, { cache: machine(), features: { circuitBreaker: false } })
    for (const app of [one, two])
      await until(() => app.dependencies.cache.stats().inTouch, { what: 'the log to be heard' })
    const before = await countOf(one)
    await until(async () => (await countOf(two)) === before, { what: 'the same on the other machine' })
    await change(one)
    t.equal(await countOf(one), before - 1)
    await until(async () => (await countOf(two)) === before - 1, { what: 'the new rows on the other machine' })
    const [{ rows } = { rows: 0 }] = await database.sql<{ rows: number }[]>`
      select count(*)::int as rows from cache_invalidation where subjects::text like '%public.courses%'`
    t.ok(rows >= 1, 'a row of the transaction that wrote')
    t.match(two.dependencies.cache.stats().far, { state: 'on' })

    // While it hangs the one leaves it alone after a time-out, the other, without circuit breakers, asks again each time.
    process.kill(redis.pid, 'SIGSTOP')
    for (const { dependencies } of [one, two]) {
      const answers = dependencies.cache.namespace<number>('tries', { ttlMs: 60_000 })
      t.equal(await answers.getOrLoad('one', async () => 1), 1)
    }
    process.kill(redis.pid, 'SIGCONT')
    t.match(one.dependencies.cache.stats().far, { state: 'degraded' })
    t.match(two.dependencies.cache.stats().far, { state: 'on' })
  })
}

await t.test('the migration is what the package says', async t => {
  t.equal(await readFile(path.join(MIGRATIONS_FOLDER, '0002_cache_invalidation.sql'), 'utf8'), invalidationLogSql())
})
