// What processes see of each other's invalidations.
import t from 'tap'
import { memoryFolder } from './fixture/folder.ts'
import { openMap } from './fixture/open-map.ts'
import { startPeer } from './fixture/peer.ts'

await t.test('an acknowledged invalidation is seen by the other process at once, 3,000 times', async t => {
  const folder = memoryFolder(t)
  const map = await openMap(t, { folder })
  const peer = await startPeer(t, { folder })
  let late = 0
  for (let round = 0; round < 1500; round++) {
    const theirs = await peer.ask<number>('invalidate', ['tshared'])
    if (map.sequence() !== theirs || map.lastChange('tshared').sequence !== theirs) late++
    const ours = await map.invalidate(['tshared'])
    if ((await peer.ask<number>('sequence')) !== ours) late++
  }
  t.equal(late, 0)
  t.equal(map.sequence(), 3_000)
})
