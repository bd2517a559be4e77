// The whole drill, about two minutes: every figure that the balancer promises has to be met. It wants the machine for itself.
//
//   node test/long/drill.long.ts [SEED]
import path from 'node:path'
import { spawnProgram } from '@plimsoll/testing'
import t from 'tap'

t.setTimeout(0)

const seed = process.argv[2] ?? String(Date.now() >>> 0)
const main = path.join(import.meta.dirname, '../../src/main.ts')

await t.test(`every figure of the drill is met, seed ${seed}`, async t => {
  const program = await spawnProgram(t, ['node', main, '--seed', seed])
  const { code } = await program.exited
  for (const line of program.lines) t.comment(line)
  t.equal(code, 0, 'the drill')
})
