import t from 'tap'
import { SeededRandom } from '@plimsoll/testing'
import { createPicker, createSnapshot } from '../src/index.ts'
import { countPicks, fleet, type Server } from './fleet.ts'

await t.test('everybody gets its share by weight, within what chance allows', async t => {
  const picker = createPicker<Server>('random', { random: new SeededRandom(1), clock: { now: () => 0 } })
  const servers = fleet(1, 2, 3, 4, 5, 6)
  for (const [{ id, weight }, count] of countPicks(picker, createSnapshot(servers), 21_000)) {
    t.ok(Math.abs(count - weight * 1000) < 5 * Math.sqrt(weight * 1000), `${id}: ${count}`)
  }
})

await t.test('how busy a candidate is makes no difference until it is at its limit', async t => {
  const picker = createPicker<Server>('random', { random: new SeededRandom(2), clock: { now: () => 0 } })
  const servers = fleet(1, 1)
  const [a, b] = servers as [Server, Server]
  a.activeRequests = 99
  a.maxRequests = 100
  t.ok(countPicks(picker, createSnapshot(servers), 1000).get(a)! > 400)
  a.activeRequests = 100
  t.equal(countPicks(picker, createSnapshot(servers), 1000).get(b), 1000)
})
