// Two machines, as two folders of shared memory, with one Redis between them.
import { mkdtempSync, rmSync } from 'node:fs'
import path from 'node:path'
import { requireProgram, until } from '@plimsoll/testing'
import t, { type Test } from 'tap'
import { type Cache, defaultMachineFolder, openCache } from '../../src/index.ts'
import { startRedisServer } from '../redis/fixture/redis-server.ts'

const SILENCE_MS = 400

async function machine(t: Test, socketPath: string): Promise<Cache> {
  const folder = mkdtempSync(path.join(path.dirname(defaultMachineFolder('x')), 'plimsoll-cache-test-'))
  const cache = await openCache({
    machine: { folder },
    // The time-out is long: on a busy machine a late answer would be a miss, or a load without a lease.
    redis: { socketPath, reconnectMaxMs: 100, probeEveryMs: 50, timeoutMs: 2_000 },
    pollMs: 50,
    silenceMs: SILENCE_MS,
  })
  t.teardown(async () => {
    await cache.close()
    rmSync(folder, { recursive: true, force: true })
  })
  await until(() => cache.stats().inTouch, { what: 'the log to be heard' })
  return cache
}

/** A value that a database would have, and who reads it. */
class Truth {
  value = 'old'
  reads = 0
  readonly load = () => {
    this.reads++
    return this.value
  }
}

const redisServer = requireProgram(t, 'redis-server')
if (redisServer) {
  await t.test('what one machine has loaded the other finds in Redis, and an invalidation reaches both', async t => {
    const redis = await startRedisServer(t, redisServer)
    const [one, two] = [await machine(t, redis.socketPath), await machine(t, redis.socketPath)]
    const options = { kind: 'strict', far: { ttlMs: 60_000 } } as const
    const here = one.namespace<string>('rows', options)
    const there = two.namespace<string>('rows', options)
    const truth = new Truth()
    await here.getOrLoad('a', truth.load, { tags: ['row:a'] })
    await until(async () => (await redis.calls('set')) > 0, { what: 'the value in Redis' })
    t.equal(await there.getOrLoad('a', truth.load), 'old')
    t.equal(truth.reads, 1)
    t.match(two.stats().namespaces['rows'], { hits: { far: 1 } })
    for (const [from, by] of [
      [one, (cache: Cache) => cache.invalidateTags(['row:a'])],
      [two, () => there.delete('a')],
      [one, () => here.invalidatePrefix('')],
      [two, (cache: Cache) => cache.clear()],
    ] as const) {
      const next = `value ${truth.reads}`
      truth.value = next
      await by(from)
      t.equal(await (from === one ? here : there).getOrLoad('a', truth.load, { tags: ['row:a'] }), next, 'at once here')
      const other = from === one ? there : here
      await until(async () => (await other.getOrLoad('a', truth.load, { tags: ['row:a'] })) === next, {
        what: 'it there',
      })
    }
  })

  await t.test(
    'out of touch with the log strict namespaces load, bounded ones keep their bound, and both catch up',
    async t => {
      const redis = await startRedisServer(t, redisServer)
      const [one, two] = [await machine(t, redis.socketPath), await machine(t, redis.socketPath)]
      const strict = two.namespace<string>('strict', { kind: 'strict' })
      const bounded = two.namespace<string>('bounded', { boundMs: 60_000 })
      const lenient = two.namespace<string>('lenient', { boundMs: 10, staleIfErrorMs: 60_000 })
      const truth = new Truth()
      for (const namespace of [strict, bounded, lenient]) await namespace.getOrLoad('a', truth.load, { tags: ['a'] })
      await redis.kill()
      await until(() => !two.stats().inTouch, { what: 'silence to be noticed' })
      const { reads } = truth
      for (let call = 1; call <= 3; call++) {
        await strict.getOrLoad('a', truth.load, { tags: ['a'] })
        t.equal(truth.reads, reads + call, 'a strict namespace loads each time')
      }
      await bounded.getOrLoad('a', truth.load)
      t.equal(truth.reads, reads + 3, 'a bounded one serves what it loaded within its bound')
      const fail = () => Promise.reject(new Error('down'))
      t.equal(await lenient.getOrLoad('a', fail), 'old', 'what can’t be verified is served for an error, where allowed')
      await t.rejects(strict.getOrLoad('a', fail), { message: 'down' })
      t.equal(await lenient.getOrLoad('a', truth.load, { tags: ['a'] }), 'old')
      t.equal(truth.reads, reads + 4, 'and loaded when that’s possible')
      await t.rejects(
        one.invalidateTags(['a']),
        { code: 'CACHE_ERR_NOT_SPREAD' },
        'nothing is acknowledged that can’t be told',
      )
      await redis.start()
      await until(() => one.stats().inTouch && two.stats().inTouch, { what: 'both to hear the log again' })
      truth.value = 'new'
      await one.invalidateTags(['a'])
      for (const namespace of [strict, bounded, lenient])
        await until(async () => (await namespace.getOrLoad('a', truth.load, { tags: ['a'] })) === 'new', {
          what: 'the new value',
        })
    },
  )

  await t.test('when Redis has lost its log, everything that was kept is loaded again', async t => {
    const redis = await startRedisServer(t, redisServer)
    const [one, two] = [await machine(t, redis.socketPath), await machine(t, redis.socketPath)]
    const there = two.namespace<string>('rows', { boundMs: 10 })
    const truth = new Truth()
    await there.getOrLoad('a', truth.load, { tags: ['a'] })
    // The other machine's invalidation is lost with the log.
    truth.value = 'new'
    await one.invalidateTags(['a'])
    await redis.ask('FLUSHALL')
    await until(async () => (await there.getOrLoad('a', truth.load, { tags: ['a'] })) === 'new', {
      what: 'the new value',
    })
  })

  await t.test('one load for all machines, where it’s asked for', async t => {
    const redis = await startRedisServer(t, redisServer)
    const [one, two] = [await machine(t, redis.socketPath), await machine(t, redis.socketPath)]
    let loads = 0
    const slow = async () => {
      loads++
      await new Promise(resolve => setTimeout(resolve, 40))
      return 'value'
    }
    const namespaces = [one, two].map(cache => cache.namespace<string>('rows', { singleFlight: 'cluster' }))
    const values = await Promise.all(
      namespaces.flatMap(rows => Array.from({ length: 20 }, () => rows.getOrLoad('a', slow))),
    )
    t.strictSame(new Set(values), new Set(['value']))
    t.equal(loads, 1)
  })
}
