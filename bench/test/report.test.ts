import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { number, percent, renderTable, saveJson } from '../src/report.ts'

await t.test('a table aligns texts on the left and numbers on the right, under their headings', async t => {
  const rows = [
    { name: 'a', us: '9.5' },
    { name: 'longer', us: '115.0' },
    { name: 'none', us: '' },
  ]
  const table = renderTable(
    [
      { heading: 'name', align: 'left', cell: row => row.name },
      { heading: 'µs', align: 'right', cell: row => row.us },
    ],
    rows,
  )
  t.equal(table, ['  name       µs', '  a         9.5', '  longer  115.0', '  none', ''].join('\n'))
})

await t.test('a table without rows is its headings', async t => {
  t.equal(renderTable([{ heading: 'name', align: 'left', cell: () => '' }], []), '  name\n')
})

await t.test('numbers have thousands apart and fixed decimals', async t => {
  t.equal(number(12_345.67), '12,346')
  t.equal(number(9.5, 2), '9.50')
  t.equal(percent(0.126), '13 %')
})

await t.test('results are kept under a name that sorts by time', async t => {
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-results-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = saveJson(path.join(folder, 'deeper'), 'smoke', new Date('2026-01-02T03:04:05.678Z'), { a: 1 })
  t.equal(path.basename(file), 'smoke-2026-01-02T03-04-05-678Z.json')
  t.same(JSON.parse(readFileSync(file, 'utf8')), { a: 1 })
})
