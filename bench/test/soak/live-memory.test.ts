import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { until } from '@plimsoll/testing'
import t from 'tap'
import { parseLiveSamples, PROBE_VARIABLES, readLiveSamples, sampleLine } from '../../src/soak/live-memory.ts'

await t.test('samples are read as they were written, but not one that is being written', async t => {
  const samples = [1, 2, 3].map(n => ({ atMs: n, heapBytes: n * 1000, externalBytes: n * 10 }))
  const text = samples.map(sampleLine).join('')
  t.same(parseLiveSamples(text), samples)
  t.same(parseLiveSamples(text.slice(0, -2)), samples.slice(0, 2))
  t.same(parseLiveSamples(''), [])
})

await t.test('the probe tells what a process holds after a collection, and does not keep it alive', async t => {
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-probe-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const probe = pathToFileURL(path.join(import.meta.dirname, '../../src/soak/memory-probe.ts')).href
  // Much garbage and nothing kept, until its input ends.
  const program = `setInterval(() => { globalThis.garbage = new Array(200_000).fill({}) }, 1).unref(); process.stdin.resume()`
  const child = spawn(process.execPath, [`--import=${probe}`, '-e', program], {
    env: { ...process.env, [PROBE_VARIABLES.folder]: folder, [PROBE_VARIABLES.intervalMs]: '20' },
    stdio: ['pipe', 'inherit', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const { pid = 0 } = child
  await until(() => readLiveSamples(folder, pid).length >= 5, { what: 'five samples', timeoutMs: 20_000 })
  child.stdin.end()
  t.same(await once(child, 'exit'), [0, null])
  for (const { heapBytes } of readLiveSamples(folder, pid)) t.ok(heapBytes > 1e6 && heapBytes < 30e6, String(heapBytes))
  t.same(readLiveSamples(folder, pid + 1), [])
})
