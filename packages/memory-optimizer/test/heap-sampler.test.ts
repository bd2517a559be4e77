import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { createHeapSampler } from '../src/heap-sampler.ts'

await t.test('those who share one take turns, also after one that failed', async t => {
  const sampler = createHeapSampler()
  const log: string[] = []
  const work = (name: string) => async (): Promise<void> => {
    log.push(`${name} begins`)
    await turn()
    log.push(`${name} ends`)
    if (name === 'b') throw new Error('mine')
  }
  const [a, b, c] = await Promise.allSettled(['a', 'b', 'c'].map(name => sampler.during(32_768, work(name))))
  t.same(log, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
  t.match([a, b, c], [{ value: { head: {} } }, { reason: { message: 'mine' } }, { value: { head: {} } }])
})

await t.test('of two that do not share, one learns that its sampling was ended by the other', async t => {
  const both = [createHeapSampler(), createHeapSampler()]
  const started: unknown[] = []
  const asked = both.map(sampler =>
    sampler.during(32_768, async () => {
      started.push(sampler)
      while (started.length < 2) await turn()
    }),
  )
  const ends = await Promise.allSettled(asked)
  t.same(ends.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
  const rejected = ends.find(end => end.status === 'rejected')
  t.match(rejected?.reason, { code: 'MEMORY_ERR_PROFILE', message: /share one createHeapSampler/ })
})
