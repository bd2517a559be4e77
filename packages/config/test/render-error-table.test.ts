import t from 'tap'
import { renderErrorTable } from '@plimsoll/config'

const cells = (table: string) => table.split('\n').map(line => line.split(/ *\| */).slice(1, -1))

await t.test('codes have their meaning and remedy, and no column that nobody fills', async t => {
  t.strictSame(cells(renderErrorTable({ A_ERR_X: { message: 'X.', remedy: 'Do.' }, A_ERR_Y: { message: 'Y.' } })), [
    ['code', 'meaning', 'remedy'],
    ['---------', '-------', '------'],
    ['`A_ERR_X`', 'X.', 'Do.'],
    ['`A_ERR_Y`', 'Y.', ''],
  ])
})

await t.test('status and source have columns where a code has them', async t => {
  const [header, , row, other] = cells(
    renderErrorTable({ A_ERR_X: { message: 'X.', status: 503, source: 'upstream' }, A_ERR_Y: { message: 'Y.' } }),
  )
  t.strictSame(header, ['code', 'status', 'source', 'meaning', 'remedy'])
  t.strictSame(row, ['`A_ERR_X`', '503', 'upstream', 'X.', ''])
  t.strictSame(other, ['`A_ERR_Y`', '', '', 'Y.', ''])
})
