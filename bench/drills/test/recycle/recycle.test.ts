// The recycle drill in its quick form, end to end and as it's started by hand, against supervisor, leak detector and balancer of this tree. The machine may be
// busy with other tests, so nothing is asserted that depends on who gets the processor when.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { spawnProgram } from '@plimsoll/testing'
import t, { type Test } from 'tap'
import type { RecycleResult } from '../../src/recycle/recycle-drill.ts'

t.setTimeout(150_000)

const main = path.join(import.meta.dirname, '../../src/main.ts')

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
