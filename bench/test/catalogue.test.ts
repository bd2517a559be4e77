import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { findSuite, readSuites, renderHelp } from '../src/catalogue.ts'

const bench = path.resolve(import.meta.dirname, '../src')
const suites = await readSuites(path.join(bench, 'suites'))

await t.test('every suite says in one line what it measures', async t => {
  t.ok(suites.length >= 2)
  for (const { name, summary } of suites) t.match(summary, /^[^\n]{20,}$/, name)
})

await t.test('a suite is found by its name, and an unknown name is answered with the known ones', async t => {
  t.equal(findSuite(suites, 'smoke').name, 'smoke')
  t.throws(() => findSuite(suites, 'smok'), { message: /there is no suite "smok"; there are: .*smoke/ })
})

await t.test('a file that exports no suite of its own name is an error', async t => {
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-suites-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  writeFileSync(path.join(folder, 'a.ts'), "export const suite = { name: 'b' }\n")
  await t.rejects(readSuites(folder), { message: /a\.ts has to export/ })
})

await t.test('help shows the options of a suite', async t => {
  t.match(renderHelp(findSuite(suites, 'smoke')), /--connections N/)
})

await t.test('the command lists the suites, and fails on one that is not there', async t => {
  const main = path.join(bench, 'main.ts')
  const { stdout } = await promisify(execFile)(process.execPath, [main])
  t.match(stdout, /^ {2}smoke +\S/m)
  await t.rejects(promisify(execFile)(process.execPath, [main, 'nothing']), {
    code: 1,
    stderr: /bench: there is no suite "nothing"/,
  })
})
