// Leases of the cluster on a real server: one holder at a time, whatever happens to him or to Redis.
import t from 'tap'
import { leakCheck, requireProgram, until } from '@plimsoll/testing'
import { openRedis, RedisLeases } from '../../src/redis/index.ts'
import { nastyStrings } from '../../src/testing/index.ts'
import { connectedRedis, startRedisServer } from './fixture/redis-server.ts'
import { scriptedRedis } from './fixture/scripted-redis.ts'

const HOLD_MS = 60_000

const file = requireProgram(t, 'redis-server')
if (file !== undefined) await statements(file)

async function statements(file: string): Promise<void> {
  const server = await startRedisServer(t, file)
  leakCheck(t)

  await t.test('gives a lease to one of many who ask at once', async t => {
    const processes = await Promise.all(Array.from({ length: 4 }, () => connectedRedis(t, server)))
    const leases = processes.map(redis => new RedisLeases(redis))
    const taken = await Promise.all(
      leases.flatMap(one => Array.from({ length: 50 }, () => one.takeLease('k', HOLD_MS))),
    )
    t.equal(taken.filter(Boolean).length, 1)
    t.equal(await leases[0]?.isLeased('k'), true)
    t.equal(await leases[1]?.isLeased('other'), false)
  })

  await t.test('can be taken again once it was released, and only its holder releases it', async t => {
    const leases = new RedisLeases(await connectedRedis(t, server))
    const first = await leases.takeLease('a', HOLD_MS)
    await first?.release()
    t.equal(await leases.isLeased('a'), false)
    const second = await leases.takeLease('a', HOLD_MS)
    t.ok(second)
    await first?.release()
    t.equal(await first?.renew(HOLD_MS), false)
    t.equal(await leases.isLeased('a'), true, 'the second holder still has it')
    await second?.release()
    await second?.release()
    t.equal(await leases.isLeased('a'), false)
  })

  await t.test('ends by itself, and then another may have it', async t => {
    const leases = new RedisLeases(await connectedRedis(t, server))
    const first = await leases.takeLease('b', 50)
    t.equal(await leases.takeLease('b', HOLD_MS), undefined)
    const second = await until(() => leases.takeLease('b', HOLD_MS), { what: 'the lease to end' })
    t.equal(await first?.renew(HOLD_MS), false)
    t.equal(await second.renew(HOLD_MS), true)
  })

  await t.test('is put off by its holder', async t => {
    const leases = new RedisLeases(await connectedRedis(t, server))
    const lease = await leases.takeLease('c', 10_000)
    t.equal(await lease?.renew(HOLD_MS), true)
    t.ok(Number(await server.ask('PTTL', 'plimsoll:l:=c')) > 10_000)
  })

  await t.test('takes any string as a key', async t => {
    const leases = new RedisLeases(await connectedRedis(t, server))
    const taken = await Promise.all(nastyStrings().map(text => leases.takeLease(`nasty ${text}`, HOLD_MS)))
    t.ok(taken.every(Boolean), 'no two are the same')
  })

  await t.test('rejects when it can’t know, so that nobody waits for a holder who may not exist', async t => {
    const leases = new RedisLeases(await connectedRedis(t, { socketPath: `${server.socketPath}.none` }))
    await t.rejects(leases.takeLease('k', HOLD_MS), { code: 'CACHE_ERR_REMOTE', reason: 'offline' })
    await t.rejects(leases.isLeased('k'), { code: 'CACHE_ERR_REMOTE', reason: 'offline' })
  })

  await t.test('gives back a lease that was granted after it had stopped waiting', async t => {
    const redis = await scriptedRedis(t)
    const connection = openRedis({ port: redis.server.port, timeoutMs: 20, probeEveryMs: 10_000 })
    t.teardown(() => connection.close())
    await connection.firstAttempt
    const leases = new RedisLeases(connection)
    await t.rejects(leases.takeLease('k', HOLD_MS), { code: 'CACHE_ERR_REMOTE', reason: 'timeout' })
    const set = await redis.next('SET')
    const [key, token] = set.args
    set.answer('+OK\r\n')
    const release = await redis.next('EVALSHA')
    t.same(release.args.slice(-2), [key, token])
    release.answer(':1\r\n')
  })

  await t.test('a holder who loses Redis counts his lease as lost', async t => {
    const redis = await connectedRedis(t, server)
    const leases = new RedisLeases(redis)
    const lease = await leases.takeLease('d', HOLD_MS)
    await redis.close()
    t.equal(await lease?.renew(HOLD_MS), false)
    await lease?.release()
    await t.rejects(leases.takeLease('e', HOLD_MS), { code: 'CACHE_ERR_REMOTE', reason: 'closed' })
  })
}
