import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { FakeClock } from '@plimsoll/testing'
import t from 'tap'
import { createHeapProfiler, heapProfileResponse } from '../../src/pressure/heap-profile.ts'
import type { PressureStep } from '../../src/pressure/response.ts'

// A profile keeps no process alive, this one has nothing else to do.
const alive = setInterval(() => undefined, 60_000)
t.teardown(() => clearInterval(alive))

interface ProfileNode {
  readonly callFrame: { readonly functionName: string }
  readonly selfSize: number
  readonly children: readonly ProfileNode[]
}

function sizeOf(node: ProfileNode, functionName: string): number {
  const own = node.callFrame.functionName === functionName ? node.selfSize : 0
  return node.children.reduce((sum, child) => sum + sizeOf(child, functionName), own)
}

await t.test('a profile names who allocated what is alive, in a file for its owner alone', async t => {
  const folder = path.join(t.testdir(), 'profiles')
  const kept: number[][] = []
  const leakHere = (): void => {
    for (let index = 0; index < 2000; index++) kept.push(Array.from({ length: 200 }, () => index))
  }
  const profiler = createHeapProfiler({ folder, durationMs: 150, samplingIntervalBytes: 4096 })
  const done = profiler.profile()
  await new Promise(resolve => setTimeout(resolve, 20))
  t.ok(profiler.isRunning)
  await t.rejects(profiler.profile(), { code: 'MEMORY_ERR_PROFILE', message: /already/ })
  leakHere()
  const file = await done
  t.notOk(profiler.isRunning)
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.equal(statSync(folder).mode & 0o777, 0o700)
  const { head } = JSON.parse(readFileSync(file, 'utf8')) as { head: ProfileNode }
  t.ok(sizeOf(head, 'leakHere') + sizeOf(head, 'from') > 0, 'the function that allocated is in it')
  t.equal(kept.length, 2000)
})

await t.test('files are bounded in size and number, and an existing one is never overwritten', async t => {
  const folder = t.testdir()
  let nowMs = 5000
  const wallClock = { now: (): number => nowMs }
  for (const at of [1000, 2000, 3000]) writeFileSync(path.join(folder, `heap-1-${at}.heapprofile`), '')
  writeFileSync(path.join(folder, 'mine.heapprofile'), '')
  const profiler = createHeapProfiler({ folder, durationMs: 100, maxFiles: 2, wallClock })
  await profiler.profile()
  t.same(readdirSync(folder).toSorted(), [
    'heap-1-3000.heapprofile',
    `heap-${process.pid}-5000.heapprofile`,
    'mine.heapprofile',
  ])
  await t.rejects(profiler.profile(), { code: 'MEMORY_ERR_PROFILE', message: /EEXIST/ })
  nowMs = 6000
  const small = createHeapProfiler({
    folder,
    durationMs: 100,
    maxFileBytes: 1024,
    samplingIntervalBytes: 1024,
    wallClock,
  })
  // Something alive from several places, so that there's more to tell than fits.
  const kept: unknown[] = []
  const one = (): unknown => kept.push(Array.from({ length: 500 }, (_, index) => ({ index })))
  const two = (): unknown => kept.push(new Map(Array.from({ length: 500 }, (_, index) => [index, String(index)])))
  const filling = setInterval(() => [one(), two(), kept.push(Buffer.alloc(5000).toString('hex'))], 5)
  t.teardown(() => clearInterval(filling))
  await t.rejects(small.profile(), { code: 'MEMORY_ERR_PROFILE', message: /maxFileBytes/ })
})

await t.test('a folder that can not be made is an error of the profile, and the next one can start', async t => {
  const folder = t.testdir({ file: '' })
  const profiler = createHeapProfiler({ folder: path.join(folder, 'file', 'below'), durationMs: 100 })
  await t.rejects(profiler.profile(), { code: 'MEMORY_ERR_PROFILE', message: /ENOTDIR/ })
  t.notOk(profiler.isRunning)
})

await t.test('a profile that is aborted ends at once', async t => {
  const profiler = createHeapProfiler({ folder: t.testdir(), durationMs: 60_000 })
  const abort = new AbortController()
  const done = profiler.profile(abort.signal)
  abort.abort()
  await t.rejects(done, { code: 'MEMORY_ERR_PROFILE' })
})

await t.test('the response profiles once in its interval, and reports what came of it', async t => {
  const clock = new FakeClock()
  const files: string[] = []
  const errors: unknown[] = []
  const ends: (() => void)[] = []
  let fails = false
  const profiler = {
    isRunning: false,
    profile: () =>
      new Promise<string>((resolve, reject) => {
        ends.push(() => (fails ? reject(new Error('full')) : resolve('a file')))
      }),
  }
  const response = heapProfileResponse(profiler, {
    clock,
    onProfile: file => void files.push(file),
    onError: error => void errors.push(error),
  })
  const step: PressureStep = { index: 0, level: 'warning', share: 0, signal: AbortSignal.timeout(1000) }
  t.equal(response.apply(step), 0, 'it frees nothing')
  clock.advance(599_999)
  await response.apply(step)
  t.equal(ends.length, 1)
  ends[0]?.()
  clock.advance(1)
  fails = true
  await response.apply(step)
  ends[1]?.()
  await clock.advanceAsync(0)
  t.same(files, ['a file'])
  t.match(errors, [{ message: 'full' }])
})

await t.test('options outside their range are refused', async t => {
  mkdirSync(path.join(t.testdir(), 'x'))
  t.throws(() => createHeapProfiler({ folder: 'x', durationMs: 1 }), { code: 'MEMORY_ERR_OPTION' })
  t.throws(() => createHeapProfiler({ folder: 'x', maxFiles: 0 }), { code: 'MEMORY_ERR_OPTION' })
})
