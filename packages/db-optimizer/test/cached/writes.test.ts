// What a cache is told of writes, and when.
import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import t from 'tap'
import { leakCheck } from '@plimsoll/testing'
import type { CacheOptions } from '../../src/cached/cache-options.ts'
import { codeOf, emptyDatabase, optimizer, terminate } from '../fixture/database.ts'
import { faultyProxy } from '../fixture/faulty-proxy.ts'
import { MemoryCache } from './memory-cache.ts'

const database = await emptyDatabase(t)
const look = database.sql
await look.unsafe(`
  create table parents (id int primary key);
  create table children (id int primary key, parent_id int references parents on delete cascade);
  create table others (id int primary key deferrable initially deferred, note text);
  create table log_rows (tags text[]);
`)
// All connections that it will ever have.
await Promise.all(Array.from({ length: 4 }, () => look`select pg_sleep(0.02)`))
leakCheck(t)

function cachedDatabase(t: Parameters<typeof optimizer>[0], options: Partial<CacheOptions> = {}, url = database.url) {
  const store = new MemoryCache()
  return { store, ...optimizer(t, url, { cache: { store, automatic: true, ...options } }) }
}
const tables = (...names: string[]) => names.map(name => `table:public.${name}`)

await t.test('a lone write is told before its promise resolves', async t => {
  const { sql, store } = cachedDatabase(t)
  const held = Promise.withResolvers<void>()
  const reached = Promise.withResolvers<void>()
  store.before.invalidate = () => {
    reached.resolve()
    return held.promise
  }
  let written = false
  const writing = sql`insert into parents values (${1})`.then(() => (written = true))
  await reached.promise
  t.equal((await look`select from parents`).length, 1, 'it is written')
  t.equal(written, false, 'and not acknowledged yet')
  held.resolve()
  await writing
  t.same(store.takeTold(), [tables('parents')])
  await sql`select * from parents`
  await sql`delete from parents`
  t.same(store.takeTold(), [tables('children', 'parents')])
})

await t.test('a write that the server refused is not told', async t => {
  const { sql, store } = cachedDatabase(t)
  await sql`insert into parents values (1)`
  store.takeTold()
  t.equal(await codeOf(sql`insert into parents values (1)`), 'DB_ERR_QUERY')
  t.same(store.takeTold(), [])
  t.equal(await codeOf(sql.unsafe('insert into parents values (2); select 1 / 0')), 'DB_ERR_QUERY')
  t.same(store.takeTold(), [['table:*']], 'of several statements some may be left')
  await sql`delete from parents`
})

await t.test('batches, cursors, COPY and simple texts are told like others', async t => {
  const { sql, store, batch } = cachedDatabase(t, {})
  await batch([sql`insert into parents values (1)`, sql`select 1`, sql`insert into others values (1)`])
  t.same(store.takeTold().flat().toSorted(), tables('others', 'parents'))
  const rows: unknown[] = []
  for await (const part of sql`with gone as (delete from others returning *) select * from gone`.cursor(1))
    rows.push(...part)
  t.same([rows.length, store.takeTold()], [1, [tables('others')]])
  const copy = await sql`copy others (id) from stdin`.writable()
  await pipeline(Readable.from(['7\n']), copy)
  t.same(store.takeTold(), [tables('others')], 'before the stream is finished')
  await sql.unsafe('truncate others')
  t.same(store.takeTold(), [tables('others')])
  await sql.unsafe('create table made (id int); drop table made')
  t.same(store.takeTold(), [['table:*']])
  await sql`delete from parents`
})

await t.test('a batch on the only connection doesn’t wait for itself', async t => {
  const store = new MemoryCache()
  const { sql, batch } = optimizer(t, database.url, { maxConnections: 1, cache: { store, automatic: true } })
  await batch([sql`insert into others values (${1})`, sql`delete from others where id = ${1}`])
  t.same(store.takeTold(), [tables('others'), tables('others')])
})

await t.test('a transaction is told after its commit, as a whole, and not when it’s rolled back', async t => {
  const { transaction, store } = cachedDatabase(t)
  for (const round of ['texts are new', 'texts are known']) {
    let visible = 0
    store.before.invalidate = async () => {
      visible = (await look`select from parents where id = 5`).length
    }
    await transaction(async tx => {
      await tx`insert into parents values (5)`
      await tx`insert into others values (5)`
      await tx.batch([tx`update others set note = 'x'`])
      tx.invalidates(['mine'])
      t.same(store.takeTold(), [], round)
    })
    t.equal(visible, 1, 'committed when it was told')
    t.same(
      store.takeTold().map(tags => tags.toSorted()),
      [['mine', ...tables('others', 'parents')]],
      round,
    )
    store.before = {}
    const mine = new Error('mine')
    await t.rejects(
      transaction(async tx => {
        await tx`delete from parents`
        throw mine
      }),
      mine,
    )
    t.equal(
      await codeOf(
        transaction(async tx => {
          await tx`insert into others values (6)`
          await tx`insert into others values (6)`
        }),
      ),
      'DB_ERR_QUERY',
      'refused at the commit',
    )
    t.same(store.takeTold(), [], round)
    await look`delete from parents`
    await look`delete from others`
  }
})

await t.test('a savepoint that was undone is told needlessly at most; what came before and after is told', async t => {
  const { transaction, store } = cachedDatabase(t)
  await transaction(async tx => {
    await tx`insert into parents values (1)`
    await codeOf(
      tx.savepoint(async inner => {
        await inner`insert into others values (1)`
        await inner`select 1 / 0`
      }),
    )
    await tx`delete from parents`
  })
  const told = store.takeTold().flat()
  for (const tag of tables('parents', 'children')) t.ok(told.includes(tag), tag)
  t.equal((await look`select from others`).length, 0)
})

await t.test('reads, and a transaction that may not write, tell nothing but what they are told to', async t => {
  const { transaction, sql, store } = cachedDatabase(t)
  await transaction(tx => tx`select * from parents`)
  await transaction(
    async tx => {
      await tx`select * from parents`
      tx.invalidates(['by hand'])
    },
    { readOnly: true },
  )
  await sql`select * from parents`
  t.same(store.takeTold(), [['by hand']])
})

await t.test('tags by hand stand instead of those that would be found', async t => {
  const { transaction, sql, store } = cachedDatabase(t)
  await sql`insert into others values (1)`.with({ invalidates: ['one'] })
  await sql`delete from others`.with({ invalidates: [] })
  await transaction(async tx => {
    await tx`insert into others values (2)`.with({ invalidates: ['two'] })
    await tx`delete from others`.with({ invalidates: [] })
  })
  t.same(store.takeTold(), [['one'], ['two']])
  t.throws(() => sql`select 1`.with({ invalidates: 'x' as never }), { code: 'DB_ERR_OPTION' })
  t.equal(await codeOf(transaction(tx => tx.invalidates([5 as never]))), 'DB_ERR_OPTION')
  t.equal(await codeOf(transaction(() => {}, { invalidates: ['x'] } as never)), 'DB_ERR_OPTION')
  const byHand = cachedDatabase(t, { automatic: false })
  await byHand.sql`insert into others values (1)`
  await byHand.sql`delete from others`.with({ invalidates: ['others'] })
  await byHand.transaction(async tx => {
    await tx`insert into others values (1)`
    await tx`delete from others`
  })
  t.same(byHand.store.takeTold(), [['others']])
})

await t.test('what is recorded is part of the transaction, and its place is told', async t => {
  const { transaction, store } = cachedDatabase(t)
  store.record = async (tx, tags) => {
    const [row] = await tx<
      { place: string }[]
    >`insert into log_rows values (${tx.array([...tags])}) returning pg_current_xact_id()::text as place`
    return Number(row?.place)
  }
  const place = await transaction(async tx => {
    await tx`insert into others values (1)`
    return Number((await tx<{ xid: string }[]>`select pg_current_xact_id()::text as xid`)[0]?.xid)
  })
  t.same(store.told.splice(0), [{ tags: tables('others'), position: place }])
  t.same([...(await look`select tags from log_rows`)], [{ tags: tables('others') }])
  await t.rejects(
    transaction(async tx => {
      await tx`delete from others`
      throw new Error('mine')
    }),
  )
  await transaction(tx => tx`select * from others`)
  t.equal((await look`select from log_rows`).length, 1, 'nothing is recorded for what wrote nothing')
  store.record = () => Promise.reject(new Error('not durable'))
  await t.rejects(
    transaction(tx => tx`delete from others`),
    /not durable/,
  )
  t.equal((await look`select from others`).length, 1, 'rolled back')
  t.same(store.takeTold(), [])
  await look`delete from others`
})

await t.test(
  'an unknown outcome is told like a success, and once more when nothing can be running any more',
  async t => {
    const proxy = await faultyProxy(t, database.url)
    const store = new MemoryCache()
    const { sql, transaction, close } = optimizer(t, proxy.url, {
      cache: { store, automatic: true },
      commandTimeoutMs: 60_000,
    })
    await sql`insert into others values (${1})`
    await sql`select ${1}::int`
    store.takeTold()
    // In one packet, since it has no parameters.
    proxy.cutAfter('others values (2)', 0)
    t.equal(await codeOf(sql.unsafe('insert into others values (2)')), 'DB_ERR_OUTCOME_UNKNOWN')
    t.same(store.takeTold(), [tables('others')])
    // Neither the answer to COMMIT nor that to the question for its id arrives.
    proxy.cutAfter('commit', 0)
    t.equal(await codeOf(transaction(tx => tx`insert into parents values (2)`)), 'DB_ERR_OUTCOME_UNKNOWN')
    t.same(store.takeTold(), [tables('parents')])
    await close()
    t.same(
      store.takeTold().flat().toSorted(),
      tables('others', 'parents'),
      'what was to be told later is told at the close',
    )
    await look`delete from parents`
    await look`delete from others`
  },
)

await t.test('a commit whose answer was lost, and that is found out, is told as committed', async t => {
  const proxy = await faultyProxy(t, database.url)
  const { transaction, store } = cachedDatabase(t, {}, proxy.url)
  // The id's answer arrives, that to COMMIT doesn't.
  proxy.cutAfter('commit', 1)
  await transaction(tx => tx`insert into parents values (3)`)
  t.same(store.takeTold(), [tables('parents')])
  await look`delete from parents`
})

await t.test('a transaction whose connection dies is not told', async t => {
  const { transaction, store } = cachedDatabase(t)
  const code = codeOf(
    transaction(async tx => {
      const [row] = await tx<{ pid: number }[]>`insert into parents values (4) returning pg_backend_pid() as pid`
      await terminate(look, row?.pid ?? 0)
      await tx`select 1`
    }),
  )
  t.equal(await code, 'DB_ERR_CONNECTION_LOST')
  t.same(store.takeTold(), [])
})

await t.test('a cache that fails fails no write; it’s published', async t => {
  const { sql, store } = cachedDatabase(t)
  const told: unknown[] = []
  const hear = (message: unknown) => void told.push(message)
  subscribe('db:cache:invalidation-failed', hear)
  t.teardown(() => unsubscribe('db:cache:invalidation-failed', hear))
  store.before.invalidate = () => Promise.reject(new Error('gone'))
  await sql`insert into others values (9)`
  t.match(told, [{ tags: tables('others'), error: { message: 'gone' } }])
  await look`delete from others`
})

await t.test('a change of the schema makes statements be looked into anew', async t => {
  const { sql, store, transaction } = cachedDatabase(t)
  await sql`create table late (id int primary key)`
  await sql`create table later (id int references late on delete cascade)`
  await sql`delete from late`
  await transaction(async tx => {
    await tx`delete from late`
    await tx`drop table later`
  })
  store.takeTold()
  await sql`delete from late`
  t.same(store.takeTold(), [tables('late')])
  await sql`drop table late`
})

await t.test(
  'where names may mean other tables, everything counts as written, and nothing of it is remembered',
  async t => {
    await look.unsafe(`create schema tenant; create table tenant.others (id int)`)
    const { sql, store, transaction } = cachedDatabase(t)
    for (const change of [
      'set local search_path = tenant',
      "select set_config('search_path', 'tenant', true)",
      'set local role plimsoll',
      "set local schema 'tenant'",
    ]) {
      for (let round = 0; round < 2; round++) {
        await transaction(async tx => {
          await tx.unsafe(change)
          await tx.unsafe('delete from others')
        })
        t.ok(store.takeTold().flat().includes('table:*'), change)
      }
    }
    await transaction(async tx => {
      await tx`select set_config('app.tenant', ${'5'}, true)`
      await tx`set local statement_timeout = 1000`
      await tx.unsafe('delete from others')
    })
    t.same(store.takeTold(), [tables('others')])
    await sql.unsafe('delete from others')
    t.same(store.takeTold(), [tables('others')])
  },
)
