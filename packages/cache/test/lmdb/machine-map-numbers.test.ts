// Numbers are given once, whoever asks.
import t from 'tap'
import { memoryFolder } from './fixture/folder.ts'
import { openMap } from './fixture/open-map.ts'
import { startPeer } from './fixture/peer.ts'

await t.test('four processes that invalidate at once get numbers without a gap, each its own', async t => {
  const folder = memoryFolder(t)
  const map = await openMap(t, { folder })
  const peers = await Promise.all([1, 2, 3, 4].map(() => startPeer(t, { folder })))
  const numbers = await Promise.all(
    peers.map((peer, index) => peer.ask<number[]>('invalidateMany', 1000, `tpeer${index}`)),
  )
  t.same(
    numbers.flat().toSorted((a, b) => a - b),
    Array.from({ length: 4000 }, (_, index) => index + 1),
  )
  t.equal(map.sequence(), 4000)
  t.equal(map.lastChange('tpeer2:999').sequence, numbers[2]?.[999])
})
