import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { createCache } from '../src/index.ts'
import { savedKeys, saveKeys, warm, type WarmTools } from '../src/warming.ts'

const tools: WarmTools = { clock: performance, utilisation: () => 0, pause: () => Promise.resolve() }

await t.test('the most used keys of namespaces with a loader are what’s saved', async t => {
  const cache = createCache()
  const one = cache.namespace<string>('one', { load: ({ key }) => key })
  const two = cache.namespace<string>('two')
  for (const [key, hits] of [
    ['cold', 0],
    ['hot', 5],
    ['warm', 2],
  ] as const)
    for (let hit = 0; hit <= hits; hit++) await one.getOrLoad(key)
  await two.getOrLoad('no loader of its own', () => 'x')
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-warm-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = path.join(folder, 'keys.json')
  await saveKeys(file, cache.hottestKeys(2))
  t.strictSame(await savedKeys(file), [
    { namespace: 'one', key: 'hot' },
    { namespace: 'one', key: 'warm' },
  ])
  writeFileSync(file, '{"version":1,"keys":[{"namespace":"one","key":"a"},{"key":5},null]}')
  t.strictSame(await savedKeys(file), [{ namespace: 'one', key: 'a' }], 'what isn’t a key is passed over')
  writeFileSync(file, 'not JSON')
  t.strictSame(await savedKeys(file), [])
  t.strictSame(await savedKeys(path.join(folder, 'not there')), [])
})

await t.test('keys are loaded few at a time, and what fails or is gone is passed over', async t => {
  const cache = createCache()
  let under = 0
  let most = 0
  const one = cache.namespace<string>('one', {
    load: async ({ key }) => {
      most = Math.max(most, ++under)
      await new Promise(setImmediate)
      under--
      if (key === 'bad') throw new Error('gone')
      return key
    },
  })
  const keys = ['a', 'bad', 'b', 'c', 'd'].map(key => ({ namespace: 'one', key }))
  const result = await cache.warm([...keys, { namespace: 'removed', key: 'x' }], { maxUtilisation: 1 })
  t.strictSame(result, { loaded: 4, failed: 1, skipped: 1 })
  t.equal(most, 2)
  t.equal(one.peek('d'), 'd')
})

await t.test('it waits while the event loop is busy, and ends in time', async t => {
  const cache = createCache()
  const one = cache.namespace<string>('one', { load: ({ key }) => key })
  const keys = ['a', 'b', 'c'].map(key => ({ namespace: 'one', key }))
  const busy = [0.9, 0.9, 0.2, 0.6, 0.1]
  let pauses = 0
  let nowMs = 0
  const paced: WarmTools = {
    clock: { now: () => nowMs },
    utilisation: () => busy.shift() ?? 0.99,
    pause: ms => {
      pauses++
      nowMs += ms
      return Promise.resolve()
    },
  }
  const result = await warm([one as never], keys, { concurrency: 1, timeoutMs: 1_000 }, paced)
  t.strictSame(result, { loaded: 2, failed: 0, skipped: 1 })
  t.equal(pauses, 10, 'three, and seven until time was up')
  const stopped = await warm([one as never], keys, { signal: AbortSignal.abort() }, tools)
  t.strictSame(stopped, { loaded: 0, failed: 0, skipped: 3 })
})
