import { requireProgram, seededRandom } from '@plimsoll/testing'
import t from 'tap'
import { startRedisServer } from '../redis/fixture/redis-server.ts'
import { makeHistory } from './fixture/history.ts'

await t.test('no process serves what another has invalidated, whoever is killed or frozen meanwhile', async t => {
  const history = await makeHistory(t, {
    processes: 4,
    durationMs: 3_000,
    random: seededRandom(t),
    boundMs: 150,
    writes: 0.08,
  })
  t.strictSame(history.faults.slice(0, 5), [])
  t.ok(history.calls > 100, `${history.calls} calls`)
  t.ok(history.writes > 5, `${history.writes} writes`)
  t.ok(history.kills + history.freezes >= 1, `${history.kills} kills, ${history.freezes} freezes`)
  t.ok(history.reads < history.calls, `${history.reads} reads of the database`)
  t.comment(JSON.stringify({ ...history, faults: history.faults.length }))
})

const redisServer = requireProgram(t, 'redis-server')
if (redisServer) {
  await t.test(
    'nor on another machine, beyond the silence that is allowed, when messages are lost as well',
    async t => {
      const redis = await startRedisServer(t, redisServer)
      const history = await makeHistory(t, {
        processes: 4,
        durationMs: 3_000,
        random: seededRandom(t),
        boundMs: 100,
        writes: 0.015,
        machines: {
          redisPath: redis.socketPath,
          silenceMs: 300,
          loseMessages: async () => void (await redis.ask('CLIENT', 'KILL', 'TYPE', 'pubsub')),
        },
      })
      t.strictSame(history.faults.slice(0, 5), [])
      t.ok(history.calls > 100, `${history.calls} calls`)
      t.ok(history.writes > 5, `${history.writes} writes`)
      t.comment(JSON.stringify({ ...history, faults: history.faults.length }))
    },
  )
}
