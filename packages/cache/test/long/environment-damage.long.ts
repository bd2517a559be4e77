// Damaged files, and processes that die of them. What must not happen is that a second process dies of the same damage, or that two maps are in use at once.
import { randomBytes } from 'node:crypto'
import { readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { LmdbMachineMap } from '../../src/lmdb/lmdb-machine-map.ts'
import { MapFolder, mapFolderPath, recordCrash } from '../../src/lmdb/map-folder.ts'
import { memoryFolder } from '../lmdb/fixture/folder.ts'
import { openMap } from '../lmdb/fixture/open-map.ts'
import { startPeer } from '../lmdb/fixture/peer.ts'
import { cutInHalf, damaged, mapIn, overwriteHeader, overwritePages, usedMap } from '../lmdb/fixture/used-map.ts'

const tierIn = (folder: string) => new MapFolder(mapFolderPath(folder, 'tier-machine', 1))
const TIER = { watchMs: 20 }

const DAMAGES: { readonly [name: string]: (path: string) => void } = {
  'isn’t a map': path => writeFileSync(path, randomBytes(50_000)),
  'is empty': path => truncateSync(path, 0),
  'is shorter than a page': path => truncateSync(path, 1000),
  'was cut in half': cutInHalf,
  'has its pages overwritten': overwritePages,
  'has its header overwritten': overwriteHeader,
}

for (const [name, damage] of Object.entries(DAMAGES)) {
  await t.test(`a file that ${name} after its process was killed is replaced before anybody opens it`, async t => {
    const folder = await usedMap(t, 'killed')
    damage(mapIn(folder).dataPath)
    const map = new LmdbMachineMap({ folder })
    t.teardown(() => map.close())
    t.match(map.state(), { state: 'degraded', reason: /checked/ })
    t.equal(map.sequence(), -1)
    t.equal(map.changesAfter(0), undefined)
    t.equal(map.lastChange('tx').sequence, Number.POSITIVE_INFINITY)
    t.equal(await map.takeLease('k', 100), undefined)
    await map.settled()
    t.match(map.state(), { state: 'on' })
    t.equal(map.sequence(), 0)
    t.equal(await map.invalidate(['ta']), 1)
    t.equal(damaged(mapIn(folder)).length, 1)
  })
}

for (const name of ['isn’t a map', 'is empty', 'was cut in half', 'has its header overwritten']) {
  await t.test(`a file that ${name} though it was closed properly is found out by its header`, async t => {
    const folder = await usedMap(t, 'closed')
    DAMAGES[name]?.(mapIn(folder).dataPath)
    const map = await openMap(t, { folder })
    t.equal(await map.invalidate(['ta']), 1)
    t.equal(damaged(mapIn(folder)).length, 1)
  })
}

await t.test('pages overwritten behind a proper close may cost one process, and no second one', async t => {
  const folder = await usedMap(t, 'closed')
  overwritePages(mapIn(folder).dataPath)
  const first = await startPeer(t, { folder })
  await Promise.race([first.ask('invalidateMany', 10, 'ta').catch(() => {}), first.ended])
  first.kill('SIGKILL')
  await first.ended
  const second = await startPeer(t, { folder })
  t.same(await second.ask('settled').then(found => (found as { state: string }).state), 'on')
  const [one = 0, ...others] = await second.ask<number[]>('invalidateMany', 3, 'ta')
  t.ok(one > 0, 'the first one may have replaced it, and used the fresh one')
  t.same(others, [one + 1, one + 2])
})

await t.test(
  'a process dies of a file that’s cut while it reads, and the next one goes on with a fresh map',
  async t => {
    const folder = memoryFolder(t)
    const first = await startPeer(t, { folder, tier: TIER })
    for (let key = 0; key < 20; key++) {
      t.equal(await first.ask('set', 'n', `k${key}`, new Uint8Array(10_000).fill(key), 60_000), true)
    }
    first.start('readForEver', 20)
    truncateSync(tierIn(folder).dataPath, 3 * 4096)
    t.match(await first.ended, /^SIG(BUS|SEGV)$/)
    t.equal(recordCrash(folder, 'SIGBUS'), false, 'once isn’t often')
    const second = await startPeer(t, { folder, tier: TIER })
    t.match(await second.ask('settled'), { state: 'on' })
    t.equal(await second.ask('get', 'n', 'k1'), undefined)
    t.equal(await second.ask('set', 'n', 'k1', new Uint8Array([1]), 60_000), true)
    t.same(await second.ask('get', 'n', 'k1'), new Uint8Array([1]))
    t.equal(damaged(tierIn(folder)).length, 1)
  },
)

await t.test('a check that hangs counts as damage', async t => {
  const folder = await usedMap(t, 'killed')
  const map = new LmdbMachineMap({ folder, checkTimeoutMs: 1 })
  t.teardown(() => map.close())
  await map.settled()
  t.match(map.state(), { state: 'on' })
  t.equal(map.sequence(), 0)
  t.same(damaged(mapIn(folder)).length, 1)
  t.ok(readdirSync(join(folder, 'machine-v1', 'users')).length === 1)
})
