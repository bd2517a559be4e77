// What is written without a connection is compared with what the driver sends.
import t from 'tap'
import { writtenStatement } from '../../src/driver/written-statement.ts'
import { postgresDriver, type DriverQuery } from '../../src/driver/postgres-driver.ts'
import { emptyDatabase, optimizer } from '../fixture/database.ts'

const database = await emptyDatabase(t)
await database.sql`create table things (id int primary key, name text, data jsonb, tags text[], at timestamptz, b bytea, big bigint)`

await t.test('text, parameters and declared types are those that are sent', async t => {
  const { sql } = optimizer(t, database.url)
  const driver = postgresDriver(database.url, {})
  const where = sql`where id = ${1} and ${sql`name = ${'x'}`}`
  const queries = [
    sql`select 1 as x`,
    sql`select * from things ${where} and at < ${new Date(0)}`,
    sql`select ${sql(['id', 'name'])} from ${sql('things')} where id in ${sql([1, 2, 3])} order by ${sql('id')}`,
    sql`select * from things where tags && ${sql.array(['a', 'b'])} and big = ${'5'} and b = ${Buffer.from('x')} and data @> ${sql.json({ a: 1 })}`,
    sql`insert into things ${sql([
      { id: 1, name: 'a' },
      { id: 2, name: 'b' },
    ])}`,
    sql`update things set ${sql({ name: 'z', data: sql.json([1]) }, 'name', 'data')} where id = ${1}`,
    sql`select ${true}::bool as a, ${null}::text as b, ${sql.unsafe('42')} as c, ${'(")'} as d`,
    sql.unsafe('select $1::int + $2::int as x', [1, 2]),
    sql.unsafe('select 1 as x'),
  ]
  for (const query of queries) {
    const written = writtenStatement(driver, query as unknown as DriverQuery)
    // Parameters become text when they're sent.
    const given = [...written.parameters]
    const result = await query
    const sent = result.statement as unknown as { string: string; types: number[] }
    t.equal(written.text, sent.string)
    t.equal(given.length, sent.types.length, written.text)
    for (const [index, type] of written.types.entries()) if (type !== 0) t.equal(type, sent.types[index], written.text)
  }
})

await t.test('what the driver can not write is its error', async t => {
  const { sql } = optimizer(t, database.url)
  const driver = postgresDriver(database.url, {})
  t.throws(() => writtenStatement(driver, sql`select ${undefined as unknown as string}` as unknown as DriverQuery), {
    code: 'UNDEFINED_VALUE',
  })
})
