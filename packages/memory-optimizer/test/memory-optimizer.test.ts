import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { FakeClock, until } from '@plimsoll/testing'
import t from 'tap'
import type { ContainerGauge } from '../src/limits/container-gauge.ts'
import { createMemoryOptimizer, type MemoryOptimizerOptions } from '../src/memory-optimizer.ts'

const MIB = 1024 * 1024

/** On the process's own figures, in a container of the test's making; it ends with the test. */
function optimizerRig(scope: { teardown(handler: () => void): unknown }, options: MemoryOptimizerOptions = {}) {
  const clock = new FakeClock({ startMs: 1_000_000 })
  const container = { useBytes: MIB, ratio: 0.2, stallSomePercent: 0, stallFullPercent: 0, isStallOwn: true }
  const gauge: ContainerGauge = {
    limit: { limitBytes: 8000 * MIB, source: 'cgroup-v2', origin: 'x', totalBytes: 9000 * MIB, groups: [] },
    read: () => ({ ...container, heldRatio: container.ratio }),
  }
  const errors: unknown[] = []
  const optimizer = createMemoryOptimizer({
    clock,
    timers: clock,
    gauge,
    onError: error => void errors.push(error),
    ...options,
  })
  scope.teardown(() => optimizer.close())
  const seconds = async (count: number): Promise<void> => {
    for (let second = 0; second < count; second++) {
      optimizer.monitor.sample()
      await clock.advanceAsync(1000)
    }
  }
  return { clock, container, optimizer, errors, seconds }
}

await t.test('under pressure a cache is asked to shrink, and to grow again when it is over', async t => {
  const { container, optimizer, seconds } = optimizerRig(t)
  const shares: number[] = []
  optimizer.cache({ name: 'pages', bytes: () => 5 * MIB, limit: share => void shares.push(share) })
  t.match(optimizer.leaks?.accounts(), [{ name: 'pages', memory: 'heap' }])
  container.ratio = 0.9
  await seconds(5)
  t.equal(optimizer.level, 'critical')
  t.same(shares, [0.5, 0.1])
  t.match(optimizer.state(), {
    pressure: { level: 'critical', applied: 2 },
    leak: { kind: 'gathering', advice: 'none' },
  })
  container.ratio = 0.3
  await seconds(30)
  t.same(shares, [0.5, 0.1, 0.5, 1])
  t.equal(optimizer.figures().memory_pressure_level, 0)
})

await t.test(
  'a cache that leaves is neither counted nor asked, and a name that is taken leaves nothing behind',
  async t => {
    const { container, optimizer, seconds } = optimizerRig(t)
    const shares: number[] = []
    optimizer.cache({ name: 'a', bytes: () => 1, limit: share => void shares.push(share) })()
    optimizer.register({ name: 'b', level: 'warning', apply: () => undefined })
    t.throws(() => optimizer.cache({ name: 'b', bytes: () => 1, limit: () => undefined }), {
      code: 'MEMORY_ERR_OPTION',
    })
    t.same(optimizer.leaks?.accounts(), [])
    container.ratio = 0.9
    await seconds(5)
    t.same(shares, [])
  },
)

await t.test('an emergency that lasts asks to be replaced, with words', async t => {
  const asked: string[] = []
  const { container, seconds } = optimizerRig(t, {
    recycle: (reason, detail) => void asked.push(`${reason}: ${detail}`),
  })
  container.ratio = 0.99
  await seconds(30)
  t.same(asked, ['emergency: container at 99 % of its limit for 10 s'])
})

await t.test('a profile is written when the level rises', async t => {
  const folder = path.join(t.testdir(), 'profiles')
  const files: string[] = []
  const { container, seconds, errors } = optimizerRig(t, {
    heapProfiles: { folder, durationMs: 100, onProfile: file => void files.push(file) },
  })
  container.ratio = 0.8
  await seconds(4)
  await until(() => files.length === 1 || errors.length > 0, { what: 'the profile' })
  t.same(errors, [])
  t.same(readdirSync(folder).length, 1)
})

await t.test('a profile and a look at the allocations take turns: neither ends the other', async t => {
  const folder = path.join(t.testdir(), 'profiles')
  const files: string[] = []
  const { container, optimizer, seconds, errors } = optimizerRig(t, {
    heapProfiles: { folder, durationMs: 100, onProfile: file => void files.push(file) },
  })
  // A profile keeps no process alive, and who waits for one doesn't either.
  const alive = setInterval(() => undefined, 60_000)
  t.teardown(() => clearInterval(alive))
  const asked = optimizer.allocations.sample({ durationMs: 50 })
  container.ratio = 0.8
  await seconds(4)
  const alsoAsked = optimizer.allocations.sample({ durationMs: 10 })
  t.ok((await asked).durationMs >= 49)
  await alsoAsked
  await until(() => files.length === 1 || errors.length > 0, { what: 'the profile' })
  t.same(errors, [])
})

await t.test('closing ends every timer, twice is once; options that are refused leave none', async t => {
  const { clock, optimizer } = optimizerRig(t, { leaks: { collectWhenIdle: false } })
  optimizer.close()
  optimizer.close()
  t.equal(clock.pending, 0)
  const refused = new FakeClock()
  t.throws(() => createMemoryOptimizer({ clock: refused, timers: refused, thresholds: { warning: 2 } }), {
    code: 'MEMORY_ERR_OPTION',
  })
  t.throws(() => createMemoryOptimizer({ clock: refused, timers: refused, leaks: { minCollections: 1 } }), RangeError)
  t.throws(
    () => createMemoryOptimizer({ clock: refused, timers: refused, heapProfiles: { folder: 'x', maxFiles: 0 } }),
    {
      code: 'MEMORY_ERR_OPTION',
    },
  )
  t.equal(refused.pending, 0)
})

await t.test('without a leak detector everything else works', async t => {
  const { optimizer } = optimizerRig(t, { leaks: false })
  t.equal(optimizer.leaks, undefined)
  t.equal(optimizer.state().leak, undefined)
  optimizer.cache({ name: 'a', bytes: () => 1 })()
})

await t.test('it keeps no process alive, closed or not', async t => {
  const module = JSON.stringify(import.meta.resolve('../src/memory-optimizer.ts'))
  const program = `import { createMemoryOptimizer } from ${module}
    createMemoryOptimizer().register({ name: 'x', level: 'warning', apply: () => undefined })`
  // The time-out is that of a failure.
  execFileSync(process.execPath, ['--input-type=module', '-e', program], { timeout: 20_000 })
  t.pass('it has ended by itself')
})
