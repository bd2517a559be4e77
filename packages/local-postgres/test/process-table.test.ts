import t from 'tap'
import { spawnProgram, until } from '@plimsoll/testing'
import { answersToSignals, findProcess, findWithPs } from '../src/process-table.ts'

await t.test('a process is found with its start and its command line, and not when it is gone', async t => {
  const child = await spawnProgram(t, ['sleep', '60'])
  const found = await findProcess(child.pid)
  t.match(found, { pid: child.pid, command: /^sleep.60/ })
  const self = await findProcess(process.pid)
  t.ok((found?.startedAt ?? 0) >= (self?.startedAt ?? Infinity), 'it started after us')
  t.strictSame(await findProcess(child.pid), found, 'the start time does not move')
  t.equal(answersToSignals(child.pid), true)
  await child.stop()
  t.equal(await findProcess(child.pid), undefined)
  t.equal(answersToSignals(child.pid), false)
})

await t.test('ps tells the same where there is no /proc', async t => {
  const child = await spawnProgram(t, ['sleep', '60'])
  const found = await findWithPs(child.pid)
  t.match(found, { pid: child.pid, command: 'sleep 60' })
  t.ok(Math.abs((found?.startedAt ?? 0) - Date.now() / 1000) < 3600)
  await child.stop()
  t.equal(await findWithPs(child.pid), undefined)
})

await t.test('a zombie answers to signals but is no running process', async t => {
  // The shell becomes a sleep, which never collects the shell's child.
  const parent = await spawnProgram(t, ['sh', '-c', 'sleep 60 & echo $!; exec sleep 60'])
  const pid = Number(await parent.line(/^\d+$/))
  await until(async () => (await findProcess(parent.pid))?.command.startsWith('sleep'), {
    what: 'the shell to be replaced',
  })
  process.kill(pid, 'SIGKILL')
  await until(async () => (await findProcess(pid)) === undefined, { what: 'the child to end' })
  t.equal(answersToSignals(pid), true)
  t.equal(await findWithPs(pid), undefined)
})
