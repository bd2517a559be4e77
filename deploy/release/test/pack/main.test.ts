import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { plainly } from '../plain-node.ts'

const program = path.resolve(import.meta.dirname, '../../src/pack/main.ts')

async function run(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const [file = '', ...rest] = plainly(process.execPath, program, ...args)
  return promisify(execFile)(file, rest)
}

await t.test('one package is packed into the folder that was asked for, with a line for each step', async t => {
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-out-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const { stdout } = await run('--only', 'problem-details', '--out', path.join(folder, 'deeper'))
  t.match(readdirSync(path.join(folder, 'deeper')), [/^plimsoll-problem-details-\d+\.\d+\.\d+.*\.tgz$/])
  t.match(stdout, /built problem-details\n.*problem-details \d.*: .* kB\n1 tarball in /s)
})

await t.test('help names the options, and a wrong one is a clear line', async t => {
  t.match((await run('--help')).stdout, /--out DIR/)
  await t.rejects(run('--only', 'nothing'), { code: 1, stderr: /pack: There is no package "nothing"/ })
  await t.rejects(run('--bogus'), { code: 1, stderr: /pack: Unknown option '--bogus'/ })
})
