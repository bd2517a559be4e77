// A tier that several processes use: what one has written the others see, whole, also when its writer is killed.
import t from 'tap'
import { LmdbTier } from '../../src/lmdb/lmdb-tier.ts'
import { memoryFolder } from './fixture/folder.ts'
import { startPeer } from './fixture/peer.ts'

const TIER = { watchMs: 20 }

await t.test('what was set or deleted is seen by the other process as soon as it’s acknowledged', async t => {
  const folder = memoryFolder(t)
  const tier = new LmdbTier({ folder, ...TIER })
  t.teardown(() => tier.close())
  const peer = await startPeer(t, { folder, tier: TIER })
  await peer.ask('settled')
  let late = 0
  for (let round = 0; round < 500; round++) {
    await peer.ask('set', 'n', 'k', Buffer.from(`theirs ${round}`), 60_000)
    if (Buffer.from(tier.get('n', 'k')?.bytes ?? []).toString() !== `theirs ${round}`) late++
    await tier.delete('n', 'k')
    if ((await peer.ask('get', 'n', 'k')) !== undefined) late++
  }
  t.equal(late, 0)
})

await t.test('values are whole while others write them, and after they were killed', async t => {
  const folder = memoryFolder(t)
  const tier = new LmdbTier({ folder, ...TIER })
  t.teardown(() => tier.close())
  for (let round = 0; round < 2; round++) {
    const writers = await Promise.all([1, 2].map(() => startPeer(t, { folder, tier: TIER })))
    for (const writer of writers) {
      await writer.ask('settled')
      writer.start('setForEver')
    }
    let read = 0
    let torn = 0
    while (read < 500) {
      for (let key = 0; key < 20; key++) {
        const bytes = tier.get('n', `k${key}`)?.bytes
        if (bytes === undefined) continue
        read++
        if (!Buffer.alloc(bytes.length, bytes[0] ?? 0).equals(bytes)) torn++
      }
      await new Promise(setImmediate)
    }
    t.equal(torn, 0)
    for (const writer of writers) writer.kill('SIGKILL')
    await Promise.all(writers.map(writer => writer.ended))
    t.equal(await tier.set('n', 'ours', Buffer.from('x'), 60_000), true)
    t.ok(tier.get('n', 'ours'))
    t.equal(tier.state().entries, 21)
    t.equal(tier.state().state, 'on')
  }
})
