import fc from 'fast-check'
import t from 'tap'
import { leakCheck, until } from '@plimsoll/testing'
import { anyText } from '@plimsoll/testing/any-text'
import {
  createInvalidationLog,
  type InvalidationLog,
  type InvalidationLogOptions,
  type LogPage,
} from '../../src/invalidation/invalidation-log.ts'
import { codeOf, optimizer, terminate } from '../fixture/database.ts'
import { MemoryCache } from '../cached/memory-cache.ts'
import { logDatabase } from './log-database.ts'

const database = await logDatabase(t)
const look = database.sql
// All connections that it will ever have.
await Promise.all(Array.from({ length: 4 }, () => look`select pg_sleep(0.02)`))
leakCheck(t)

function openLog(t: Parameters<typeof optimizer>[0], options: InvalidationLogOptions = {}) {
  const db = optimizer(t, database.url)
  const log = createInvalidationLog(db, { pruneIntervalMs: 0, ...options })
  t.teardown(() => log.close())
  return { db, log }
}

/** Waits until the horizon is past a place: transactions in all databases of the server hold it. */
async function passed(log: InvalidationLog, place: number): Promise<LogPage> {
  return until(
    async () => {
      const page = await log.since(undefined)
      return page.position > place && page
    },
    { what: 'the horizon to pass', timeoutMs: 20_000 },
  )
}

await t.test('what is appended is told from where the reader stood', async t => {
  const { log } = openLog(t)
  const { position } = await log.since(undefined)
  const place = await log.append(['ta', 'tb'])
  t.ok(place >= position)
  t.match(await log.since(position), {
    entries: [{ position: place, subjects: ['ta', 'tb'] }],
    complete: true,
    more: false,
  })
  const after = await log.since(position)
  t.same((await log.since(after.position, after.seen)).entries, [])
})

await t.test('what is recorded is there exactly when its transaction is', async t => {
  const { log, db } = openLog(t)
  const { position, seen } = await log.since(undefined)
  const place = await db.transaction(async tx => {
    const own = await log.record(tx, ['tkept'])
    t.same((await log.since(position, seen)).entries, [], 'not before the commit')
    return own
  })
  await t.rejects(
    db.transaction(async tx => {
      await log.record(tx, ['tundone'])
      throw new Error('mine')
    }),
  )
  t.same((await log.since(position, seen)).entries, [{ position: place, subjects: ['tkept'] }])
})

await t.test('any string is a subject', async t => {
  const { log } = openLog(t)
  await fc.assert(
    fc.asyncProperty(fc.array(anyText({ maxLength: 20 }), { minLength: 1, maxLength: 5 }), async subjects => {
      const odd = [...subjects, '\0', '\ud800', '{"a",b}', '\\', '']
      const { position, seen } = await log.since(undefined)
      await log.append(odd)
      const { entries } = await log.since(position, seen)
      if (JSON.stringify(entries[0]?.subjects) !== JSON.stringify(odd)) throw new Error(JSON.stringify(entries))
    }),
    { numRuns: 30 },
  )
  t.pass()
})

await t.test('a long answer comes in pages, none of which parts a transaction', async t => {
  const { log, db } = openLog(t, { pageEntries: 2 })
  let page = await passed(log, await log.append(['before']))
  for (const name of ['a', 'b']) await log.append([name])
  await db.transaction(async tx => {
    for (const name of ['c', 'd', 'e']) await log.record(tx, [name])
  })
  await passed(log, await log.append(['f']))
  const pages: string[][] = []
  do {
    page = await log.since(page.position)
    pages.push(page.entries.flatMap(entry => entry.subjects))
  } while (page.more)
  t.same(pages.flat(), ['a', 'b', 'c', 'd', 'e', 'f'])
  t.same(pages[0], ['a', 'b'])
  t.same(pages[1], ['c', 'd', 'e'])
})

await t.test('what was pruned is told as a gap to those who had not come past it, and to nobody else', async t => {
  const { log } = openLog(t, { keepRows: 3 })
  const old = (await log.since(undefined)).position
  for (let i = 0; i < 4; i++) await log.append([`p${i}`])
  const recent = (await passed(log, await log.append(['p4']))).position
  await log.append(['new'])
  t.ok((await log.prune()) >= 3)
  t.match(await log.since(old), { complete: false, entries: [], more: false })
  t.match(await log.since(recent), { complete: true, entries: [{ subjects: ['new'] }] })
  t.equal(await log.prune(), 0)
  t.equal((await look`select from cache_invalidation`).length, 3)
  await look`update cache_invalidation set created_at = now() - interval '2 hours'`
  t.equal(await log.prune(), 3, 'by age as well')
  t.match(await log.since(recent), { complete: false })
})

await t.test('many rows are pruned in batches, and two who prune don’t get in each other’s way', async t => {
  const { log } = openLog(t, { keepRows: 10 })
  await look`insert into cache_invalidation (subjects) select '{x}' from generate_series(1, 2500)`
  const gone = await Promise.all([log.prune(), log.prune(), log.prune()])
  await log.prune()
  t.ok(gone.reduce((sum, count) => sum + count) > 0)
  t.equal((await look`select from cache_invalidation`).length, 10)
})

await t.test('pruning happens by itself', async t => {
  const { log } = openLog(t, { keepRows: 1, pruneIntervalMs: 20 })
  await log.append(['a'])
  await log.append(['b'])
  await until(async () => (await look`select from cache_invalidation`).length === 1, { what: 'the log to be pruned' })
})

await t.test('a place that this server never gave out is a gap', async t => {
  const { log } = openLog(t)
  const { position } = await log.since(undefined)
  t.match(await log.since(position + 1_000_000), { complete: false, entries: [] })
})

await t.test('listeners are rung after an append, few times for many; a lost connection is told', async t => {
  const { log, db } = openLog(t)
  const reader = openLog(t)
  let rings = 0
  let losses = 0
  const stop = await reader.log.listen({ ring: () => void (rings += 1), lost: () => void (losses += 1) })
  await Promise.all(Array.from({ length: 100 }, (_, index) => log.append([`r${index}`])))
  await until(() => rings > 0, { what: 'a ring' })
  await log.close()
  // The last one is on its way when the sender has closed.
  await db.sql`select 1`
  t.ok(rings <= 20, `${rings} rings`)
  const pid = reader.db.statistics().listen?.backendPid ?? 0
  await terminate(look, pid)
  await until(() => losses === 1, { what: 'the loss to be told' })
  const before = rings
  reader.log.ring()
  await until(() => rings > before, { what: 'a ring on the new connection' })
  await stop()
})

await t.test('the log’s own statements are not told to the cache', async t => {
  const store = new MemoryCache()
  const db = optimizer(t, database.url, { cache: { store, automatic: true } })
  const log = createInvalidationLog(db, { pruneIntervalMs: 0 })
  await log.append(['a'])
  await db.transaction(tx => log.record(tx, ['b']))
  await log.since(0)
  await log.prune()
  log.ring()
  await log.close()
  t.same(store.told, [])
})

await t.test('tables may have other names; wrong options are refused by name', async t => {
  await look`create schema "Own"`
  const { invalidationLogSql } = await import('../../src/invalidation/log-tables.ts')
  await look.unsafe(invalidationLogSql({ table: ['Own', 'Log "x"'] }))
  const { log } = openLog(t, { table: ['Own', 'Log "x"'] })
  const { position } = await log.since(undefined)
  await log.append(['a'])
  t.match(await log.since(position), { entries: [{ subjects: ['a'] }] })
  for (const [options, name] of [
    [{ keepMs: 5 }, 'keepMs'],
    [{ keepRows: 0 }, 'keepRows'],
    [{ pageEntries: 0.5 }, 'pageEntries'],
    [{ maxRingsPerSecond: 0 }, 'maxRingsPerSecond'],
  ] as const) {
    t.throws(() => openLog(t, options), { code: 'DB_ERR_OPTION', message: new RegExp(name) })
  }
  const missing = openLog(t, { table: 'nowhere' })
  t.equal(await codeOf(missing.log.append(['a'])), 'DB_ERR_QUERY')
})
