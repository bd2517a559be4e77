// The whole drill, about two minutes: every figure that the balancer promises has to be met. It wants the machine for itself.
//
//   node test/long/drill.long.ts [SEED]
//
// What must never happen fails it at once. A share of failed requests depends on the machine too (a POST that's under way while the
// machine stands still is lost by anybody): a phase that misses its limit is driven once more, and has to meet it then.
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { spawnProgram } from '@plimsoll/testing'
import t, { type Test } from 'tap'

t.setTimeout(0)

const seed = process.argv[2] ?? String(Date.now() >>> 0)
const main = path.join(import.meta.dirname, '../../src/main.ts')

interface Miss {
  readonly phase: string
  readonly what: string
}

const isShare = ({ what }: Miss) => what.startsWith('failed ') || what.startsWith('back at ')

async function misses(t: Test, ...options: string[]): Promise<readonly Miss[]> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'plimsoll-drill-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const json = path.join(folder, 'drill.json')
  const program = await spawnProgram(t, ['node', main, '--json', json, ...options])
  const { code } = await program.exited
  for (const line of program.lines) t.comment(line)
  const { results } = JSON.parse(await readFile(json, 'utf8')) as { results: readonly { misses: readonly Miss[] }[] }
  const found = results.flatMap(result => result.misses)
  t.equal(code === 0, found.length === 0, 'the exit code says the same')
  return found
}

await t.test(`every figure of the drill is met, seed ${seed}`, async t => {
  const first = await misses(t, '--seed', seed)
  t.same(
    first.filter(miss => !isShare(miss)),
    [],
    'what must never happen',
  )
  const again = [...new Set(first.filter(isShare).map(({ phase }) => phase))]
  if (again.length === 0) return
  t.comment(`driven once more: ${again.join(', ')}`)
  t.same(await misses(t, '--seed', String((Number(seed) + 1) >>> 0), '--only', ['calm', ...again].join(',')), [])
})
