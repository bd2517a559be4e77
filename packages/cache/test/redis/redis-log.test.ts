// The log on a real server: the contract, and what each way of losing entries looks like to a reader.
import t from 'tap'
import { leakCheck, requireProgram, until } from '@plimsoll/testing'
import { RedisLog, type RedisLogOptions } from '../../src/redis/index.ts'
import { invalidationLogContract } from '../../src/testing/index.ts'
import { connectedRedis, startRedisServer, untilState } from './fixture/redis-server.ts'

const PATIENT = { timeoutMs: 5000 } as const

const file = requireProgram(t, 'redis-server')
if (file !== undefined) await statements(file)

async function statements(file: string): Promise<void> {
  const server = await startRedisServer(t, file)
  leakCheck(t)

  type Test = Parameters<Parameters<typeof t.beforeEach>[0]>[0]

  const open = async (t: Test, options: RedisLogOptions = PATIENT): Promise<RedisLog> => {
    const log = new RedisLog(await connectedRedis(t, server), options)
    t.teardown(() => log.close())
    return log
  }

  await t.test('keeps the contract of an invalidation log', async t => {
    await invalidationLogContract(t, async t => {
      await server.ask('FLUSHALL')
      return { open: () => open(t), lose: async () => void (await server.ask('FLUSHALL')) }
    })
  })

  await t.test('keeps the latest entries only, and says so to one who was away for longer', async t => {
    const log = await open(t, { ...PATIENT, maxEntries: 300 })
    const { position } = await log.since(undefined)
    await appendMany(log, 300)
    const middle = await log.since(undefined)
    t.equal((await log.since(position)).entries.length, 300, 'none of the latest 300 is gone')
    await appendMany(log, 200)
    t.equal((await log.since(position)).complete, false)
    const page = await log.since(middle.position)
    t.equal(page.complete, true)
    t.equal(page.entries.length, 200)
    t.ok(Number(await server.ask('XLEN', 'plimsoll:log')) < 500, 'and the list is short')
  })

  await t.test(
    'is incomplete after a restart from an older copy, even when it has counted past the asked place',
    async t => {
      const [reader, writer] = [await open(t), await open(t)]
      await appendMany(writer, 10)
      await server.ask('SAVE')
      await appendMany(writer, 10)
      const { position } = await reader.since(undefined)
      await server.kill()
      await server.start()
      // Another process, which has seen none of the places that were lost.
      await appendMany(await open(t), 50)
      const page = await until(() => reader.since(position), { what: 'the log to be back' })
      t.equal(page.complete, false)
      // It connects again by itself, which takes as long as it takes.
      const place = await until(() => writer.append(['tnext']), {
        what: 'the writer to be back',
      })
      t.match(await reader.since(page.position), {
        complete: true,
        entries: [{ position: place, subjects: ['tnext'] }],
      })
    },
  )

  await t.test('is incomplete when the list is gone and its numbering is not, and the other way round', async t => {
    const log = await open(t)
    for (const lost of ['plimsoll:log', 'plimsoll:log:at']) {
      const { position } = await log.since(undefined)
      const before = await log.append(['ta'])
      await server.ask('DEL', lost)
      t.equal((await log.since(position)).complete, false, lost)
      t.ok((await log.append(['tb'])) > before)
    }
  })

  await t.test('is incomplete when an entry can’t be read', async t => {
    const log = await open(t)
    const { position } = await log.since(undefined)
    await server.ask('HINCRBY', 'plimsoll:log:at', 'last', '1')
    await server.ask('XADD', 'plimsoll:log', `${position}-0`, 'subjects', 'no JSON')
    const page = await log.since(position)
    t.equal(page.complete, false)
    t.match(await log.since(page.position), { complete: true, entries: [] })
  })

  await t.test('never goes below a place that somebody has seen, with the clock set back', async t => {
    const log = await open(t)
    await log.since(undefined)
    const future = 8_000_000_000_000_000
    const page = await log.since(future)
    t.equal(page.complete, false)
    t.ok(page.position > future, `${page.position}`)
    t.ok((await log.append(['ta'])) >= page.position)
    await server.ask('DEL', 'plimsoll:log:at')
    const other = await open(t)
    const { position } = await other.since(undefined)
    t.ok(position < future, 'who has seen nothing begins at the time')
    const place = await other.append(['tb'])
    t.match(await other.since(position), { complete: true, entries: [{ position: place, subjects: ['tb'] }] })
    t.equal((await log.since(page.position)).complete, false)
    t.ok((await log.append(['tc'])) > page.position, 'who has seen it never goes below')
    await server.ask('FLUSHALL')
  })

  await t.test('rings at most 20 times a second, however much is written', async t => {
    const [listener, writer] = [await open(t), await open(t)]
    let rings = 0
    await listener.listen({ ring: () => void rings++, lost: () => {} })
    const startMs = performance.now()
    for (let i = 0; i < 10; i++) await appendMany(writer, 100)
    await until(() => rings >= 2, { what: 'the first ring and one for what came after it' })
    const tookMs = performance.now() - startMs
    t.ok(rings <= 2 + tookMs / 50, `${rings} rings for 1,000 entries in ${Math.round(tookMs)} ms`)
  })

  await t.test('rings before it closes when a ring is due', async t => {
    const [listener, writer] = [await open(t), await open(t)]
    let rings = 0
    await listener.listen({ ring: () => void rings++, lost: () => {} })
    await writer.append(['ta'])
    await writer.append(['tb'])
    await writer.close()
    await until(() => rings === 2, { what: 'the second ring' })
    t.pass('it rang')
  })

  await t.test('says that rings may be lost when its connection was cut, and hears again', async t => {
    const [listener, writer] = [await open(t), await open(t)]
    const heard: string[] = []
    await listener.listen({ ring: () => void heard.push('ring'), lost: () => void heard.push('lost') })
    await writer.append(['ta'])
    await until(() => heard.length > 0, { what: 'a ring' })
    t.same(heard, ['ring'], 'nothing was lost before it began to listen')
    for (let i = 1; i <= 2; i++) {
      await server.ask('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await until(() => heard.filter(what => what === 'lost').length === i, { what: 'the loss to be told' })
    }
    heard.length = 0
    await writer.append(['ta'])
    await until(() => heard.includes('ring'), { what: 'a ring' })
    t.same(heard, ['ring'])
  })

  await t.test('listens without a server, and says that rings were lost once there is one', async t => {
    await server.kill()
    const log = await open(t)
    const heard: string[] = []
    const stop = await log.listen({ ring: () => void heard.push('ring'), lost: () => void heard.push('lost') })
    await t.rejects(log.append(['ta']), { code: 'CACHE_ERR_REMOTE', reason: 'offline' })
    await t.rejects(log.since(undefined), { code: 'CACHE_ERR_REMOTE', reason: 'offline' })
    await server.start()
    await until(() => heard.includes('lost'), { what: 'the loss to be told' })
    await until(() => log.append(['ta']), { what: 'the log to be back' })
    await until(() => heard.includes('ring'), { what: 'a ring' })
    await stop()
  })

  await t.test('rejects when the server hangs, at once while the circuit is open, and recovers', async t => {
    const redis = await connectedRedis(t, server, { probeEveryMs: 20 })
    const log = new RedisLog(redis, { timeoutMs: 100 })
    server.signal('SIGSTOP')
    try {
      await t.rejects(log.append(['ta']), { code: 'CACHE_ERR_REMOTE', reason: 'timeout' })
      await t.rejects(log.append(['ta']), { code: 'CACHE_ERR_REMOTE', reason: 'circuit-open' })
      t.equal(redis.state().state, 'on', 'the tier has its own circuit')
    } finally {
      server.signal('SIGCONT')
    }
    await until(() => log.append(['tb']), { what: 'the log to be back' })
    await untilState(redis, 'on')
  })

  await t.test('rejects when the server has no memory left', async t => {
    const log = await open(t)
    const { position } = await log.since(undefined)
    await server.ask('CONFIG', 'SET', 'maxmemory', '1')
    try {
      await t.rejects(log.append(['ta']), { reason: 'refused', message: /OOM/ })
      t.match(await log.since(position), { complete: true, entries: [] })
    } finally {
      await server.ask('CONFIG', 'SET', 'maxmemory', '0')
    }
    await log.append(['tb'])
    t.match(await log.since(position), { complete: true, entries: [{ subjects: ['tb'] }] })
  })

  await t.test('works for a user who may not ask who the server is', async t => {
    const rights = ['on', '>secret', '~plimsoll:*', '&plimsoll:*', '+@all', '-info']
    await server.ask('ACL', 'SETUSER', 'limited', ...rights)
    const log = new RedisLog(await connectedRedis(t, server, { username: 'limited', password: 'secret' }), PATIENT)
    const full = await open(t)
    const { position } = await full.since(undefined)
    await log.append(['ta'])
    await full.append(['tb'])
    t.match(await log.since(position), { complete: true, entries: [{ subjects: ['ta'] }, { subjects: ['tb'] }] })
    await log.close()
  })
}

async function appendMany(log: RedisLog, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, i) => log.append([`t${i}`])))
}
