import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t from 'tap'
import { commandLine, parseStat, processFacts, processTree, treeCpuUs } from '../src/cpu-time.ts'

await t.test('a name with spaces and brackets does not shift the fields', async t => {
  const fields = Array.from({ length: 40 }, (_, i) => String(i + 3))
  const line = ['42 (a) (b c) S', ...fields.slice(1)].join(' ')
  t.same(parseStat(line), { pid: 42, name: 'a) (b c', parentPid: 4, cpuUs: (14 + 15) * 10_000 })
})

const skip = process.platform !== 'linux' && 'there is no /proc'

await t.test('the CPU time of a process grows while it works', { skip }, async t => {
  const before = processFacts(process.pid)?.cpuUs ?? 0
  const used = process.cpuUsage()
  // By the process's own account, so that it's no matter how long it takes.
  while (process.cpuUsage(used).user + process.cpuUsage(used).system < 60_000);
  const grown = (processFacts(process.pid)?.cpuUs ?? 0) - before
  t.ok(grown >= 40_000, `60 ms of work are at least 40 ms in steps of 10: ${grown} µs`)
})

await t.test("a tree has a process's children and their children, and no others", { skip }, async t => {
  const grandchild = "setInterval(() => {}, 1000); process.on('disconnect', () => process.exit())"
  const parent = `
    const child = require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(grandchild)}], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
    child.on('spawn', () => process.send(child.pid))
    process.on('disconnect', () => process.exit())`
  const child = spawn(process.execPath, ['-e', parent], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  t.teardown(async () => {
    child.disconnect()
    await once(child, 'exit')
  })
  const [grandchildPid] = (await once(child, 'message')) as [number]
  const childPid = child.pid ?? 0
  t.same(
    processTree(childPid).map(facts => facts.pid),
    [childPid, grandchildPid],
  )
  t.ok(
    processTree(process.pid).some(facts => facts.pid === grandchildPid),
    'a grandchild belongs to us too',
  )
  t.ok(treeCpuUs(childPid) >= (processFacts(childPid)?.cpuUs ?? 0))
  t.match(commandLine(childPid), /-e .*spawn/s)
})

await t.test('a process that has ended has no facts', { skip }, async t => {
  const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' })
  await once(child, 'exit')
  t.equal(processFacts(child.pid ?? 0), null)
  t.same(processTree(child.pid ?? 0), [])
  t.equal(commandLine(child.pid ?? 0), '')
})
