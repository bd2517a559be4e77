import t from 'tap'
import fc from 'fast-check'
import { copyRows, encodeRow } from '../../../src/database/demo-data/copy.ts'
import type { Row } from '../../../src/database/demo-data/demo-table.ts'
import { inTransaction, withConnection } from '../../../src/database/single-connection.ts'
import { emptyTestDatabase } from '../../fixture/demo-database.ts'

await t.test('a row is a line of the text format, with what would end a field or a line escaped', async t => {
  t.equal(encodeRow(['a', 1, true, null, -0.5]), 'a\t1\ttrue\t\\N\t-0.5\n')
  t.equal(
    encodeRow(['tab\there', 'back\\slash', 'line\nend\r', '\\N', '']),
    'tab\\there\tback\\\\slash\tline\\nend\\r\t\\\\N\t\n',
  )
})

await t.test('every text arrives as it was sent', async t => {
  const database = await emptyTestDatabase(t)
  await database.sql`create table texts (position int, text text)`
  // PostgreSQL's text holds every character but U+0000.
  const texts = fc.sample(
    fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.string({ unit: fc.constantFrom('\\', '\t', '\n', '\r', 'N', '.', 'é', '𝄞') }),
    ),
    400,
  )
  const rows: Row[] = texts.map((text, position) => [position, text.replaceAll('\u0000', '')])
  const seen: number[] = []
  await withConnection(
    { url: database.url, applicationName: 'copy-test', connectTimeoutS: 5, commandTimeoutS: 0 },
    sql =>
      copyRows(
        sql,
        { name: 'texts', columns: ['position', 'text'], total: rows.length, rows: () => rows },
        count => void seen.push(count),
      ),
  )
  const stored = await database.sql<
    { position: number; text: string }[]
  >`select position, text from texts order by position`
  t.same(
    stored.map(({ position, text }) => [position, text]),
    rows,
  )
  t.equal(seen.at(-1), rows.length)
})

await t.test('a row that the table refuses fails the copy, early or late, and the connection goes on', async t => {
  const database = await emptyTestDatabase(t)
  await database.sql`create table numbers (n int check (n > 0), filling text)`
  await withConnection(
    { url: database.url, applicationName: 'copy-test', connectTimeoutS: 5, commandTimeoutS: 0 },
    async sql => {
      const copy = (values: readonly number[]) => {
        const rows: Row[] = values.map(value => [value, 'x'.repeat(1000)])
        const table = { name: 'numbers', columns: ['n', 'filling'], total: rows.length, rows: () => rows }
        return inTransaction(sql, () => copyRows(sql, table, () => {}))
      }
      const many = Array.from({ length: 20_000 }, () => 1)
      await t.rejects(copy([1, -1]), { code: 'API_ERR_DEMO_DATA', message: /numbers/ }, 'known when all rows were sent')
      await t.rejects(copy([-1, ...many]), { code: /^(23514|API_ERR_DEMO_DATA)$/ }, 'known with rows still to come')
      await copy([1])
      t.same([...(await sql`select count(*)::int as count from numbers`)], [{ count: 1 }])
    },
  )
})
