// The database commands as programs: what they print, and their exit codes.
import t from 'tap'
import { readdirSync } from 'node:fs'
import { spawnProgram, type TestScope } from '@plimsoll/testing'
import { MIGRATIONS_FOLDER } from '../../src/database/check.ts'
import { emptyTestDatabase } from '../fixture/demo-database.ts'
import { NO_DATABASE } from '../fixture/test-app.ts'

// Databases and programs are started: on a busy machine that takes its time.
t.setTimeout(60_000)

const MIGRATIONS = readdirSync(MIGRATIONS_FOLDER).filter(file => file.endsWith('.sql'))

async function run(t: TestScope, args: readonly string[], env: Record<string, string | undefined>) {
  const program = await spawnProgram(t, ['node', 'apps/api/src/database/main.ts', ...args], { env })
  const { code } = await program.exited
  return { code, stdout: program.stdout, stderr: program.stderr }
}

await t.test(
  'migrate and seed tell their steps as JSON lines, do nothing the second time, and reset begins anew',
  async t => {
    const { url, sql } = await emptyTestDatabase(t)
    const env = { DATABASE_URL: url }
    const lines = (stdout: string) =>
      stdout
        .trim()
        .split('\n')
        .map(line => JSON.parse(line) as Record<string, unknown>)

    const migrated = await run(t, ['migrate', '--progress', 'json'], env)
    t.equal(migrated.code, 0, migrated.stderr)
    t.match(lines(migrated.stdout), [
      ...MIGRATIONS.map((step, index) => ({ step, done: index + 1, total: MIGRATIONS.length, ms: Number })),
      { msg: /Applied/ },
    ])

    const seeded = await run(t, ['seed', '--size', 'small', '--progress', 'json'], env)
    t.equal(seeded.code, 0, seeded.stderr)
    for (const line of lines(seeded.stdout).slice(0, -1))
      t.match(line, { step: String, done: Number, total: Number, ms: Number })
    t.match(
      lines(seeded.stdout).find(({ step }) => step === 'lessons'),
      { total: 800 },
    )

    t.match(await run(t, ['seed', '--size', 'small'], env), {
      code: 0,
      stdout: 'Demo data "small" is there already.\n',
      stderr: '',
    })
    await sql`insert into users (email, username, display_name) values ('new@example.org', 'new.user', 'New')`
    t.match(await run(t, ['reset'], env), {
      code: 0,
      stdout: new RegExp(
        `^0001_learning\\.sql .*\nEmptied\\. Applied ${RegExp.escape(MIGRATIONS.join(', '))}\\.\n$`,
        's',
      ),
    })
    t.equal((await sql`select from users`).length, 0)
    t.match(await run(t, ['seed', '--size', 'small'], env), { code: 0, stdout: /^users +60 +\d+ ms\n/ })
  },
)

await t.test('what can not be done is one line on standard error, without the password, and exit code 1', async t => {
  const refused = async (args: readonly string[], env: Record<string, string | undefined>, pattern: RegExp) => {
    const { code, stdout, stderr } = await run(t, args, env)
    t.equal(code, 1)
    t.equal(stdout, '')
    t.match(stderr, pattern)
    t.equal(stderr.trim().split('\n').length, 1, stderr)
    t.notMatch(stderr, /secret-password/)
  }
  await refused(['migrate'], { DATABASE_URL: NO_DATABASE }, /127\.0\.0\.1:1\/nowhere can't be reached \(ECONNREFUSED\)/)
  await refused(['migrate'], { DATABASE_URL: undefined }, /DATABASE_URL/)
  await refused([], { DATABASE_URL: NO_DATABASE }, /Give one command: migrate \| plan \| .* reset/)
  await refused(['destroy'], { DATABASE_URL: NO_DATABASE }, /Give one command/)
})
