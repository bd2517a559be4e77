// Maps that are turned off or moved aside while processes have them open. What must not happen is that two maps are in use at once.
import t from 'tap'
import { until } from '@plimsoll/testing'
import { LmdbMachineMap } from '../../src/lmdb/lmdb-machine-map.ts'
import { clearCrashes, recordCrash } from '../../src/lmdb/map-folder.ts'
import { memoryFolder } from '../lmdb/fixture/folder.ts'
import { openMap } from '../lmdb/fixture/open-map.ts'
import { startPeer } from '../lmdb/fixture/peer.ts'
import { damaged, mapIn, overwritePages, usedMap } from '../lmdb/fixture/used-map.ts'

await t.test(
  'two crashes within a minute turn it off, for those that have it open too, until the supervisor starts anew',
  async t => {
    const folder = memoryFolder(t)
    const map = await openMap(t, { folder, watchMs: 10 })
    const { epoch } = map
    t.equal(recordCrash(folder, 'SIGKILL', 1000), false)
    t.equal(recordCrash(folder, 'SIGTERM', 1000), false)
    t.equal(recordCrash(folder, 'SIGSEGV', 1000), false)
    t.equal(recordCrash(folder, 'SIGBUS', 61_001), false, 'the first one is too long ago')
    t.equal(recordCrash(folder, 'SIGABRT', 121_000), true)
    await until(() => map.state().state === 'off', { what: 'the map to be off' })
    t.match(map.state().reason, /2 processes died within 60 s, the last one of SIGABRT/)
    t.equal(map.sequence(), -1)
    t.equal(await map.invalidate(['ta']), -1, 'nobody has it open, so nobody serves from it')
    const later = new LmdbMachineMap({ folder })
    t.teardown(() => later.close())
    t.equal(later.state().state, 'off')
    clearCrashes(folder)
    const anew = await openMap(t, { folder })
    t.not(anew.epoch, epoch)
    t.equal(await anew.invalidate(['ta']), 1)
  },
)

await t.test('of several processes that start at once one checks, and all have the same map', async t => {
  for (const damage of [undefined, overwritePages]) {
    const folder = await usedMap(t, 'killed')
    damage?.(mapIn(folder).dataPath)
    const peers = await Promise.all([1, 2, 3, 4].map(() => startPeer(t, { folder })))
    const states = await Promise.all(peers.map(peer => peer.ask<{ epoch: string }>('settled')))
    t.same(
      states,
      states.map(() => ({ state: 'on', epoch: states[0]?.epoch })),
    )
    const numbers = await Promise.all(peers.map(peer => peer.ask<number[]>('invalidateMany', 50, 'ta')))
    t.equal(new Set(numbers.flat()).size, 200)
    t.equal(damaged(mapIn(folder)).length, damage ? 1 : 0)
  }
})

await t.test('a map that’s moved aside is left by everybody before a fresh one is made', async t => {
  const folder = memoryFolder(t)
  const map = await openMap(t, { folder, watchMs: 10 })
  const peer = await startPeer(t, { folder, watchMs: 10 })
  const { epoch } = map
  await map.invalidate(['ta'])
  t.match(await peer.ask('settled'), { state: 'on', epoch })
  peer.kill('SIGSTOP')
  mapIn(folder).moveAside(0)
  await until(() => /1 processes still use a map/.test(map.state().reason ?? ''), { what: 'this process to have left' })
  t.equal(map.sequence(), -1)
  let told = false
  const invalidated = map.invalidate(['tb']).then(number => {
    told = true
    return number
  })
  const newcomer = new LmdbMachineMap({ folder, watchMs: 10 })
  t.teardown(() => newcomer.close())
  t.equal(newcomer.state().state, 'degraded')
  t.equal(told, false, 'the stopped process could still serve what it’s about')
  peer.kill('SIGCONT')
  // Without a map to write it into, in the moment in which nobody had one open, it's -1.
  t.ok([1, -1].includes(await invalidated))
  await newcomer.settled()
  await peer.ask('settled')
  const theirs = await until(
    async () => {
      const found = await peer.ask<{ state: string; epoch: string }>('settled')
      return found.state === 'on' && found.epoch !== epoch ? found : undefined
    },
    { what: 'the peer to have the fresh map' },
  )
  t.equal(theirs.epoch, map.epoch)
  t.equal(newcomer.epoch, map.epoch)
  t.equal(map.sequence(), -1, 'told once, so that nobody goes on from the old numbers')
  t.ok(map.sequence() >= 0)
})

await t.test('an invalidation that can’t reach those who have the map open says so in the end', async t => {
  const folder = memoryFolder(t)
  const peer = await startPeer(t, { folder })
  await peer.ask('settled')
  peer.kill('SIGSTOP')
  mapIn(folder).moveAside(0)
  const map = new LmdbMachineMap({ folder, waitMs: 50 })
  t.teardown(() => map.close())
  await t.rejects(map.invalidate(['ta']), { code: 'CACHE_ERR_NOT_SPREAD' })
})
