import t from 'tap'
import { readdirSync } from 'node:fs'
import { MIGRATIONS_FOLDER } from '../../src/database/check.ts'
import { isCommand, runCommand, type Command } from '../../src/database/commands.ts'
import { emptyTestDatabase } from '../fixture/demo-database.ts'

// A database is made: on a busy machine that takes its time.
t.setTimeout(60_000)

const { url } = await emptyTestDatabase(t)

async function run(command: Command, words: readonly string[] = [], progress: 'text' | 'json' = 'text') {
  const lines: string[] = []
  const config = {
    environment: 'development',
    size: 'small',
    advise: false,
    progress,
    database: { url, connectTimeoutS: 5 },
  } as const
  await runCommand(command, config, line => void lines.push(line), words)
  return lines
}

await t.test('plan and rehearse say what migrate would do, and change nothing', async t => {
  const names = readdirSync(MIGRATIONS_FOLDER).filter(file => file.endsWith('.sql'))
  t.match(await run('plan'), [
    ...names.map(name => new RegExp(`^${RegExp.escape(name)} {2}\\d+ statements?(, outside a transaction)?$`)),
    `${names.length} to be applied; nothing was changed.`,
  ])
  t.match(await run('rehearse'), [
    ...names.map(
      name =>
        new RegExp(
          `^${RegExp.escape(name)} (would succeed \\(\\d+ ms\\)|runs outside a transaction and was left out)\\.$`,
        ),
    ),
    'Everything was rolled back.',
  ])
  t.match(await run('migrate'), [
    ...names.map((name, index) => new RegExp(`^${RegExp.escape(name)} {2}${index + 1} {2}\\d+ ms$`)),
    `Applied ${names.join(', ')}.`,
  ])
  t.same(await run('plan', [], 'json'), ['{"msg":"The schema is up to date."}'])
  t.same(await run('rehearse'), ['The schema is up to date.'])
  t.same(await run('migrate'), ['The schema is up to date.'])
})

await t.test('repair takes a number and a word, and repairs only what needs it', async t => {
  for (const words of [
    ['1', 'maybe'],
    ['one', 'done'],
    ['', ''],
  ])
    await t.rejects(run('repair', words), { code: 'API_ERR_COMMAND', message: /repair 12 pending/ })
  await t.rejects(run('repair', ['1', 'done']), {
    code: 'API_ERR_MIGRATION_SESSION',
    message: /0001_learning\.sql is done; there is nothing to repair/,
  })
})

await t.test('a command stands with as many words as it takes', async t => {
  for (const words of [['migrate'], ['plan'], ['repair', '1', 'done']]) t.ok(isCommand(words), words.join(' '))
  for (const words of [[], ['drop'], ['migrate', 'now'], ['repair', '1'], ['toString'], ['__proto__']])
    t.notOk(isCommand(words), words.join(' '))
})
