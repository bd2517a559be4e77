import { readFileSync, symlinkSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { spawnProgram } from '@plimsoll/testing'
import { runTogether } from '../../src/test-run/together.ts'

const HARMLESS =
  "import t from 'tap'\nawait t.test('a', t => {\n  t.teardown(() => {})\n  t.pass('seen')\n  t.end()\n})\n"

/** Programs and lone files for test files of one package, by their names. */
function grouped(t: Test, files: Readonly<Record<string, string>>) {
  const root = t.testdir({ packages: { p: { test: { ...files } } } })
  const names = Object.keys(files)
    .filter(name => name.endsWith('.test.ts'))
    .map(name => `packages/p/test/${name}`)
  const out = runTogether(names, path.join(root, 'together'), root)
  const programs = out.filter(file => file.endsWith('.mjs'))
  return {
    root,
    programs,
    alone: out.filter(file => file.endsWith('.ts')).map(file => path.basename(file)),
    together: programs.flatMap(file =>
      Array.from(readFileSync(file, 'utf8').matchAll(/([\w-]+\.test\.ts)"/g), match => match[1]),
    ),
  }
}

await t.test('files that a neighbour could disturb are run alone, and so is what imports such a helper', async t => {
  const imports = (line: string) => `${line}\n${HARMLESS}`
  const { together, alone } = grouped(t, {
    'one.test.ts': HARMLESS,
    'two.test.ts': imports("import { FakeClock, type TestScope } from '@plimsoll/testing'"),
    'net.test.ts': imports("import { connect } from 'node:net'"),
    'child.test.ts': imports("import { fork } from 'node:child_process'"),
    'database.test.ts': imports("import { testDatabase } from '@plimsoll/testing'"),
    'all-of-it.test.ts': imports("import * as testing from '@plimsoll/testing'"),
    'late.test.ts': `${HARMLESS}await import('node:child_process')\n`,
    'signals.test.ts': `${HARMLESS}process.on('SIGTERM', () => {})\n`,
    'patience.test.ts': `${HARMLESS}t.setTimeout(60_000)\n`,
    'to-the-end.test.ts': `${HARMLESS}t.teardown(() => {})\n`,
    'given-away.test.ts': imports("import { start } from './helper.ts'\nconst server = await start(t)"),
    'ended.test.ts': `${HARMLESS}t.end()\n`,
    'by-helper.test.ts': imports("import { connectTo } from './helper.ts'"),
    'helper.ts': "import { connect } from 'node:net'\nexport const connectTo = connect\n",
  })
  t.same(together, ['one.test.ts', 'two.test.ts'])
  t.equal(alone.length, 11)
})

await t.test('one that would be alone in its program stays a file; many are spread over several programs', async t => {
  t.same(grouped(t, { 'one.test.ts': HARMLESS }), {
    ...grouped(t, { 'one.test.ts': HARMLESS }),
    programs: [],
    alone: ['one.test.ts'],
  })
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`f${i}.test.ts`, HARMLESS]))
  const { programs, together } = grouped(t, many)
  t.equal(programs.length, 3)
  t.equal(new Set(together).size, 50)
})

async function exitCodeOf(t: Test, files: Readonly<Record<string, string>>): Promise<number | null> {
  const { root, programs } = grouped(t, files)
  symlinkSync(path.resolve(import.meta.dirname, '../../../../node_modules'), path.join(root, 'node_modules'))
  t.equal(programs.length, 1)
  const program = await spawnProgram(t, ['node', ...programs])
  return (await program.exited).code
}

await t.test('a program fails as its files do, and when one ends the tests before the others have run', async t => {
  const failing = HARMLESS.replace("t.pass('seen')", "t.fail('seen')")
  t.equal(await exitCodeOf(t, { 'one.test.ts': HARMLESS, 'two.test.ts': HARMLESS }), 0)
  t.not(await exitCodeOf(t, { 'one.test.ts': HARMLESS, 'two.test.ts': failing }), 0)
  const hidden = `${HARMLESS}{ const root = t\n  root.end() }\n`
  t.not(await exitCodeOf(t, { 'one.test.ts': hidden, 'two.test.ts': failing }), 0)
})
