import t, { type Test } from 'tap'
import { readMigrations } from '../../src/migrations/index.ts'
import { type Expected, folderOf, type Files } from './fixture.ts'

async function refused(t: Test, files: Files, expected: Expected, label: string): Promise<void> {
  await t.rejects(readMigrations(folderOf(t, files)), expected, label)
}

await t.test(
  'files come in the order of their numbers, gaps included; notes and hidden files are passed over',
  async t => {
    const folder = folderOf(t, {
      '0010_c.sql': '-- migrate: no transaction\nselect 1',
      '0002_b.sql': '\ufeffselect 2;\r\nselect 3;\r\n',
      '0001_a.sql': '-- a remark\nselect 1;',
      'README.md': '',
      '.gitkeep': '',
    })
    const migrations = await readMigrations(folder)
    t.match(migrations, [
      { version: 1, name: '0001_a.sql', inTransaction: true },
      { version: 2, name: '0002_b.sql', text: 'select 2;\nselect 3;\n', inTransaction: true },
      { version: 10, name: '0010_c.sql', inTransaction: false },
    ])
    const [plain] = await readMigrations(folderOf(t, { '0002_b.sql': 'select 2;\nselect 3;\n' }))
    t.match(plain?.checksum, /^[0-9a-f]{64}$/)
    t.equal(plain?.checksum, migrations[1]?.checksum, 'neither line ends nor a byte-order mark count')
    const [other] = await readMigrations(folderOf(t, { '0002_b.sql': 'select 2;\nselect 3; \n' }))
    t.not(other?.checksum, migrations[1]?.checksum, 'a space does')
  },
)

await t.test('names without their number, numbers that come twice, and strange files are refused by name', async t => {
  const names: readonly (readonly string[])[] = [
    ['1_a.sql'],
    ['0001-a.sql'],
    ['0001_A.sql'],
    ['0001_.sql'],
    ['00001_a.sql'],
    ['x.sql'],
    ['0001_a.SQL'],
    ['0001_a.sql.bak'],
    ['0001_a.sql~'],
    ['notes.txt'],
    ['0002_later/'],
    ['0001_a.sql', '0001_b.sql'],
  ]
  for (const one of names) {
    const files = Object.fromEntries(one.map(name => [name, 'select 1']))
    const last = one.at(-1)?.replace('/', '') as string
    await refused(t, files, { code: 'DB_ERR_MIGRATION_NAME', message: last }, one.join(' '))
  }
  await refused(
    t,
    { 'a.txt': '', 'b.txt': '' },
    { code: 'DB_ERR_MIGRATION_NAME', message: /a\.txt, b\.txt/ },
    'all of them at once',
  )
})

await t.test('a folder that is not there, or has nothing, is refused', async t => {
  await t.rejects(readMigrations('/nonexistent/folder'), { code: 'DB_ERR_MIGRATION_FOLDER', message: /ENOENT/ })
  await refused(t, { 'README.md': '' }, { code: 'DB_ERR_MIGRATION_FOLDER', message: /no migrations/ }, 'only notes')
  await refused(t, { '0001_a.sql/': '' }, { code: 'DB_ERR_MIGRATION_FOLDER', message: /EISDIR/ }, 'a folder')
})

await t.test('empty files and files that are not UTF-8 are refused', async t => {
  const code = 'DB_ERR_MIGRATION_FILE'
  for (const text of ['', ' \n', '-- only a remark', '/* so */', ';', '\ufeff', '-- migrate: no transaction\n'])
    await refused(
      t,
      { '0001_a.sql': text },
      { code, file: '0001_a.sql', message: /no statement/ },
      JSON.stringify(text),
    )
  await refused(t, { '0001_a.sql': Buffer.from("select 'caf\u00e9'", 'latin1') }, { code, message: /UTF-8/ }, 'Latin-1')
  await refused(t, { '0001_a.sql': Buffer.from('\ufeffselect 1', 'utf16le') }, { code, message: /UTF-8/ }, 'UTF-16')
  await refused(t, { '0001_a.sql': 'select 1;\nselect\0 2' }, { code, line: 2, message: /NUL/ }, 'NUL')
})

await t.test(
  'statements that end transactions, talk to the client, or are of psql, are refused with their line',
  async t => {
    const inside = [
      'begin',
      'BEGIN ISOLATION LEVEL SERIALIZABLE',
      'start transaction',
      'commit',
      'COMMIT AND CHAIN',
      'commit prepared $$a$$',
      'end',
      'rollback',
      'abort',
      "prepare transaction 'a'",
      'copy t from stdin',
      'copy (select 1) to stdout',
      'listen a',
      'discard all',
      'select pg_advisory_unlock_all()',
      '\\connect other',
    ]
    for (const text of inside) {
      await refused(
        t,
        { '0001_a.sql': `select 1;\n\n/* ; */ ${text};\nselect 2` },
        { code: 'DB_ERR_MIGRATION_FILE', file: '0001_a.sql', statement: 2, line: 3 },
        text,
      )
    }
    for (const text of ['savepoint a', 'release a', 'rollback to a', 'commit']) {
      await refused(
        t,
        { '0001_a.sql': `-- migrate: no transaction\n${text}` },
        { code: 'DB_ERR_MIGRATION_FILE', line: 2, message: /without/ },
        `${text}, without a transaction`,
      )
    }
    const allowed = [
      'savepoint a; rollback to savepoint a; rollback work to a; release a',
      `select 'commit', "begin" from t`,
      'do $$ begin commit; end $$',
      "copy t from '/tmp/rows'",
      'set transaction isolation level serializable',
      `select E'\\\\ ;commit;'`,
      'alter table t rename column a to commit',
    ]
    for (const text of allowed) t.equal((await readMigrations(folderOf(t, { '0001_a.sql': text }))).length, 1, text)
  },
)

await t.test('what was meant to be the directive is not taken for a remark', async t => {
  for (const line of ['-- migrate: no transaction', '--migrate:no transaction', '-- migrate: no transaction  ']) {
    const [migration] = await readMigrations(folderOf(t, { '0001_a.sql': `${line}\r\nvacuum` }))
    t.equal(migration?.inTransaction, false, line)
  }
  for (const line of [
    '-- no-transaction',
    '-- migrate: no-transaction',
    '-- Migrate: none',
    '-- NO TRANSACTION',
    '-- transaction: false',
  ]) {
    await refused(t, { '0001_a.sql': `${line}\nvacuum` }, { code: 'DB_ERR_MIGRATION_FILE', line: 1 }, line)
  }
  const [remark] = await readMigrations(folderOf(t, { '0001_a.sql': '-- Migrates nothing\nselect 1' }))
  t.equal(remark?.inTransaction, true)
})
