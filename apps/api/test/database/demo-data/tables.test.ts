import t from 'tap'
import { createHash } from 'node:crypto'
import { DEMO_SIZES, demoTables, type DemoSize } from '../../../src/database/demo-data/tables.ts'

const sizes = Object.keys(DEMO_SIZES) as DemoSize[]

const rowsOf = (size: DemoSize, name: string) => {
  const table = demoTables(size).find(table => table.name === name)
  return [...(table?.rows() ?? [])].map(row =>
    Object.fromEntries(row.map((value, index) => [table?.columns[index] ?? '', value])),
  )
}

await t.test('each table has as many rows as it says, and the same ones every time', async t => {
  for (const size of sizes) {
    for (const table of demoTables(size)) {
      const first = [...table.rows()]
      t.equal(first.length, table.total, `${size} ${table.name}`)
      t.equal(first.length, DEMO_SIZES[size][table.name as keyof (typeof DEMO_SIZES)['full']])
      t.ok(first.every(row => row.length === table.columns.length))
      t.same([...table.rows()], first)
    }
  }
})

await t.test('the rows are the ones they always were: change this line on purpose only', async t => {
  const digest = createHash('sha256')
    .update(JSON.stringify(sizes.map(size => demoTables(size).map(table => [...table.rows()]))))
    .digest('hex')
  t.equal(digest.slice(0, 16), '4af76421e3c59537')
})

await t.test('the cases that reading code has to get right are among them', async t => {
  for (const size of sizes) {
    const courses = rowsOf(size, 'courses')
    const lessons = rowsOf(size, 'lessons')
    const published = courses.filter(({ status }) => status === 'published')
    const times = published.map(course => course['published_at'])
    t.ok(new Set(times).size < times.length, 'the same millisecond twice')
    t.ok(courses.some(({ status }) => status === 'draft') && courses.some(({ status }) => status === 'archived'))
    t.ok(
      published.some(({ id }) => !lessons.some(lesson => lesson['course_id'] === id)),
      'a course without lessons',
    )
    t.ok(courses.some(({ price }) => price === '0.00') && courses.some(({ price }) => price !== '0.00'))
    t.ok(
      rowsOf(size, 'users').some(user => /[^ -~]/.test(String(user['display_name']))),
      'letters outside ASCII',
    )
  }
})

await t.test('titles differ, sentences are filled in, and nothing lies in the future', async t => {
  const courses = rowsOf('full', 'courses')
  t.equal(new Set(courses.map(({ title }) => title)).size, courses.length)
  t.ok(new Set(courses.map(({ category }) => category)).size >= 8)
  const texts = [...courses, ...rowsOf('full', 'lessons')].flatMap(row => Object.values(row)).map(String)
  t.same(
    texts.filter(text => /[{}]|undefined|NaN/.test(text)),
    [],
  )
  t.ok(courses.every(course => String(course['published_at'] ?? '') < '2026-10-01'))
})
