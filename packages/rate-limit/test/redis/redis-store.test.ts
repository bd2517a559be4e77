import { randomUUID } from 'node:crypto'
import t from 'tap'
import { until } from '@plimsoll/testing'
import { createMemoryStore, type StoreState } from '../../src/index.ts'
import { createRedisStore, type RedisStoreOptions } from '../../src/redis/index.ts'
import { RedisStore } from '../../src/redis/redis-store.ts'
import { redisScripts } from '../../src/redis/scripts.ts'
import { SettableClock } from '../log-model.ts'
import { startRedis } from '../fixture/redis-server.ts'
import { raceOf } from '../fixture/takers.ts'
import { storeContract } from '../store-contract.ts'

const PATIENT_MS = 30_000
const RULES = [{ name: 'five', limit: 5, windowMs: 60_000 }]

await t.test('with a server', async t => {
  const server = await startRedis(t)
  if (server === undefined) return
  const open = (options: Partial<RedisStoreOptions> = {}) => {
    const told: StoreState[] = []
    const rules = options.rules ?? RULES
    const fallback = createMemoryStore({ rules })
    const store = createRedisStore({
      rules,
      redis: server,
      fallback,
      keyPrefix: `${randomUUID()}:`,
      timeoutMs: PATIENT_MS,
      onState: state => told.push(state),
      ...options,
    })
    return { store, told }
  }
  const settable = redisScripts("local now = tonumber(redis.call('GET', 'test-clock'))", 600_000)
  const onTestClock = (options: Pick<RedisStoreOptions, 'rules'> & Partial<RedisStoreOptions>) => {
    const clock = new SettableClock()
    clock.nowMs = 1_000_000_000
    const redis = {
      send: async (args: string[]) => {
        const [, reply] = await Promise.all([
          server.send(['SET', 'test-clock', String(clock.nowMs)]),
          server.send(args),
        ])
        return reply
      },
    }
    const fallback = createMemoryStore({ rules: options.rules })
    const keyPrefix = `${randomUUID()}:`
    return { clock, store: new RedisStore({ redis, fallback, keyPrefix, timeoutMs: PATIENT_MS, ...options }, settable) }
  }

  await t.test('a store in Redis keeps what every shared store does', async t => {
    await storeContract(t, async (rules, cellsPerKey) => onTestClock({ rules, cellsPerKey }), 12)
  })

  await t.test('a server whose clock is set back gives nothing back, and holds nothing longer', async t => {
    const { clock, store } = onTestClock({ rules: RULES })
    for (let i = 0; i < 5; i++) await store.take('a')
    clock.nowMs += 20_000
    t.equal((await store.take('a')).retryAfterMs, 40_000)
    clock.nowMs -= 86_400_000
    t.equal((await store.take('a')).retryAfterMs, 60_000, 'as if the last request had been just now')
    t.equal((await store.take('a')).allowed, false)
    clock.nowMs += 59_999
    t.equal((await store.take('a')).retryAfterMs, 1, 'a refusal remembers what was moved')
    clock.nowMs += 1
    t.equal((await store.take('a')).allowed, true)
    for (let i = 0; i < 5; i++) await store.take('b')
    clock.nowMs -= 3_600_000
    t.equal((await store.peek('b')).retryAfterMs, 60_000)
    clock.nowMs += 60_000
    t.equal((await store.peek('b')).allowed, true, 'and so does a look')
  })

  await t.test('processes that have room for other numbers of keys elsewhere count together', async t => {
    const keyPrefix = `${randomUUID()}:`
    const counted = RULES.map(rule => ({ ...rule, maxKeys: 7 }))
    for (const rules of [RULES, counted]) await open({ keyPrefix, rules }).store.take('a')
    t.equal((await open({ keyPrefix }).store.peek('a')).states[0]?.remaining, 3)
  })

  await t.test('keys are digests, and go by themselves when their window is over', async t => {
    const rules = [{ name: 'quick', limit: 5, windowMs: 50 }]
    const keyPrefix = `${randomUUID()}:`
    const { store } = open({ rules, keyPrefix })
    await store.take('somebody@example.org')
    await until(async () => ((await server.send(['KEYS', `${keyPrefix}*`])) as string[]).length === 0, {
      what: 'the key to go',
    })
    const { store: slow } = open({ keyPrefix })
    await slow.take('somebody@example.org')
    const keys = (await server.send(['KEYS', `${keyPrefix}*`])) as string[]
    t.equal(keys.length, 1)
    t.notMatch(keys[0], /somebody/)
  })

  await t.test('a decision is one command, and the text of the script is sent once', async t => {
    const commands: string[] = []
    const redis = {
      send: (args: string[]) => {
        commands.push(args[0] ?? '')
        return server.send(args)
      },
    }
    const rules = [...RULES, { name: 'wide', limit: 1000, windowMs: 900_000 }]
    const { store } = open({ redis, rules })
    await server.send(['SCRIPT', 'FLUSH'])
    for (let i = 0; i < 6; i++) await store.take('a')
    t.same(commands, ['EVALSHA', 'EVAL', 'EVALSHA', 'EVALSHA', 'EVALSHA', 'EVALSHA', 'EVALSHA'])
  })

  await t.test('processes of one Redis never exceed the limit together, in any window', async t => {
    const rules = [
      { name: 'short', limit: 20, windowMs: 40 },
      { name: 'wide', limit: 100_000, windowMs: 60_000 },
    ]
    const { socketPath } = server
    const { fullest, admitted, perProcess, told } = await raceOf(t, 3, { rules, socketPath, decisions: 700 })
    t.ok(fullest <= 20, `${fullest} in the fullest window`)
    t.ok(admitted > 40, `${perProcess.join(' + ')} = ${admitted} were admitted over several windows`)
    t.same(told, [], 'nobody fell back to a memory of its own')
  })

  await t.test(
    'while Redis hangs the fallback decides: one waits, the others do not; then Redis decides again',
    async t => {
      const { store, told } = open({ timeoutMs: 20, pauseMs: 1 })
      await until(async () => (await store.take('warm')).allowed && store.state().state === 'on', {
        what: 'Redis to answer',
      })
      told.length = 0
      server.program.kill('SIGSTOP')
      const stopped = await Promise.all(Array.from({ length: 10 }, () => store.take('a')))
      t.equal(stopped.filter(({ allowed }) => allowed).length, 5, 'the limit holds in memory')
      t.match(told, [{ state: 'degraded', reason: /no answer within 20 ms/ }])
      t.equal(told.length, 1)
      server.program.kill('SIGCONT')
      await until(
        async () => {
          await store.peek('a')
          return store.state().state === 'on'
        },
        { what: 'Redis to be asked again' },
      )
      t.same(
        told.map(({ state }) => state),
        ['degraded', 'on'],
      )
    },
  )

  await t.test('while one call tries, others go on without waiting for it', async t => {
    const asked: (() => void)[] = []
    let isSilent = true
    const redis = {
      send: async (args: string[]) => {
        if (!isSilent) return server.send(args)
        return new Promise<unknown>((_, reject) => asked.push(() => reject(new Error('gone'))))
      },
    }
    const { store } = open({ redis, pauseMs: 1 })
    const first = store.take('a')
    asked.shift()?.()
    t.equal((await first).allowed, true)
    t.equal(store.state().state, 'degraded')
    await new Promise(resolve => setTimeout(resolve, 5))
    const trying = store.take('a')
    t.equal(asked.length, 1)
    t.equal((await store.take('a')).allowed, true, 'decided while the other one waits')
    t.equal(asked.length, 1)
    asked.shift()?.()
    isSilent = false
    const third = await trying
    await new Promise(resolve => setTimeout(resolve, 5))
    const decision = await store.take('a')
    t.equal(store.state().state, 'on')
    t.equal(decision.states[0]?.remaining, 4)
    await store.giveBack('a', '', third.atMs)
    t.equal((await store.peek('a')).states[0]?.remaining, 4, 'what the fallback admitted frees nobody in Redis')
    await store.close()
    t.equal((await store.take('a')).states[0]?.remaining, 2, 'and was given back to the fallback')
  })

  await t.test('a reply that is none of the script is a failure like another', async t => {
    const { store, told } = open({ redis: { send: async () => ['nonsense'] } })
    t.equal((await store.take('a')).allowed, true)
    t.match(told, [{ state: 'degraded', reason: /reply/ }])
  })
})

await t.test('options out of their range are refused by code', async t => {
  const fallback = createMemoryStore({ rules: RULES })
  const redis = { send: async () => null }
  for (const options of [{ timeoutMs: 0 }, { pauseMs: 0 }, { keyPrefix: '' }, { rules: [] }, { unknown: 1 }]) {
    t.throws(() => createRedisStore({ rules: RULES, fallback, redis, ...options }), {
      code: 'RATE_LIMIT_ERR_OPTION',
    })
  }
})
