// The kernel's own files, read and, where the machine lends a group for it, written.
//
// Making a group under the one that the tests run in would change a tree that belongs to whoever started them (a session, a container runtime, systemd): a group left
// behind keeps its parent from being removed, and a process moved into it leaves its keeper's sight. So a folder has to be lent: PLIMSOLL_TEST_CGROUP names an empty
// group with the memory controller, writable for the tests (systemd: Delegate=memory; a container that's started for it). On version 2 "+memory" stands in its
// cgroup.subtree_control. Without it the test is skipped, loudly.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { until } from '@plimsoll/testing'
import t from 'tap'
import { findMemoryGroups } from '../../src/limits/cgroup-groups.ts'
import { openContainerGauge } from '../../src/limits/container-gauge.ts'
import { type MemoryLimit, readMemoryLimit, readTextFile } from '../../src/limits/memory-limit.ts'

const LIMIT_BYTES = 192 * 1024 * 1024
const USAGE_FILES = ['memory.current', 'memory.usage_in_bytes']

await t.test('the groups that are found are folders that exist, the own one with the own process in it', async t => {
  const groups = findMemoryGroups(readTextFile)
  if (groups.length === 0) {
    t.pass('this machine has no control groups')
    return
  }
  for (const { folder } of groups) t.ok(existsSync(folder), folder)
  const holdsThis = groups.some(({ folder }) =>
    readTextFile(path.join(folder, 'cgroup.procs'))?.split('\n').includes(String(process.pid)),
  )
  t.ok(holdsThis, 'cgroup.procs of one of them has this process')
})

await t.test('a gauge on this machine tells a use that is below its limit, or none', async t => {
  const use = openContainerGauge({ clock: performance }).read()
  t.ok(Number.isNaN(use.ratio) || (use.ratio > 0 && use.ratio <= 1), String(use.ratio))
})

await t.test('a process in a group with a limit reads that limit, and its own use', async t => {
  const lent = process.env['PLIMSOLL_TEST_CGROUP']
  if (lent === undefined) {
    process.stderr.write(`*** SKIPPED, PLIMSOLL_TEST_CGROUP names no group that the tests may use: ${t.name}\n`)
    t.plan(0, 'PLIMSOLL_TEST_CGROUP names no group that the tests may use')
    return
  }
  const group = path.join(lent, `plimsoll-test-${process.pid}`)
  mkdirSync(group)
  // The kernel lets go of a group a moment after its last process has ended.
  t.teardown(() => until(() => (rmdirSync(group), true), { what: `${group} to be empty` }))
  const isVersion2 = existsSync(path.join(group, 'memory.max'))
  const limitFile = path.join(group, isVersion2 ? 'memory.max' : 'memory.limit_in_bytes')
  writeFileSync(limitFile, String(LIMIT_BYTES))
  const program = `import { openContainerGauge } from ${JSON.stringify(import.meta.resolve('../../src/limits/container-gauge.ts'))}
    process.once('message', () => {
      const gauge = openContainerGauge({ clock: performance })
      process.send({ limit: gauge.limit, use: gauge.read() }, () => process.disconnect())
    })`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const ended = once(child, 'exit')
  // Runs before the group is removed: it has to be empty by then.
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  writeFileSync(path.join(group, 'cgroup.procs'), String(child.pid))
  const answer = once(child, 'message')
  child.send('go')
  const [{ limit, use }] = (await answer) as [{ limit: MemoryLimit; use: { useBytes: number; ratio: number } }]
  t.equal(limit.limitBytes, LIMIT_BYTES)
  t.equal(limit.source, isVersion2 ? 'cgroup-v2' : 'cgroup-v1')
  t.ok(limit.origin.startsWith(group), limit.origin)
  t.ok(use.ratio > 0 && use.ratio < 1, `ratio ${use.ratio}`)
  const usage = Number(
    USAGE_FILES.map(name => path.join(group, name))
      .filter(existsSync)
      .map(file => readFileSync(file, 'latin1'))[0],
  )
  t.ok(use.useBytes <= usage + 16 * 1024 * 1024, 'less than what the group is charged for, page cache included')
  t.not(readMemoryLimit().origin, limit.origin, 'the tests themselves are outside of it')
})
