import { requireProgram, seededRandom } from '@plimsoll/testing'
import t from 'tap'
import { startRedisServer } from '../redis/fixture/redis-server.ts'
import { makeHistory } from '../processes/fixture/history.ts'

t.setTimeout(240_000)

await t.test('for a minute, over six processes', async t => {
  const history = await makeHistory(t, {
    processes: 6,
    durationMs: 60_000,
    random: seededRandom(t),
    boundMs: 150,
    writes: 0.08,
  })
  t.strictSame(history.faults.slice(0, 5), [])
  t.comment(JSON.stringify({ ...history, faults: history.faults.length }))
  t.ok(history.calls > 2_000)
})

const redisServer = requireProgram(t, 'redis-server')
if (redisServer) {
  await t.test('for a minute, over two machines whose messages are lost', async t => {
    const redis = await startRedisServer(t, redisServer)
    const history = await makeHistory(t, {
      processes: 6,
      durationMs: 60_000,
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
    t.comment(JSON.stringify({ ...history, faults: history.faults.length }))
    t.ok(history.calls > 2_000)
  })
}
