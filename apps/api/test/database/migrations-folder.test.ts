import t from 'tap'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { readMigrations } from '../../src/database/migrations-folder.ts'
import { MIGRATIONS_FOLDER } from '../../src/database/check.ts'

await t.test('files come in the order of their numbers, with checksums that line ends do not change', async t => {
  const folder = t.testdir({
    '0002_b.sql': 'select 2;\r\nselect 3;\r\n',
    '0001_a.sql': 'select 1;',
    'README.md': '',
    '0010_c.sql': '-- no-transaction\nselect 1',
  })
  const migrations = await readMigrations(folder)
  t.match(migrations, [
    { version: 1, name: '0001_a.sql', inTransaction: true },
    { version: 2, name: '0002_b.sql', text: 'select 2;\nselect 3;\n' },
    { version: 10, name: '0010_c.sql', inTransaction: false },
  ])
  t.match(migrations[0]?.checksum, /^[0-9a-f]{64}$/)
  writeFileSync(path.join(folder, '0002_b.sql'), 'select 2;\nselect 3;\n')
  t.equal((await readMigrations(folder))[1]?.checksum, migrations[1]?.checksum)
})

await t.test('a name without its number, or a number twice, is refused', async t => {
  for (const names of [
    ['1_a.sql'],
    ['0001-a.sql'],
    ['0001_A.sql'],
    ['0001_.sql'],
    ['x.sql'],
    ['0001_a.sql', '0001_b.sql'],
  ]) {
    const folder = t.testdir(Object.fromEntries(names.map(name => [name, 'select 1'])))
    await t.rejects(
      readMigrations(folder),
      { code: 'API_ERR_MIGRATION_NAME', message: names.at(-1) as string },
      names.join(' '),
    )
  }
})

await t.test('the own migrations are numbered without gaps', async t => {
  const versions = (await readMigrations(MIGRATIONS_FOLDER)).map(({ version }) => version)
  t.same(
    versions,
    versions.map((_, index) => index + 1),
  )
})
