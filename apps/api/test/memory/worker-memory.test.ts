// The wiring alone: what pressure does to the worker, and who hears of it. That levels and leaks are seen is the memory package's to show.
import t from 'tap'
import type { TestScope } from '@plimsoll/testing'
import { createLogger } from '@plimsoll/telemetry'
import { Admission } from '../../src/memory/admission.ts'
import { watchWorkerMemory, type WorkerMemorySettings } from '../../src/memory/worker-memory.ts'

const MIB = 2 ** 20

function watch(t: TestScope, settings: Partial<WorkerMemorySettings> = {}) {
  const seen = { shares: [] as number[], warmingStopped: 0, recycles: [] as string[] }
  const logged: Record<string, unknown>[] = []
  const admission = new Admission()
  const memory = watchWorkerMemory(
    { recycle: true, shareBytes: undefined, workers: 2, collectWhenIdle: false, profileFolder: undefined, ...settings },
    {
      cache: {
        memoryBytes: 3 * MIB,
        limitMemory(share) {
          seen.shares.push(share)
          return MIB
        },
      },
      stopWarming: () => void seen.warmingStopped++,
      admission,
      supervision: {
        requestRecycle: (reason, detail) => void seen.recycles.push(`${reason}: ${detail}`),
      },
      logger: createLogger({
        level: 'info',
        name: 'test',
        destination: { write: (line: string) => void logged.push(JSON.parse(line) as Record<string, unknown>) },
      }),
    },
  )
  t.teardown(() => memory.close())
  return { memory, seen, admission, logged }
}

await t.test('with room enough nothing is done', async t => {
  const { memory, seen, admission } = watch(t)
  const { level } = memory.monitor.sample()
  t.equal(level, 'normal')
  t.same(seen.shares, [])
  t.notOk(admission.isLimited)
  t.match(memory.leaks?.accounts(), [{ name: 'cache', memory: 'heap' }])
  t.match(memory.figures(), { memory_share_bytes: memory.monitor.limit.limitBytes / 2 })
})

await t.test('a share that is full makes the cache smaller and ends warming, and is told in the log', async t => {
  const { memory, seen, logged } = watch(t, { shareBytes: 32 * MIB })
  // Two of three samples make a level; responses follow one per sample.
  for (let i = 0; i < 8; i++) {
    memory.monitor.sample()
    await new Promise(resolve => setImmediate(resolve))
  }
  t.not(memory.level, 'normal')
  t.equal(seen.shares[0], 0.5)
  t.equal(seen.warmingStopped, 1)
  t.ok(logged.some(({ msg, signal }) => msg === 'memory pressure' && signal === 'share'))
})
