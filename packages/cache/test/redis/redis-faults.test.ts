// What the tier does when its server is gone, hangs, is empty, full or won't have us: it misses, says why, and comes back by itself.
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { leakCheck, rawServer, requireProgram, until, type TestScope } from '@plimsoll/testing'
import { openRedis, RedisTier, type RedisConnection, type RedisOptions } from '../../src/redis/index.ts'
import { connectedRedis, startRedisServer, untilState } from './fixture/redis-server.ts'
import { bulk, scriptedRedis } from './fixture/scripted-redis.ts'

const LONG_MS = 600_000

leakCheck(t)

await t.test('starts without a server and is there when the server is', async t => {
  const file = requireProgram(t, 'redis-server')
  if (file === undefined) return
  const server = await startRedisServer(t, file)
  await server.kill()
  const redis = await connectedRedis(t, server)
  const tier = new RedisTier(redis)
  t.match(tier.state(), { state: 'degraded', reason: /isn't connected: .*(ENOENT|ECONNREFUSED)/ })
  t.same(await tier.getMany('n', ['k']), [undefined])
  await tier.setMany('n', [entry('k')])
  await tier.clear()
  await server.start()
  await untilState(redis, 'on')
  await tier.setMany('n', [entry('k')])
  t.ok((await tier.getMany('n', ['k']))[0])
})

await t.test('misses while the server is dead, also what was asked when it died', async t => {
  const file = requireProgram(t, 'redis-server')
  if (file === undefined) return
  const server = await startRedisServer(t, file)
  const redis = await connectedRedis(t, server)
  const tier = new RedisTier(redis)
  await tier.setMany('n', [entry('k')])
  server.signal('SIGSTOP')
  const asked = tier.getMany('n', ['k'])
  await nextTurn()
  await server.kill()
  t.same(await asked, [undefined])
  await untilState(redis, 'degraded')
  t.same(await tier.getMany('n', ['k']), [undefined])
  await server.start()
  await untilState(redis, 'on')
  t.same(await tier.getMany('n', ['k']), [undefined], 'nothing was saved')
  await tier.setMany('n', [entry('k')])
  t.ok((await tier.getMany('n', ['k']))[0])
})

await t.test('a server that hangs costs one time-out, and late answers are nobody else’s', async t => {
  const file = requireProgram(t, 'redis-server')
  if (file === undefined) return
  const server = await startRedisServer(t, file)
  const redis = await connectedRedis(t, server, { timeoutMs: 50, probeEveryMs: 20 })
  const tier = new RedisTier(redis)
  const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)
  await until(
    async () => {
      await tier.setMany(
        'n',
        keys.map(key => entry(key, key)),
      )
      return (await tier.getMany('n', keys)).every(Boolean)
    },
    { what: 'the values to be kept' },
  )
  server.signal('SIGSTOP')
  const asked = keys.slice(0, 10).map(async key => {
    const found = await tier.getMany('n', [key])
    await nextTurn()
    return found
  })
  for (const found of await Promise.all(asked)) t.same(found, [undefined])
  t.match(tier.state(), { state: 'degraded', reason: /didn't answer within 50 ms/ })
  server.signal('SIGCONT')
  await untilState(redis, 'on')
  for (const key of keys) {
    const [found] = await tier.getMany('n', [key])
    // A busy machine may take longer than 50 ms: a miss is allowed, another key's value never.
    t.ok(found === undefined || String(Buffer.from(found.bytes)) === key, `${key} is itself`)
  }
})

await t.test('matches late answers with what asked for them', async t => {
  const redis = await scriptedRedis(t)
  const connection = await connected(t, { port: redis.server.port, timeoutMs: 200, probeEveryMs: 10 })
  const tier = new RedisTier(connection)
  t.same(await tier.getMany('n', ['first']), [undefined], 'not answered in time')
  const first = await redis.next('EVALSHA')
  const probe = await redis.next('PING')
  t.equal(tier.state().state, 'degraded')
  first.answer(found('the first value'))
  probe.answer('+PONG\r\n')
  await untilState(connection, 'on')
  const asked = tier.getMany('n', ['second'])
  const second = await redis.next('EVALSHA')
  second.answer(found('the second value'))
  const [one] = await asked
  t.ok(one === undefined || String(Buffer.from(one.bytes)) === 'the second value')
  t.equal(redis.connections, 1, 'on the same connection')
})

await t.test('opens the circuit after so many time-outs in a row, and closes it when a probe is answered', async t => {
  const redis = await scriptedRedis(t)
  const connection = await connected(t, { port: redis.server.port, timeoutMs: 10, timeoutsToOpen: 3, probeEveryMs: 20 })
  const tier = new RedisTier(connection)
  for (let i = 1; i <= 3; i++) {
    t.equal(tier.state().state, 'on', `after ${i - 1} time-outs`)
    t.same(await tier.getMany('n', ['k']), [undefined])
  }
  t.equal(tier.state().state, 'degraded')
  await until(() => redis.seen.includes('PING'), { what: 'a probe' })
  for (let i = 0; i < 1000; i++) {
    t.same(await tier.getMany('n', ['k']), [undefined])
    await tier.setMany('n', [entry('k')])
  }
  t.equal(redis.seen.filter(name => name !== 'PING').length, 3, 'no request was sent while it was open')
  t.equal(tier.state().state, 'degraded')
  redis.answerPing = true
  // The answers to the 3 reads and to the probes so far come before any other.
  for (const { command, peer } of redis.waiting.splice(0)) {
    void peer.write(command[0] === 'PING' ? '+PONG\r\n' : '*2\r\n_\r\n:-2\r\n')
  }
  await untilState(connection, 'on')
})

await t.test(
  'without a circuit every call is tried, and a connection that answers none of them is replaced',
  async t => {
    const redis = await scriptedRedis(t)
    const connection = await connected(t, {
      port: redis.server.port,
      timeoutMs: 10,
      probeEveryMs: 10,
      silentMaxMs: 100,
      reconnectMaxMs: 100,
      circuitBreaker: false,
    })
    const tier = new RedisTier(connection)
    for (let i = 0; i < 3; i++) t.same(await tier.getMany('n', ['k']), [undefined])
    t.equal(redis.seen.filter(name => name === 'EVALSHA').length, 3, 'each was sent')
    t.equal(tier.state().state, 'on')
    await until(
      async () => {
        await tier.getMany('n', ['k'])
        return redis.connections === 2
      },
      { what: 'another connection' },
    )
    t.notOk(redis.seen.includes('PING'), 'nobody probes')
  },
)

await t.test('counts time-outs in a row: an answer in between begins anew', async t => {
  const redis = await scriptedRedis(t)
  const connection = await connected(t, { port: redis.server.port, timeoutMs: 150, timeoutsToOpen: 2 })
  const tier = new RedisTier(connection)
  for (let i = 0; i < 3; i++) {
    t.same(await tier.getMany('n', ['slow']), [undefined])
    const slow = await redis.next('EVALSHA')
    t.equal(tier.state().state, 'on')
    const asked = tier.getMany('n', ['quick'])
    const quick = await redis.next('EVALSHA')
    slow.answer(found('slow'))
    quick.answer(found('quick'))
    const [one] = await asked
    t.equal(one && String(Buffer.from(one.bytes)), 'quick')
  }
})

await t.test('doesn’t take its own busy moments for the server’s', async t => {
  const file = requireProgram(t, 'redis-server')
  if (file === undefined) return
  const server = await startRedisServer(t, file)
  const redis = await connectedRedis(t, server)
  await new RedisTier(redis).setMany('n', [entry('k')])
  const strict = await connectedRedis(t, server, { timeoutMs: 30 })
  const tier = new RedisTier(strict)
  const asked = tier.getMany('n', ['k'])
  // The read is asked for in the first turn and written in the second.
  await nextTurn()
  await nextTurn()
  // Blocks this process for far longer than the time-out, while the server answers.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
  t.ok((await asked)[0], 'the answer was there all the time')
  t.equal(tier.state().state, 'on')
})

await t.test('replaces a connection that is silent for long', async t => {
  const redis = await scriptedRedis(t)
  const connection = await connected(t, {
    port: redis.server.port,
    timeoutMs: 10,
    probeEveryMs: 20,
    silentMaxMs: 100,
    reconnectMaxMs: 100,
  })
  await new RedisTier(connection).getMany('n', ['k'])
  await until(() => redis.connections === 2 && connection.state().state === 'on', { what: 'the second connection' })
  t.pass('it was replaced')
})

await t.test('gives up a server that accepts and says nothing', async t => {
  const silent = await rawServer(t)
  const redis = openRedis({ port: silent.port, connectTimeoutMs: 30, reconnectMaxMs: 100 })
  t.teardown(() => redis.close())
  await redis.firstAttempt
  t.match(redis.state(), { state: 'degraded', reason: /didn't let us in within 30 ms/ })
  await until(() => silent.peers.length >= 2, { what: 'another attempt' })
  for (const peer of silent.peers.slice(0, -1)) await peer.expectClosed()
})

await t.test('takes half an answer for none', async t => {
  const redis = await scriptedRedis(t)
  const tier = new RedisTier(await connected(t, { port: redis.server.port, timeoutMs: 5000 }))
  const asked = tier.getMany('n', ['k'])
  await redis.next('EVALSHA')
  const peer = await redis.server.peer(0)
  await peer.write('*2\r\n$100\r\nhalf of the val')
  peer.end()
  t.same(await asked, [undefined])
})

await t.test('leaves a server that talks nonsense', async t => {
  const redis = await scriptedRedis(t)
  const connection = await connected(t, { port: redis.server.port, timeoutMs: 5000 })
  const tier = new RedisTier(connection)
  const asked = tier.getMany('n', ['k'])
  const read = await redis.next('EVALSHA')
  read.answer('HTTP/1.1 400 Bad Request\r\n\r\n')
  t.same(await asked, [undefined])
  await until(() => redis.connections === 2, { what: 'a new connection' })
})

await t.test('goes on after the server was emptied', async t => {
  const file = requireProgram(t, 'redis-server')
  if (file === undefined) return
  const server = await startRedisServer(t, file)
  const tier = new RedisTier(await connectedRedis(t, server))
  await tier.setMany('n', [entry('k')])
  await server.ask('FLUSHALL')
  t.same(await tier.getMany('n', ['k']), [undefined])
  await tier.setMany('n', [entry('k')])
  t.ok((await tier.getMany('n', ['k']))[0])
  t.equal(tier.state().state, 'on')
})

await t.test('reads on when the server has no memory left, says so, and recovers', async t => {
  const file = requireProgram(t, 'redis-server')
  if (file === undefined) return
  const server = await startRedisServer(t, file, ['--maxmemory-policy', 'noeviction'])
  const redis = await connectedRedis(t, server)
  const tier = new RedisTier(redis)
  await tier.setMany('n', [entry('k')])
  await server.ask('CONFIG', 'SET', 'maxmemory', '1')
  await tier.setMany('n', [entry('other')])
  t.match(tier.state(), { state: 'degraded', reason: /refused: OOM/ })
  const [k, other] = await tier.getMany('n', ['k', 'other'])
  t.ok(k)
  t.equal(other, undefined)
  t.equal(redis.state().state, 'on', 'the connection itself is well')
  await server.ask('CONFIG', 'SET', 'maxmemory', '0')
  await tier.setMany('n', [entry('other')])
  t.equal(tier.state().state, 'on')
})

await t.test('leaves a server that has become a replica', async t => {
  const file = requireProgram(t, 'redis-server')
  if (file === undefined) return
  const server = await startRedisServer(t, file)
  const redis = await connectedRedis(t, server, { silentMaxMs: 100 })
  const tier = new RedisTier(redis)
  const link = redis.keeper.current
  await server.ask('REPLICAOF', '127.0.0.1', '1')
  await until(
    async () => {
      await tier.setMany('n', [entry('k')])
      return redis.keeper.current !== link
    },
    { what: 'the connection to be given up' },
  )
  await server.ask('REPLICAOF', 'NO', 'ONE')
  await until(
    async () => {
      await tier.setMany('n', [entry('k')])
      return tier.state().state === 'on' && (await tier.getMany('n', ['k']))[0]
    },
    { what: 'a connection that can write' },
  )
  t.pass('it came back')
})

await t.test('misses with a wrong password, names the reason and not the password', async t => {
  const file = requireProgram(t, 'redis-server')
  if (file === undefined) return
  const server = await startRedisServer(t, file, ['--requirepass', 'right-password'])
  const wrong = await connectedRedis(t, server, { password: 'wrong-password' })
  const tier = new RedisTier(wrong)
  t.match(tier.state(), { state: 'degraded', reason: /refused: WRONGPASS/ })
  t.notMatch(tier.state().reason, /wrong-password/)
  t.same(await tier.getMany('n', ['k']), [undefined])
  const none = await connectedRedis(t, server)
  t.match(none.state(), { state: 'degraded', reason: /refused: NOAUTH/ })
  const right = new RedisTier(await connectedRedis(t, server, { password: 'right-password', database: 3 }))
  await right.setMany('n', [entry('k')])
  t.ok((await right.getMany('n', ['k']))[0])
})

await t.test('closes in no time while the server hangs, and what was asked is a miss', async t => {
  const redis = await scriptedRedis(t)
  const connection = await connected(t, { port: redis.server.port, timeoutMs: 60_000 })
  const tier = new RedisTier(connection)
  const asked = tier.getMany('n', ['k'])
  await redis.next('EVALSHA')
  const cleared = tier.clear()
  await connection.close()
  t.same(await asked, [undefined])
  await cleared
  t.match(tier.state(), { state: 'off' })
  t.same(await tier.getMany('n', ['k']), [undefined])
  await connection.close()
})

function entry(key: string, text = 'v'): { key: string; bytes: Buffer; lifeMs: number } {
  return { key, bytes: Buffer.from(text), lifeMs: LONG_MS }
}

/** What the script of the reads answers for one key. */
function found(text: string): string {
  return `*2\r\n${bulk(text)}:${LONG_MS}\r\n`
}

async function connected(t: TestScope, options: RedisOptions): Promise<RedisConnection> {
  const redis = openRedis(options)
  t.teardown(() => redis.close())
  await redis.firstAttempt
  return redis
}
