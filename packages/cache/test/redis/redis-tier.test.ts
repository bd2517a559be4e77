// The tier on a real server that works: the contract, sizes, keys, and how few commands it takes. What happens when the server doesn't: redis-faults.test.ts.
import fc from 'fast-check'
import t from 'tap'
import { leakCheck, requireProgram } from '@plimsoll/testing'
import { RedisTier } from '../../src/redis/index.ts'
import { remoteTierContract } from '../../src/testing/index.ts'
import { connectedRedis, startRedisServer } from './fixture/redis-server.ts'

const LONG_MS = 600_000

const file = requireProgram(t, 'redis-server')
if (file !== undefined) await statements(file)

async function statements(file: string): Promise<void> {
  const server = await startRedisServer(t, file)
  leakCheck(t)

  await t.test('keeps the contract of a remote tier', async t => {
    await remoteTierContract(t, async () => {
      await server.ask('FLUSHALL')
      return new RedisTier(await connectedRedis(t, server))
    })
  })

  await t.test('joins the reads of one turn: 1,000 callers cost a few commands', async t => {
    await server.ask('FLUSHALL')
    const tier = new RedisTier(await connectedRedis(t, server))
    const keys = Array.from({ length: 1000 }, (_, i) => `k${i}`)
    await tier.setMany(
      'n',
      keys.map(key => ({ key, bytes: Buffer.from(key), lifeMs: LONG_MS })),
    )
    const before = (await server.calls('evalsha')) + (await server.calls('eval'))
    const found = await Promise.all(keys.map(key => tier.getMany('n', [key])))
    t.same(
      found.map(([one]) => one && String(Buffer.from(one.bytes))),
      keys,
    )
    const after = (await server.calls('evalsha')) + (await server.calls('eval'))
    // Two commands of 500 keys; twice as many when the server didn't know the script yet.
    t.ok(after - before <= 4, `${after - before} commands`)
  })

  await t.test('goes on when the server has forgotten its scripts', async t => {
    const tier = new RedisTier(await connectedRedis(t, server))
    await tier.setMany('n', [{ key: 'k', bytes: Buffer.from('v'), lifeMs: LONG_MS }])
    for (let i = 0; i < 2; i++) {
      await server.ask('SCRIPT', 'FLUSH')
      const [found] = await tier.getMany('n', ['k'])
      t.equal(found && String(Buffer.from(found.bytes)), 'v')
    }
  })

  await t.test('keeps values of 0 bytes and of 50 MB', async t => {
    const redis = await connectedRedis(t, server, { timeoutMs: 30_000 })
    const tier = new RedisTier(redis, { maxValueBytes: 64 * 1_048_576 })
    const large = Buffer.alloc(50_000_000)
    for (let i = 0; i < large.length; i += 1000) large.writeUInt32LE(i, i)
    await tier.setMany('n', [
      { key: 'empty', bytes: new Uint8Array(0), lifeMs: LONG_MS },
      { key: 'large', bytes: large, lifeMs: LONG_MS },
      { key: 'small', bytes: Buffer.from('small'), lifeMs: LONG_MS },
    ])
    const [empty, found, small] = await tier.getMany('n', ['empty', 'large', 'small'])
    t.equal(empty?.bytes.byteLength, 0)
    t.ok(found && large.equals(found.bytes), 'byte for byte')
    t.equal(small && String(Buffer.from(small.bytes)), 'small')
    await tier.clear()
  })

  await t.test("doesn't keep a value over its limit, nor the one before it", async t => {
    const tier = new RedisTier(await connectedRedis(t, server), { maxValueBytes: 10 })
    await tier.setMany('n', [
      { key: 'k', bytes: Buffer.alloc(10), lifeMs: LONG_MS },
      { key: 'other', bytes: Buffer.alloc(10), lifeMs: LONG_MS },
    ])
    await tier.setMany('n', [{ key: 'k', bytes: Buffer.alloc(11), lifeMs: LONG_MS }])
    const [found, other] = await tier.getMany('n', ['k', 'other'])
    t.equal(found, undefined)
    t.ok(other)
  })

  await t.test('tells any two strings apart, as keys and as namespaces', async t => {
    const tier = new RedisTier(await connectedRedis(t, server))
    // UTF-16 units as they come, so lone surrogates are common, and some strings are longer than a key may be as it stands.
    const unit = fc.oneof(fc.constantFrom(0, 0xd8_00, 0xdf_ff, 0xff_fd, 0x3a), fc.integer({ min: 0, max: 0xff_ff }))
    const name = fc
      .tuple(fc.array(unit, { maxLength: 8 }), fc.constantFrom(0, 0, 0, 170, 600))
      .map(([units, more]) => String.fromCharCode(...units) + 'x'.repeat(more))
    const namespace = name.map(text => text.replaceAll('\0', ''))
    const pair = fc.tuple(namespace, name)
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(pair, { selector: both => both.join('\0'), maxLength: 30 }), async pairs => {
        for (const [i, [namespace, key]] of pairs.entries()) {
          await tier.setMany(namespace, [{ key, bytes: Buffer.from(String(i)), lifeMs: LONG_MS }])
        }
        const found = await Promise.all(pairs.map(([namespace, key]) => tier.getMany(namespace, [key])))
        for (const [i, [one]] of found.entries()) {
          if (String(Buffer.from(one?.bytes ?? [])) !== String(i)) {
            throw new Error(`${JSON.stringify(pairs[i])} isn't what was set`)
          }
        }
      }),
      { numRuns: 40 },
    )
    t.pass('no two were the same')
  })

  await t.test('shares a server with others: prefixes keep them apart, and only its own keys are cleared', async t => {
    await server.ask('FLUSHALL')
    const one = new RedisTier(await connectedRedis(t, server, { keyPrefix: 'one:' }))
    const other = new RedisTier(await connectedRedis(t, server, { keyPrefix: 'on*:' }))
    await server.ask('SET', 'somebody', 'else')
    for (const [tier, text] of [
      [one, 'one'],
      [other, 'other'],
    ] as const) {
      await tier.setMany('n', [{ key: 'k', bytes: Buffer.from(text), lifeMs: LONG_MS }])
    }
    await other.clear()
    const [found] = await one.getMany('n', ['k'])
    t.equal(found && String(Buffer.from(found.bytes)), 'one')
    t.same(await other.getMany('n', ['k']), [undefined])
    t.equal(await server.ask('GET', 'somebody'), 'else')
  })

  await t.test('takes a key that somebody else has changed for missing', async t => {
    await server.ask('FLUSHALL')
    const redis = await connectedRedis(t, server)
    const tier = new RedisTier(redis)
    await server.ask('LPUSH', redis.keys.entry('n', 'list'), 'a')
    await server.ask('SET', redis.keys.entry('n', 'for ever'), 'a')
    await tier.setMany('n', [{ key: 'k', bytes: Buffer.from('v'), lifeMs: LONG_MS }])
    const [list, forEver, found] = await tier.getMany('n', ['list', 'for ever', 'k'])
    t.equal(list, undefined)
    t.equal(forEver, undefined)
    t.equal(found && String(Buffer.from(found.bytes)), 'v')
    t.equal(tier.state().state, 'on')
  })

  await t.test('takes from a life the time that the answer took', async t => {
    let nowMs = 0
    // Each look at the clock is 400 ms after the one before; a read looks at least three times.
    const clock = { now: () => (nowMs += 400) }
    const slow = new RedisTier(await connectedRedis(t, server, {}, { clock }))
    await slow.setMany('n', [
      { key: 'long', bytes: Buffer.from('v'), lifeMs: 100_000 },
      { key: 'short', bytes: Buffer.from('v'), lifeMs: 600 },
    ])
    const [long, short] = await slow.getMany('n', ['long', 'short'])
    t.ok(long && long.leftMs <= 99_200, `${long?.leftMs} ms`)
    t.equal(short, undefined, 'its life ended on the way')
  })
}
