// The recycle drill in its quick form, end to end and as it's started by hand, against supervisor, leak detector and balancer of this tree. The machine may be
// busy with other tests, so nothing is asserted that depends on who gets the processor when.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { spawnProgram } from '@plimsoll/testing'
import t, { type Test } from 'tap'
import { type RecycleResult, runRecycleDrill } from '../../src/recycle/recycle-drill.ts'
import { chooseRecyclePhases, QUICK_RECYCLE_PLAN } from '../../src/recycle/recycle-plan.ts'
import { renderRecycleDrill } from '../../src/recycle/recycle-report.ts'
import { MISTAKES } from '../../src/recycle/service/service-protocol.ts'

t.setTimeout(150_000)

const main = path.join(import.meta.dirname, '../../src/main.ts')

const balancer = path.join(import.meta.dirname, '../../../../apps/balancer/src/main.ts')

function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-drill-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

interface Drilled {
  readonly code: number | null
  readonly output: string
  readonly result: RecycleResult
}

async function drill(t: Test): Promise<Drilled> {
  const folder = temporaryFolder(t)
  const json = path.join(folder, 'drill.json')
  const program = await spawnProgram(t, ['node', main, 'recycle', '--quick', '--json', json], {
    env: { TMPDIR: folder },
    // The drill ends what it has started, in order.
    stopTimeoutMs: 30_000,
  })
  const { code } = await program.exited
  const output = program.stdout + program.stderr
  try {
    const { result } = JSON.parse(readFileSync(json, 'utf8')) as { result: RecycleResult }
    return { code, output, result }
  } catch (error) {
    throw new Error(`the drill has no result; it said:\n${output}`, { cause: error })
  }
}

await t.test('leaking workers are recycled, all are rolled, one is killed, and nothing is lost', async t => {
  const { code, output, result } = await drill(t)
  t.equal(code, 0, output)
  t.same(result.misses, [])
  t.same(
    result.phases.map(({ phase }) => phase.name),
    ['calm', 'recycle', 'rolling', 'killed'],
  )
  t.ok(result.recycles.length >= 3, `${result.recycles.length} recycles`)
  t.ok(result.recycles.every(({ reason, endedMs }) => reason === 'leak' && endedMs !== null))
  t.type(result.rolledMs, 'number')
  t.type(result.killed?.wholeMs, 'number')
  for (const { phase, tally, leastReady } of result.phases) {
    t.equal(tally.failed, tally.unavoidable, `${phase.name}: only what was with the killed one has failed`)
    if (phase.name !== 'killed') t.equal(tally.failed, 0, `${phase.name}: nothing has failed`)
    t.ok(tally.sent > 0)
    t.ok(leastReady >= 2, `${phase.name}: ${leastReady} workers ready`)
  }
})

await t.test('a service that drops, repeats and forgets requests is found out', async t => {
  const temporary = temporaryFolder(t)
  const ended = new AbortController()
  t.teardown(() => ended.abort(new Error('the test has ended')))
  const io = { nodePath: process.execPath, env: process.env, temporary, signal: ended.signal, write() {} }
  const plan = { ...chooseRecyclePhases(QUICK_RECYCLE_PLAN, ['rolling']), workers: 2 }
  const result = await runRecycleDrill(io, { plan, seed: 1, balancer, mistakes: MISTAKES })
  const tally = result.phases[0]?.tally
  for (const figure of ['failed', 'executedTwice', 'acknowledgedNotDone'] as const)
    t.ok((tally?.[figure] ?? 0) > 0, figure)
  const text = renderRecycleDrill(result)
  t.match(text, /NOT MET, rolling: \d+ POSTs executed twice/)
  t.match(text, /NOT MET, rolling: \d+ acknowledged but not done/)
  t.match(text, /NOT MET, rolling: failed /)
})
