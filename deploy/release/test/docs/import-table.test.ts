import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import type { ReleaseError } from '../../src/errors.ts'
import { readImportTable, renderImportTable } from '../../src/docs/import-table.ts'

const override = (files: string[], ...group: string[]) => ({
  files,
  rules: { 'no-restricted-imports': ['error', { patterns: [{ group }] }] },
})
const lint = (...overrides: object[]) => JSON.stringify({ overrides })

await t.test('a row has its folders and the packages that are let through', async t => {
  const rows = readImportTable(
    lint(
      override(['packages/a/**', 'packages/b/**'], '@plimsoll/*'),
      override(['apps/c/**'], '@plimsoll/*', '!@plimsoll/a', '!@plimsoll/b'),
      override(['apps/c/test/**'], '@plimsoll/*', '!@plimsoll/testing'),
      { files: ['**/main.ts'], rules: { 'no-console': 'off' } },
    ),
  )
  t.same(rows, [
    { folders: ['packages/a', 'packages/b'], packages: [], stage: false },
    { folders: ['apps/c'], packages: ['a', 'b'], stage: false },
  ])
  t.equal(
    renderImportTable(rows),
    [
      '| folder | may import, each by its public entry only |',
      '| --- | --- |',
      '| `packages/{a, b}` | no other package |',
      '| `apps/c` | `a`, `b` |',
    ].join('\n'),
  )
})

await t.test('a rule of another shape is an error, not a gap in the table', async t => {
  const odd = [
    override(['apps/c/**'], 'lodash'),
    override(['apps/c/**'], '@plimsoll/*', 'lodash'),
    override(['apps/c/*.ts'], '@plimsoll/*'),
    { files: ['apps/c/**'], rules: { 'no-restricted-imports': 'off' } },
  ]
  for (const one of odd) {
    try {
      readImportTable(lint(one))
      t.fail('it was accepted')
    } catch (error) {
      t.equal((error as ReleaseError).code, 'RELEASE_ERR_IMPORT_TABLE')
    }
  }
})

await t.test("the project's own table is understood", async t => {
  const rows = readImportTable(readFileSync(path.resolve(import.meta.dirname, '../../../../.oxlintrc.json'), 'utf8'))
  const balancer = rows.find(row => row.folders.includes('apps/balancer'))
  t.ok(balancer?.packages.includes('config'))
  t.notOk(balancer?.packages.includes('cache'))
  t.ok(rows.some(row => row.stage && row.folders.includes('apps/balancer/src/upstream')))
  t.match(renderImportTable(rows), /apps\/balancer\/src\/\{downstream, /)
})
