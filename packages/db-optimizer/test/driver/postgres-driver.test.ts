// What this package rests on and postgres.js doesn't document, point by point as src/driver/postgres-driver.ts lists it.
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { copyOnto, onRejected, postgresDriver, type DriverQuery } from '../../src/driver/postgres-driver.ts'
import { openSocket } from '../../src/driver/slot-socket.ts'
import { emptyDatabase } from '../fixture/database.ts'

const database = await emptyDatabase(t)
const driver = postgresDriver(database.url, { onnotice: () => {} })
const socket = await openSocket(driver.address, 2000)
let closed = 0
const told: string[] = []
const sql = driver.connect(
  socket,
  () => (closed += 1),
  (channel, payload) => {
    told.push(`${channel}: ${payload}`)
    if (payload === 'throw') throw new Error('from onNotify')
  },
)
const run = (query: DriverQuery): Promise<unknown> => Promise.resolve(query)
const write = (text: TemplateStringsArray, ...args: unknown[]): DriverQuery =>
  driver.builder(text, ...(args as string[])) as unknown as DriverQuery

await t.test('it is the version that was read', t => {
  const entry = createRequire(import.meta.url).resolve('postgres')
  const manifest = JSON.parse(readFileSync(path.join(path.dirname(entry), '../../package.json'), 'utf8')) as {
    version: string
  }
  t.equal(manifest.version, '3.4.9')
  t.end()
})

await t.test(
  '1, 4: a query of the builder runs on another connection, twice, and the builder never connects',
  async t => {
    const query = write`select ${1}::int as x`
    t.ok(query instanceof driver.Query)
    t.same([...((await run(copyOnto(sql, query))) as object[])], [{ x: 1 }])
    t.same([...((await run(copyOnto(sql, query))) as object[])], [{ x: 1 }])
    const [row] = await database.sql`
    select count(*)::int as n from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
    t.equal(row?.['n'], 1)
  },
)

await t.test('2: parsers and serializers are shared with the builder', async t => {
  const tables = driver.builder.options as unknown as { parsers: object; shared: object }
  const own = sql.options as unknown as { parsers: object; shared: object }
  t.equal(own.parsers, tables.parsers)
  t.equal(own.shared, tables.shared)
})

await t.test('5: a rejection is told, also when it is not the first', async t => {
  const seen: unknown[] = []
  const query = onRejected(copyOnto(sql, write`select 1 / 0`), error => seen.push(error))
  await t.rejects(run(query))
  t.match(seen, [{ code: '22012' }])
})

await t.test('6: text, name, pid and secret are there, after an error too', async t => {
  const good = copyOnto(sql, write`select ${2}::int as y`)
  await run(good)
  const bad = copyOnto(sql, write`select 1 / ${0}::int`)
  await t.rejects(run(bad))
  for (const query of [good, bad]) {
    t.match(query.statement, { string: /\$1::int/, name: /^\w+$/ })
    t.ok((query.state?.pid ?? 0) > 0)
    t.type(query.state?.secret, 'number')
  }
})

await t.test('7: notifications are told in order, before the answer that comes with them', async t => {
  // A session's notifications to itself are sent before ReadyForQuery.
  await sql.unsafe(`listen "A b"; notify "A b", 'ä'; notify "A b"`).then(() => told.push('answered'))
  t.same(told, ['A b: ä', 'A b: ', 'answered'])
  await t.rejects(run(sql.unsafe(`notify "A b", 'throw'`) as unknown as DriverQuery), { message: 'from onNotify' })
  await sql.unsafe(`unlisten *; notify "A b", 'not heard'`)
  t.equal(told.at(-1), 'A b: throw')
})

await t.test('3: when its socket is gone it asks once more, is refused, and everything settles', async t => {
  socket.destroy()
  await t.rejects(run(copyOnto(sql, write`select 1`)), { code: /^CONNECTION_/ })
  t.equal(closed, 1)
})

await t.test('an address may name the folder of a Unix socket, as libpq has it', t => {
  const { address, builder } = postgresDriver('postgres://u:p@localhost/db?host=%2Frun%2Fpg&application_name=x', {})
  t.same(address, { path: '/run/pg/.s.PGSQL.5432' })
  t.match(builder.options, { database: 'db', user: 'u', connection: { application_name: 'x' } })
  t.same(
    Object.keys(builder.options.connection).filter(name => name === 'host'),
    [],
  )
  t.same(postgresDriver('postgres://u@127.0.0.1:6543/db', {}).address, { host: '127.0.0.1', port: 6543 })
  t.end()
})
