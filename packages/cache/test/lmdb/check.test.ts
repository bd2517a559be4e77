// The program that checks maps must not outlive its time, whatever it waits for and whoever has started it.
import { join } from 'node:path'
import t from 'tap'
import { spawnProgram } from '@plimsoll/testing'
import { memoryFolder } from './fixture/folder.ts'

const CHECK = join(import.meta.dirname, '../../src/lmdb/check/main.ts')

await t.test('it ends itself while another process holds the map’s write lock', async t => {
  const folder = memoryFolder(t)
  const holder = await spawnProgram(t, ['node', join(import.meta.dirname, 'fixture/lock-holder.ts'), folder])
  await holder.line('held')
  const check = await spawnProgram(t, ['node', CHECK, folder, '8388608', 'memory', '300', 'entries'])
  t.same(await check.exited, { code: null, signal: 'SIGKILL' })
  holder.kill('SIGKILL')
  await holder.exited
  const next = await spawnProgram(t, ['node', CHECK, folder, '8388608', 'memory', '20000', 'entries'])
  t.same(await next.exited, { code: 0, signal: null }, 'the lock of a process that was killed is free')
})
