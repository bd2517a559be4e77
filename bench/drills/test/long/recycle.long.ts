// The recycle drill in its full form, about a minute and a half, and what happens to a drill that is ended half-way. It wants the machine for itself.
//
//   node test/long/recycle.long.ts [SEED]
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { isAlive, spawnProgram } from '@plimsoll/testing'
import t, { type Test } from 'tap'
import { processTree } from '../../../src/cpu-time.ts'
import type { RecycleResult } from '../../src/recycle/recycle-drill.ts'
import { FULL_RECYCLE_PLAN } from '../../src/recycle/recycle-plan.ts'

t.setTimeout(0)

const seed = process.argv[2] ?? String(Date.now() >>> 0)
const main = path.join(import.meta.dirname, '../../src/main.ts')

function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-drill-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

await t.test(`nothing is lost in the full form, seed ${seed}`, async t => {
  const json = path.join(temporaryFolder(t), 'drill.json')
  const program = await spawnProgram(t, ['node', main, 'recycle', '--seed', seed, '--json', json])
  const { code } = await program.exited
  for (const line of program.lines) t.comment(line)
  t.equal(code, 0, program.stderr)
  const { result } = JSON.parse(readFileSync(json, 'utf8')) as { result: RecycleResult }
  t.same(result.misses, [])
  t.ok(result.recycles.length >= FULL_RECYCLE_PLAN.recycles, `${result.recycles.length} recycles`)
})

await t.test('a careless service makes it fail, by exit code and in words', async t => {
  const options = ['--quick', '--workers', '2', '--only', 'rolling', '--mistakes', 'drop,repeat,forget']
  const program = await spawnProgram(t, ['node', main, 'recycle', ...options])
  t.same(await program.exited, { code: 1, signal: null }, program.stderr)
  t.match(program.stdout, /NOT MET, rolling: \d+ POSTs executed twice/)
  t.match(program.stdout, /NOT MET, rolling: \d+ acknowledged but not done/)
  t.match(program.stdout, /NOT MET, rolling: failed /)
})

await t.test('Ctrl-C ends everything that was started, workers included, and the folder', async t => {
  const TMPDIR = temporaryFolder(t)
  const json = path.join(TMPDIR, 'never.json')
  const program = await spawnProgram(t, ['node', main, 'recycle', '--quick', '--json', json], { env: { TMPDIR } })
  await program.line(/calm .* sent/, { timeoutMs: 60_000 })
  const children = processTree(program.pid)
    .map(({ pid }) => pid)
    .filter(pid => pid !== program.pid)
  // The service's supervisor, three workers, the balancer.
  t.ok(children.length >= 5, `${children.length} processes`)
  program.kill('SIGINT')
  t.same(await program.exited, { code: 1, signal: null })
  t.match(program.stderr, /drill: SIGINT: the drill was ended/)
  t.notOk(children.some(isAlive))
  t.throws(() => readFileSync(json), { code: 'ENOENT' })
  t.same(readdirSync(TMPDIR), [])
})

await t.test('a balancer that does not start is reported, and nothing is left', async t => {
  const TMPDIR = temporaryFolder(t)
  const none = path.join(TMPDIR, 'none.ts')
  const program = await spawnProgram(t, ['node', main, 'recycle', '--quick', '--balancer', none], { env: { TMPDIR } })
  t.same(await program.exited, { code: 1, signal: null })
  t.match(program.stderr, /drill: the balancer ended with exit code 1; it said:/)
  t.same(readdirSync(TMPDIR), [])
})

await t.test('--help answers, and an unknown option is refused', async t => {
  const help = await spawnProgram(t, ['node', main, 'recycle', '--help'])
  t.same(await help.exited, { code: 0, signal: null })
  t.match(help.stdout, /npm run drill -- recycle \[options\]/)
  const typo = await spawnProgram(t, ['node', main, 'recycle', '--quik'])
  t.same(await typo.exited, { code: 1, signal: null })
  t.match(typo.stderr, /^drill: .*--quik/)
})
