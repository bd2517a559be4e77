import { readFile } from 'node:fs/promises'
import t from 'tap'
import { isAlive, spawnProgram, until } from '@plimsoll/testing'

await t.test('we live, and so does a child until it has ended', async t => {
  t.equal(isAlive(process.pid), true)
  const child = await spawnProgram(t, ['sleep', '60'])
  t.equal(isAlive(child.pid), true)
  await child.stop()
  t.equal(isAlive(child.pid), false)
})

await t.test('a zombie does not', { skip: process.platform !== 'linux' }, async t => {
  // The shell becomes a sleep, which never collects the shell's child.
  const parent = await spawnProgram(t, ['sh', '-c', 'sleep 60 & echo $!; exec sleep 60'])
  const pid = Number(await parent.line(/^\d+$/))
  await until(async () => (await readFile(`/proc/${parent.pid}/cmdline`, 'latin1')).startsWith('sleep'), {
    what: 'the shell to be replaced',
  })
  process.kill(pid, 'SIGKILL')
  await until(() => !isAlive(pid), { what: 'the child to end' })
  t.equal(process.kill(pid, 0), true, 'it still answers to signals')
})
