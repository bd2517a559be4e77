import path from 'node:path'
import t from 'tap'
import { spawnProgram } from '@plimsoll/testing'

await t.test('each leaking test fails with what it left, and the others pass', async t => {
  const file = path.join(import.meta.dirname, 'failing', 'leaks.ts')
  const program = await spawnProgram(t, ['node', file], { env: { TAP: '1' } })
  t.equal((await program.exited).code, 1)
  t.match(program.stdout, /^ok \d+ - clean/m)
  t.match(program.stdout, /^ok \d+ - leaves nothing beside what the earlier ones left/m)
  t.match(program.stdout, /"leaves a server" left 1 TCPServerWrap behind/)
  t.match(program.stdout, /"leaves a timer" left 1 Timeout behind/)
  t.match(program.stdout, /"leaves a child" left 1 ProcessWrap behind/)
  t.equal(program.stdout.match(/^not ok \d+ - "leaves .*behind/gm)?.length, 3, 'and no other failed')
})
