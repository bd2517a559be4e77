import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import t from 'tap'
import { createCache, openCache, type OpenCacheOptions } from '../src/index.ts'

await t.test(
  'options that are unknown, senseless or contradict each other are refused by name, and nothing is opened',
  async t => {
    const folder = path.join(tmpdir(), `plimsoll-cache-refused-${process.pid}`)
    const cases: [object, RegExp][] = [
      [{ nmae: 'x' }, /no option "nmae"/],
      [{ name: 'with space' }, /name is 1 to 40/],
      [{ machine: { folder }, alone: true }, /alone and machine/],
      [{ machine: false, disk: { folder } }, /disk, redis and log need machine/],
      [{ disk: { folder }, redis: {} }, /disk and redis/],
      [{ alone: true, redis: {} }, /need machine/],
      [{ machine: { folder }, pollMs: 0 }, /pollMs/],
      [{ alone: true, silenceMs: Number.NaN }, /silenceMs/],
    ]
    for (const [options, message] of cases)
      await t.rejects(openCache(options as OpenCacheOptions), { code: 'CACHE_ERR_OPTION', message })
    t.equal(existsSync(folder), false)
    t.throws(() => createCache({}, { silenceMs: -1 }), { code: 'CACHE_ERR_OPTION' })
  },
)

await t.test('each kind of cache is what was asked for', async t => {
  const folder = mkdtempSync(path.join(tmpdir(), 'plimsoll-cache-open-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const alone = await openCache({ alone: true })
  t.match(alone.stats(), { inTouch: true, machine: undefined, far: undefined })
  const blind = await openCache({ machine: false })
  t.match(blind.stats(), { inTouch: false, machine: undefined })
  const whole = await openCache({ machine: { folder }, disk: { folder: path.join(folder, 'disk') } })
  t.match(whole.stats(), { inTouch: true, machine: { state: 'on' }, far: { state: 'on' } })
  for (const cache of [alone, blind, whole]) await cache.close()
  await t.rejects(whole.invalidateTags(['a']), { code: 'CACHE_ERR_CLOSED' })
})
