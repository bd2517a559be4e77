// Faults of postgres.js 3.4.9 around transactions and reserved connections: 1, 2, 8, 9, 10, 13 of the conformance list in the README. Each test first shows the
// fault with the plain driver, in a process of its own since two of them end it.
import t from 'tap'
import { codeOf, emptyDatabase, optimizer, terminate } from '../fixture/database.ts'
import { withPlainDriver } from '../fixture/plain-driver.ts'

const database = await emptyDatabase(t)
const look = database.sql

await t.test('1: a backend that dies inside a transaction ends the transaction, not the process', async t => {
  const plain = await withPlainDriver(async ({ postgres, url, settle, sleep }) => {
    const sql = postgres(url, { max: 2 })
    const other = postgres(url, { max: 1 })
    const outcome = await settle(
      sql.begin(async tx => {
        const [row] = await tx`select pg_backend_pid() as pid`
        setTimeout(() => void other`select pg_terminate_backend(${row!['pid'] as number})`.catch(() => {}), 50)
        return tx`select pg_sleep(3)`
      }),
      1500,
    )
    await sleep(100)
    return outcome
  }, database.url)
  t.not(plain.exitCode, 0, 'the driver: the process dies')
  t.match(plain.stderr, /Cannot read properties of null \(reading 'write'\)/)

  const db = optimizer(t, database.url)
  const outcome = codeOf(
    db.transaction(async tx => {
      const [row] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`
      const sleeping = tx`select pg_sleep(3)`.execute()
      sleeping.catch(() => {})
      await terminate(look, row!.pid)
      return sleeping
    }),
  )
  t.equal(await outcome, 'DB_ERR_CONNECTION_LOST')
  t.equal(await db.transaction(async tx => (await tx`select 1 as x`).length), 1, 'the next one works')
})

await t.test('2: no statement of a dead transaction is executed outside it', async t => {
  await look`create table entries (id int)`
  const plain = await withPlainDriver(async ({ postgres, url, settle, sleep }) => {
    const sql = postgres(url, { max: 1 })
    const other = postgres(url, { max: 2 })
    let late = ''
    const transaction = settle(
      sql.begin(async tx => {
        const [row] = await tx`select pg_backend_pid() as pid`
        await tx`insert into entries values (1)`
        await other`select pg_terminate_backend(${row!['pid'] as number})`
        await sleep(150)
        late = await settle(tx`insert into entries values (2)`)
      }),
      1500,
    )
    await sleep(60)
    const neighbour = settle(sql`select 1`)
    const outcome = await transaction
    await neighbour
    await sleep(200)
    return [outcome, late, (await other`select id from entries`).map(row => row['id'] as number)]
  }, database.url)
  t.same(
    plain.value,
    ['CONNECTION_CLOSED', 'resolved', [2]],
    'the driver: rejected as a whole, and yet a half of it is there',
  )

  await look`truncate entries`
  const db = optimizer(t, database.url, { maxConnections: 1 })
  const late = Promise.withResolvers<string>()
  const outcome = codeOf(
    db.transaction(async tx => {
      const [row] = await tx<{ pid: number }[]>`select pg_backend_pid() as pid`
      await tx`insert into entries values (1)`
      await terminate(look, row!.pid)
      // Its connection is gone, and another one may be open by now.
      await db.sql`select 1`
      late.resolve(await codeOf(tx`insert into entries values (2)`))
    }),
  )
  t.equal(await outcome, 'DB_ERR_CONNECTION_LOST')
  t.equal(await late.promise, 'DB_ERR_CONNECTION_LOST')
  t.same([...(await look`select id from entries`)], [])
})

await t.test('8: begin works with any number of statements under way; max_pipeline is refused', async t => {
  const plain = await withPlainDriver(async ({ postgres, url, settle }) => {
    const sql = postgres(url, { max: 2, ...({ max_pipeline: 0 } as object) })
    return settle(
      sql.begin(tx => tx`select 1`),
      1000,
    )
  }, database.url)
  t.equal(plain.value, 'UNSAFE_TRANSACTION')

  t.throws(() => optimizer(t, database.url, { ...({ max_pipeline: 0 } as object) }), {
    code: 'DB_ERR_OPTION',
    message: /max_pipeline/,
  })
  const db = optimizer(t, database.url, { maxConnections: 2 })
  const busy = Array.from({ length: 150 }, () => db.sql`select 1`.execute())
  t.equal(await db.transaction(async tx => (await tx`select 1 as x`).length), 1)
  await Promise.all(busy)
})

await t.test('9: a session that ends while it is idle is replaced; reserve is refused', async t => {
  const plain = await withPlainDriver(async ({ postgres, url, settle, sleep }) => {
    const sql = postgres(url, { max: 1 })
    const other = postgres(url, { max: 1 })
    const reserved = await sql.reserve()
    const [row] = await reserved`select pg_backend_pid() as pid`
    await other`select pg_terminate_backend(${row!['pid'] as number})`
    await sleep(100)
    reserved.release()
    return settle(sql`select 1`, 800)
  }, database.url)
  t.ok(
    plain.exitCode !== 0 || plain.value === 'pending',
    'the driver: an uncaught error, or a query that waits for ever',
  )

  const { sql } = optimizer(t, database.url, { maxConnections: 1 })
  t.throws(() => (sql as unknown as { reserve(): void }).reserve(), {
    code: 'DB_ERR_UNSUPPORTED',
    message: /transaction/,
  })
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`
  await terminate(look, row!.pid)
  // The end may be noticed before or after the query was sent; it settles in either case, and the next one finds a new session.
  await codeOf(sql`select 1`.with({ idempotent: true }))
  t.same([...(await sql`select 1 as x`)], [{ x: 1 }])
})

await t.test('10: a transaction may be the first thing that is done', async t => {
  const plain = await withPlainDriver(async ({ postgres, url, settle }) => {
    const sql = postgres(url, { max: 1, fetch_types: false })
    return settle(sql.reserve(), 1000)
  }, database.url)
  t.equal(plain.value, 'pending', 'the driver: a first reserve() without fetching types waits for ever')

  const db = optimizer(t, database.url)
  t.equal(await db.transaction(async tx => (await tx`select 1 as x`).length), 1)
})

await t.test('13: a transaction whose plan was made stale by a migration can be repeated', async t => {
  await look`create table shapes (a int)`
  await look`insert into shapes values (1)`
  const plain = await withPlainDriver(async ({ postgres, url, settle }) => {
    const sql = postgres(url, { max: 1 })
    const other = postgres(url, { max: 1 })
    await sql`select * from shapes where a = ${1}`
    await other`alter table shapes add b int`
    return settle(
      sql.begin(tx => tx`select * from shapes where a = ${1}`),
      1000,
    )
  }, database.url)
  t.equal(plain.value, '0A000', 'the driver: prepares again outside transactions only')

  const db = optimizer(t, database.url, { maxConnections: 1 })
  const read = (retries: number) =>
    db.transaction(async tx => Object.keys((await tx`select * from shapes where a = ${1}`)[0]!), { retries })
  t.same(await read(0), ['a', 'b'])
  await look`alter table shapes add c int`
  t.same(await read(1), ['a', 'b', 'c'], 'repeated on a fresh connection')
  await look`alter table shapes add d int`
  const error = await read(0).catch((error: unknown) => error)
  t.match(error, { code: 'DB_ERR_QUERY', sqlState: '0A000', outcome: 'rolled-back' })
  t.same(await read(0), ['a', 'b', 'c', 'd'], 'and the one after that is right without a repetition')
})
