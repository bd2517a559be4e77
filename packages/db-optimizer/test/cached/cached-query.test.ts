import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import t from 'tap'
import { leakCheck } from '@plimsoll/testing'
import type { CacheBypassed } from '../../src/channels.ts'
import type { CacheOptions } from '../../src/cached/cache-options.ts'
import { codeOf, emptyDatabase, optimizer, untilRunning } from '../fixture/database.ts'
import { MemoryCache } from './memory-cache.ts'

const database = await emptyDatabase(t)
await database.sql.unsafe(`
  create table things (id int primary key, name text, data jsonb, at timestamptz);
  insert into things values (1, 'one', '{"a": [1, {"b": 2}]}', '2020-01-01Z'), (2, 'two', null, '2021-01-01Z');
`)
leakCheck(t)

function cachedDatabase(t: Parameters<typeof optimizer>[0], options: Partial<CacheOptions> = {}) {
  const store = new MemoryCache()
  return { store, ...optimizer(t, database.url, { cache: { store, automatic: true, ...options } }) }
}

await t.test('the second of two equal reads comes from the cache, with its tables as tags', async t => {
  const { sql, store } = cachedDatabase(t)
  const read = (id: number) =>
    sql.cached({ ttlMs: 5000 })<{ id: number; name: string }[]>`select id, name from things where id = ${id}`
  const [first] = await read(1)
  const rows = await read(1)
  t.same(
    [first, ...rows],
    [
      { id: 1, name: 'one' },
      { id: 1, name: 'one' },
    ],
  )
  t.same([rows.count, rows.command, rows.length], [1, 'SELECT', 1])
  t.equal(rows, await read(1), 'the same object for all')
  t.equal((await read(2))[0]?.name, 'two', 'other parameters, other rows')
  t.match(store, { loads: 2, hits: 2 })
  t.match(store.asked[0], { tags: ['table:public.things', 'table:*'], ttlMs: 5000, key: /^[\w-]{43}$/ })
})

await t.test('rows are frozen to the bottom', async t => {
  const { sql } = cachedDatabase(t)
  const rows = await sql.cached()<{ data: { a: unknown[] } }[]>`select * from things where id = 1`
  for (const part of [rows, rows[0], rows[0]?.data, rows[0]?.data.a, rows[0]?.data.a[1]]) t.ok(Object.isFrozen(part))
  t.throws(() => (rows as unknown as unknown[]).push(1), TypeError)
})

await t.test('without a cache, and on a transaction’s tag, it just runs', async t => {
  const { sql, transaction } = optimizer(t, database.url)
  t.equal((await sql.cached({ ttlMs: 1 })`select id from things order by id`).count, 2)
  const cached = cachedDatabase(t)
  const [seen] = await cached.transaction(async tx => {
    await tx`insert into things values (3)`
    const rows = await tx.cached()<{ n: number }[]>`select count(*)::int as n from things`
    await tx`delete from things where id = 3`
    return [rows[0]?.n]
  })
  t.equal(seen, 3)
  t.equal(cached.store.loads, 0)
  t.equal(await codeOf(transaction(() => sql.cached()`select 1`)), 'DB_ERR_UNSUPPORTED', 'beside the transaction')
})

await t.test('what is no read is refused, with and without a cache, and is not run', async t => {
  for (const { sql } of [cachedDatabase(t), cachedDatabase(t, { automatic: false }), optimizer(t, database.url)]) {
    const cached = sql.cached({ tags: ['x'] })
    const refused = [
      cached`delete from things`,
      cached`with gone as (delete from things returning *) select * from gone`,
      cached`select * from things for update`,
      cached`create table more (id int)`,
      cached`select 1; select 2`,
      cached`select * from things`.with({ invalidates: ['x'] }),
    ] as Promise<unknown>[]
    for (const query of refused)
      t.match(await query.catch((error: unknown) => error), { code: 'DB_ERR_UNSUPPORTED', outcome: 'not-executed' })
    const raw = cached`select * from things` as unknown as ReturnType<typeof database.sql>
    t.equal(await codeOf(raw.values()), 'DB_ERR_UNSUPPORTED')
    t.equal(await codeOf((cached`select 1` as unknown as typeof raw).describe()), 'DB_ERR_UNSUPPORTED')
    t.equal(await codeOf((cached`select 1` as unknown as typeof raw).forEach(() => {})), 'DB_ERR_UNSUPPORTED')
    t.equal(await codeOf((cached`select 1` as unknown as typeof raw).readable()), 'DB_ERR_UNSUPPORTED')
    t.equal(await codeOf((cached`select 1` as unknown as typeof raw).writable()), 'DB_ERR_UNSUPPORTED')
    t.throws(() => (cached`select 1` as unknown as typeof raw).cursor(), { code: 'DB_ERR_UNSUPPORTED' })
    t.throws(() => sql.cached({ ttlMs: 0 }), { code: 'DB_ERR_OPTION' })
    t.throws(() => sql.cached({ tags: [''] }), { code: 'DB_ERR_OPTION' })
    t.throws(() => sql.cached({ ttl: 5 } as never), { code: 'DB_ERR_OPTION' })
  }
  t.equal((await database.sql`select from things`).length, 2)
})

await t.test(
  'what can not be known runs without the cache, and says why; with tags by hand it is the caller’s word',
  async t => {
    const { sql, store } = cachedDatabase(t)
    const told: CacheBypassed[] = []
    const hear = (message: unknown) => void told.push(message as CacheBypassed)
    subscribe('db:cache:bypassed', hear)
    t.teardown(() => unsubscribe('db:cache:bypassed', hear))
    await sql.cached()`select now() from things`.with({ name: 'things.now' })
    // The driver makes a date of it, and can't.
    t.equal(await codeOf(sql.cached()`select * from things where at < ${'now'}`), 'DB_ERR_PARAMETER')
    await sql.cached()`select * from things where data = ${sql.json(
      new (class {
        readonly a = 1
      })() as never,
    )}`
    t.match(told, [{ name: 'things.now', reason: /now\(\)/ }, { reason: /moment/ }, { reason: /compared/ }])
    t.equal(store.loads, 0)
    const byHand = () => sql.cached({ tags: ['clock'] })`select now() from things`
    t.equal(await byHand(), await byHand())
    t.same(store.asked[0]?.tags, ['clock'])
    await sql.cached()`select * from things where at < ${new Date()}`
    await sql.cached()`select * from things where at < ${'2021-01-01T00:00:00Z'}`
    t.equal(store.loads, 3)
  },
)

await t.test('without `automatic` only tags by hand count', async t => {
  const { sql, store } = cachedDatabase(t, { automatic: false })
  await sql.cached()`select * from things`
  t.equal(store.asked.length, 0)
  await sql.cached({ tags: ['things'] })`select * from things`
  t.same(store.asked[0]?.tags, ['things'])
})

await t.test('role, settings and epoch are part of the key', async t => {
  const keys = new Set<string | undefined>()
  for (const options of [{ epoch: '1' }, { epoch: '2' }, { epoch: '1', settings: { timezone: 'Asia/Tokyo' } }]) {
    const store = new MemoryCache()
    const { epoch, ...more } = options
    const { sql } = optimizer(t, database.url, { ...more, cache: { store, automatic: true, epoch } })
    await sql.cached()`select * from things`
    keys.add(store.asked[0]?.key)
  }
  t.equal(keys.size, 3)
})

await t.test('a caller that leaves doesn’t end the load for the others', async t => {
  const { sql, store } = cachedDatabase(t)
  await sql.cached()`select id from things`
  const held = Promise.withResolvers<void>()
  store.before.load = () => held.promise
  const abort = new AbortController()
  const leaving = sql.cached()`select id from things where id > ${0}`.with({ signal: abort.signal })
  const left = codeOf(leaving)
  const cancelled = sql.cached()`select id from things where id > ${0}`
  const cancelledCode = codeOf(cancelled)
  const staying = sql.cached()`select id from things where id > ${0}`.then(rows => rows.count)
  abort.abort()
  cancelled.cancel()
  t.same([await left, await cancelledCode], ['DB_ERR_ABORTED', 'DB_ERR_ABORTED'])
  held.resolve()
  t.equal(await staying, 2)
  t.equal(await codeOf(sql.cached()`select id from things`.with({ signal: AbortSignal.abort() })), 'DB_ERR_ABORTED')
})

await t.test('a query that runs without the cache can be cancelled like any other', async t => {
  const { sql } = cachedDatabase(t)
  const running = sql.cached()`select pg_sleep(30), 'bypassed' from things`
  const code = codeOf(running)
  await untilRunning(database.sql, "'bypassed'")
  running.cancel()
  t.equal(await code, 'DB_ERR_ABORTED')
})

await t.test('errors are those of the statement, and are not kept', async t => {
  const { sql, store } = cachedDatabase(t)
  const failing = () =>
    sql.cached({ tags: ['x'] })`select 1 / (id - ${1}::int) from things`
      .with({ name: 'things.bad' })
      .catch((error: unknown) => error)
  t.match(await failing(), { code: 'DB_ERR_QUERY', sqlState: '22012', statementName: 'things.bad' })
  t.match(await failing(), { code: 'DB_ERR_QUERY', stack: /cached-query\.test\.ts/ })
  t.equal(store.loads, 2)
  t.equal(await codeOf(sql.cached()`select ${undefined as unknown as string} from things`), 'DB_ERR_PARAMETER')
})

await t.test('a text is looked into once, by all together, also with one connection', async t => {
  const store = new MemoryCache()
  const { sql, statements } = optimizer(t, database.url, { maxConnections: 1, cache: { store, automatic: true } })
  let asked = 0
  const hear = (message: unknown) =>
    void (asked += (message as { text?: string }).text?.startsWith('create function') === true ? 1 : 0)
  subscribe('db:query:finished', hear)
  t.teardown(() => unsubscribe('db:query:finished', hear))
  await Promise.all(Array.from({ length: 50 }, (_, id) => sql.cached()`select * from things where id = ${id}`))
  t.equal(asked, 1)
  t.equal(store.loads, 50)
  t.same(
    statements.top().map(({ text }) => text),
    ['select * from things where id = ?'],
    'the question is in no figures',
  )
})

await t.test('a statement’s time limit is that of its load; looking into it doesn’t count', async t => {
  const { sql } = cachedDatabase(t)
  const slow = codeOf(sql.cached({ tags: ['x'] })`select pg_sleep(${30}), 'slow cached'`.with({ timeoutMs: 300 }))
  await untilRunning(database.sql, "'slow cached'")
  t.equal(await slow, 'DB_ERR_TIMEOUT')
})

await t.test('wrong options are refused by name', async t => {
  const store = new MemoryCache()
  for (const [cache, name] of [
    [{}, 'store'],
    [{ store: {} }, 'store'],
    [{ store, automatic: 1 }, 'automatic'],
    [{ store, epoch: 1 }, 'epoch'],
    [{ store, functionWrites: { touch: [] } }, 'touch'],
    [{ store, functionWrites: { 'public.touch': 'plain' } }, 'public.touch'],
    [{ store, more: 1 }, 'more'],
  ] as const) {
    t.throws(() => optimizer(t, database.url, { cache: cache as never }), {
      code: 'DB_ERR_OPTION',
      message: new RegExp(name),
    })
  }
})
