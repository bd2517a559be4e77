// The short drill, end to end and as it's started by hand, against the balancer of this tree. The machine may be busy with other tests, so only what
// must never happen is asserted, and nothing that depends on who gets the processor when.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { isAlive, spawnProgram } from '@plimsoll/testing'
import t, { type Test } from 'tap'
import { processTree } from '../../../src/cpu-time.ts'
import type { DrillResult } from '../../src/drill.ts'
import { SHORT_PLAN } from '../../src/phases.ts'

t.setTimeout(180_000)

const main = path.join(import.meta.dirname, '../../src/main.ts')

function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-drill-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

await t.test('in a short drill nothing is executed twice, wrong, hung, or acknowledged and not done', async t => {
  const json = path.join(temporaryFolder(t), 'drill.json')
  const program = await spawnProgram(t, ['node', main, '--short', '--json', json])
  const { code } = await program.exited
  t.equal(code, 0, program.stdout + program.stderr)
  const { results } = JSON.parse(readFileSync(json, 'utf8')) as { results: readonly DrillResult[] }
  const [result] = results
  t.equal(results.length, 1)
  t.same(result?.misses, [])
  t.same(
    result?.phases.map(({ phase }) => phase.name),
    SHORT_PLAN.phases.map(({ name }) => name),
  )
  for (const { phase, tally } of result?.phases ?? []) {
    const { executedTwice, wrong, hung, acknowledgedNotDone } = tally
    t.same(
      { executedTwice, wrong, hung, acknowledgedNotDone },
      { executedTwice: 0, wrong: 0, hung: 0, acknowledgedNotDone: 0 },
      phase.name,
    )
    t.ok(tally.sent > 0 && tally.well > tally.sent / 2, `${phase.name}: ${tally.well} of ${tally.sent} answered`)
    t.equal(tally.well + tally.failed, tally.sent)
  }
})

await t.test('a careless proxy is found out', async t => {
  const json = path.join(temporaryFolder(t), 'drill.json')
  const careless = path.join(import.meta.dirname, '../programs/careless-proxy.ts')
  const flags = ['--short', '--only', '500s', '--json', json, '--balancer', careless]
  const program = await spawnProgram(t, ['node', main, ...flags])
  t.equal((await program.exited).code, 1, program.stderr)
  const { results } = JSON.parse(readFileSync(json, 'utf8')) as { results: readonly DrillResult[] }
  const tally = results[0]?.phases[0]?.tally
  for (const name of ['executedTwice', 'wrong', 'acknowledgedNotDone'] as const) t.ok((tally?.[name] ?? 0) > 0, name)
  t.match(program.stdout, /NOT MET, 500s: \d+ POSTs executed twice/)
})

await t.test('Ctrl-C ends everything that was started, and the folder', async t => {
  const TMPDIR = temporaryFolder(t)
  const json = path.join(TMPDIR, 'never.json')
  const program = await spawnProgram(t, ['node', main, '--short', '--json', json], { env: { TMPDIR } })
  await program.line(/calm .* sent/, { timeoutMs: 60_000 })
  const children = processTree(program.pid)
    .map(({ pid }) => pid)
    .filter(pid => pid !== program.pid)
  // Three upstreams and the proxy.
  t.equal(children.length, 4)
  program.kill('SIGINT')
  t.same(await program.exited, { code: 1, signal: null })
  t.match(program.stderr, /drill: SIGINT: the drill was ended/)
  t.notOk(children.some(isAlive))
  t.throws(() => readFileSync(json), { code: 'ENOENT' })
  t.same(readdirSync(TMPDIR), [])
})

await t.test('a balancer that does not start is reported, and nothing is left', async t => {
  const TMPDIR = temporaryFolder(t)
  const program = await spawnProgram(t, ['node', main, '--short', '--balancer', path.join(TMPDIR, 'none.ts')], {
    env: { TMPDIR },
  })
  t.same(await program.exited, { code: 1, signal: null })
  t.match(program.stderr, /drill: the balancer ended with exit code 1; it said:/)
  t.same(readdirSync(TMPDIR), [])
})

await t.test('--help answers, and an unknown option is refused', async t => {
  const help = await spawnProgram(t, ['node', main, '--help'])
  t.same(await help.exited, { code: 0, signal: null })
  t.match(help.stdout, /npm run drill -- \[options\]/)
  const typo = await spawnProgram(t, ['node', main, '--shrt'])
  t.same(await typo.exited, { code: 1, signal: null })
  t.match(typo.stderr, /^drill: .*--shrt/)
})
