// Faults of postgres.js 3.4.9 around connections. Each test first shows the fault with the plain driver, so that a fix upstream is noticed here, and then that the
// optimizer doesn't have it. Numbers: 5, 6, 7, 11, 12 of the conformance list in the README.
import type { AddressInfo, Socket } from 'node:net'
import t from 'tap'
import { codeOf, emptyDatabase, optimizer, terminate, untilRunning } from '../fixture/database.ts'
import { faultyProxy } from '../fixture/faulty-proxy.ts'
import { withPlainDriver } from '../fixture/plain-driver.ts'

const database = await emptyDatabase(t)

await t.test('5: after a terminated backend no innocent query fails with its error', async t => {
  const plain = await withPlainDriver(async ({ postgres, url, settle, untilRunning }) => {
    const sql = postgres(url, { max: 1 })
    const other = postgres(url, { max: 1 })
    const [row] = await sql`select pg_backend_pid() as pid`
    const victim = settle(sql`select pg_sleep(3)`, 1500)
    await untilRunning('pg_sleep(3)')
    await other`select pg_terminate_backend(${row!['pid'] as number})`
    const first = await victim
    return [first, await settle(sql`select 1`, 800)]
  }, database.url)
  t.same(plain.value, ['CONNECTION_CLOSED', '57P01'], 'the driver: the next query gets the error of the one before')

  const { sql } = optimizer(t, database.url, { maxConnections: 1 })
  const victim = codeOf(sql`select pg_sleep(3), 'five'`)
  await terminate(database.sql, await untilRunning(database.sql, "'five'"))
  t.equal(await victim, 'DB_ERR_OUTCOME_UNKNOWN')
  t.same([...(await sql`select 1 as x`)], [{ x: 1 }])
})

await t.test('6: after a reset, a query in the same turn is answered', async t => {
  const proxy = await faultyProxy(t, database.url)
  const plain = await withPlainDriver(async ({ postgres, url, settle, untilRunning, net }) => {
    // A proxy of its own: the reset has to come while this process waits.
    const target = new URL(url)
    const serverPort = Number(target.port)
    const clients: Socket[] = []
    const server = net.createServer(client => {
      const upstream = net.connect(serverPort, target.hostname)
      clients.push(client)
      client.pipe(upstream).pipe(client)
      client.on('error', () => upstream.destroy())
      upstream.on('error', () => client.destroy())
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    target.port = String((server.address() as AddressInfo).port)
    const sql = postgres(target.href, { max: 1, fetch_types: false })
    await sql`select 1`
    const victim = sql`select pg_sleep(5)`.catch((error: { code: string }) => error.code)
    await untilRunning('pg_sleep(5)')
    for (const client of clients) client.resetAndDestroy()
    return [await victim, await settle(sql`select 1`, 600)]
  }, database.url)
  t.same(plain.value, ['ECONNRESET', 'pending'], 'the driver: it is never answered')

  const { sql } = optimizer(t, proxy.url, { maxConnections: 1 })
  const victim = codeOf(sql`select pg_sleep(5), 'six'`)
  await untilRunning(database.sql, "'six'")
  proxy.reset()
  t.equal(await victim, 'DB_ERR_OUTCOME_UNKNOWN')
  const [row] = await sql`select 1 as x`
  t.same(row, { x: 1 })
})

await t.test('7: a server that is down is an error within the connect time-out; several hosts are refused', async t => {
  const plain = await withPlainDriver(async ({ postgres, settle }) => {
    const sql = postgres({ host: '127.0.0.1,127.0.0.1', port: 1, max: 1, connect_timeout: 1 })
    return settle(sql`select 1`, 1300)
  }, database.url)
  t.equal(plain.value, 'pending', 'the driver: two hosts that are down, and its time-out is over')

  const down = new URL(database.url)
  down.port = '1'
  const { sql } = optimizer(t, down.href)
  t.equal(await codeOf(sql`select 1`), 'DB_ERR_CONNECT')
  down.host = '127.0.0.1:1,127.0.0.1:2'
  t.throws(() => optimizer(t, `postgres://u:p@127.0.0.1:1,127.0.0.1:2/db`), { code: 'DB_ERR_OPTION' })
})

await t.test('11: close() ends, also after a connection was lost during a query', async t => {
  const plain = await withPlainDriver(async ({ postgres, url, settle, untilRunning }) => {
    const sql = postgres(url, { max: 1 })
    const other = postgres(url, { max: 1 })
    const [row] = await sql`select pg_backend_pid() as pid`
    const victim = settle(sql`select pg_sleep(3)`, 1500)
    await untilRunning('pg_sleep(3)')
    await other`select pg_terminate_backend(${row!['pid'] as number})`
    await victim
    return settle(sql.end(), 800)
  }, database.url)
  t.equal(plain.value, 'pending', 'the driver: end() waits for ever')

  const db = optimizer(t, database.url)
  const victim = codeOf(db.sql`select pg_sleep(3), 'eleven'`)
  await terminate(database.sql, await untilRunning(database.sql, "'eleven'"))
  await victim
  await db.close()
  t.equal(db.statistics().pool.open, 0)
})

await t.test('12: an opening that fails costs nothing but itself', async t => {
  const plain = await withPlainDriver(async ({ postgres, url, settle, net }) => {
    let fail = true
    const target = new URL(url)
    const socket = async () => {
      if (fail) throw Object.assign(new Error('no way'), { code: 'NO_WAY' })
      return net.connect(Number(target.port), target.hostname)
    }
    const sql = postgres(url, { max: 1, ...({ socket } as object) })
    const first = await settle(sql`select 1`)
    fail = false
    return [first, await settle(sql`select 1`, 800)]
  }, database.url)
  t.same(plain.value, ['NO_WAY', 'pending'], 'the driver: its only connection is lost for good')

  const proxy = await faultyProxy(t, database.url)
  proxy.refuse(1)
  const { sql } = optimizer(t, proxy.url, { maxConnections: 1 })
  t.equal(await codeOf(sql`select 1`), 'DB_ERR_CONNECT')
  t.same([...(await sql`select 1 as x`)], [{ x: 1 }])
})
