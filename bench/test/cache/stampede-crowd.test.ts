// Processes that ask at once: each one's loads are counted, and none is left over.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { BOUNDED, MACHINE } from '../../src/cache/caches.ts'
import { keyOf } from '../../src/cache/items.ts'
import { StampedeCrowd } from '../../src/cache/stampede-crowd.ts'

const io = { nodePath: process.execPath, env: process.env, signal: new AbortController().signal }
const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-bench-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))

const loadsOf = async (crowd: StampedeCrowd, id: number): Promise<number> => {
  const results = await crowd.run({ key: keyOf(id), callers: 100 })
  return results.reduce((sum, { loads }) => sum + loads, 0)
}

await t.test('without a shared tier each process loads once', async t => {
  const crowd = await StampedeCrowd.start(io, { name: BOUNDED, loadMs: 5, folder }, 2)
  t.teardown(() => crowd.stop())
  const results = await crowd.run({ key: keyOf(1), callers: 100 })
  t.same(
    results.map(({ loads }) => loads),
    [1, 1],
  )
  for (const { answeredMs, cpuMs } of results) t.ok(answeredMs > 0 && cpuMs > 0)
  t.equal(await loadsOf(crowd, 1), 0, 'afterwards it is there')
})

await t.test('with one, one process loads for both', async t => {
  const crowd = await StampedeCrowd.start(io, { name: MACHINE, loadMs: 5, folder: path.join(folder, 'machine') }, 2)
  t.teardown(() => crowd.stop())
  t.equal(await loadsOf(crowd, 1), 1)
  t.equal(await loadsOf(crowd, 2), 1)
})

await t.test('a cache that is not there ends the run with its reason', async t => {
  await t.rejects(StampedeCrowd.start(io, { name: 'nothing', loadMs: 5, folder }, 1), /there is no cache "nothing"/)
})
