// What a process leaves behind that's killed or stopped: its invalidations, and its leases.
import t from 'tap'
import { until } from '@plimsoll/testing'
import { memoryFolder } from './fixture/folder.ts'
import { openMap } from './fixture/open-map.ts'
import { startPeer } from './fixture/peer.ts'

await t.test(
  'a process killed in the middle of writing costs nothing that was acknowledged, and turns nothing off',
  async t => {
    const folder = memoryFolder(t)
    const map = await openMap(t, { folder })
    for (let round = 0; round < 3; round++) {
      const peer = await startPeer(t, { folder })
      t.match(await peer.ask('settled'), { state: 'on', epoch: map.epoch })
      peer.start('invalidateForEver')
      await until(() => peer.notes.length > 50 + round * 37, { what: 'some invalidations' })
      peer.kill('SIGKILL')
      t.equal(await peer.ended, 'SIGKILL')
      const told = Number(peer.notes.at(-1))
      t.ok(map.sequence() >= told, `${map.sequence()} >= ${told}`)
      const sequence = map.sequence()
      t.equal(await map.invalidate(['tours']), sequence + 1)
      t.equal(map.changesAfter(sequence)?.length, 1)
      t.equal(map.lastChange('tsame').sequence, sequence)
    }
    t.match(map.state(), { state: 'on' })
  },
)

await t.test('the lease of a process that was killed is free at once', async t => {
  const folder = memoryFolder(t)
  const map = await openMap(t, { folder })
  const peer = await startPeer(t, { folder })
  await peer.ask('settled')
  t.equal(await peer.ask('takeLease', 'k', 600_000), true)
  t.equal(map.isLeased('k'), true)
  t.equal(await map.takeLease('k', 1000), undefined)
  peer.kill('SIGKILL')
  await peer.ended
  const lease = await until(() => map.takeLease('k', 600_000), { what: 'the lease', timeoutMs: 1000 })
  t.equal(map.isLeased('k'), true)
  await lease.release()
})

await t.test('the lease of a process that was stopped is another’s after its time, and stays that', async t => {
  const folder = memoryFolder(t)
  let aheadMs = 0
  const clock = { nowMs: () => performance.timeOrigin + performance.now() + aheadMs }
  const map = await openMap(t, { folder, clock })
  const peer = await startPeer(t, { folder })
  await peer.ask('settled')
  // The peer's clock is the machine's; this one lies far ahead of it, so it is counted from what the peer wrote.
  t.equal(await peer.ask('takeLease', 'k', 60_000), true)
  peer.kill('SIGSTOP')
  aheadMs = 120_000
  const lease = await map.takeLease('k', 1_000_000)
  t.ok(lease, 'it has expired, and its holder hangs')
  peer.kill('SIGCONT')
  await peer.ask('releaseLease', 'k')
  t.equal(map.isLeased('k'), true, 'what the other gives back isn’t its own any more')
})
