import { AsyncLocalStorage } from 'node:async_hooks'
import { getEventListeners } from 'node:events'
import t from 'tap'
import { SeededRandom, until } from '@plimsoll/testing'
import { createLoader, createManyLoader, type LoaderOptions } from '../../src/batching/loader.ts'
import { refuseInside } from '../../src/batching/outside-transactions.ts'

interface User {
  readonly id: number
  readonly name: string
}

interface Sent {
  readonly keys: readonly number[]
  readonly signal: AbortSignal
  answer(rows: readonly User[]): Promise<void>
  fail(error: Error): Promise<void>
}

const turn = (): Promise<void> => new Promise(resolve => void setImmediate(resolve))
const user = (id: number): User => ({ id, name: `user ${id}` })

/** A loader whose batches are answered by hand. */
function setUp(more: Partial<LoaderOptions<number, User>> = {}) {
  const sent: Sent[] = []
  const options: LoaderOptions<number, User> = {
    keyOf: row => row.id,
    keyForm: 'int8',
    run: (keys, { signal }) => {
      const { promise, resolve, reject } = Promise.withResolvers<readonly User[]>()
      sent.push({ keys, signal, answer: rows => (resolve(rows), turn()), fail: error => (reject(error), turn()) })
      return promise
    },
    ...more,
  }
  return { sent, options, loader: createLoader(options) }
}

await t.test('loads of one turn leave as one batch, each key once', async t => {
  const { loader, sent } = setUp()
  const loads = loader.loadMany([3, 1, 3, 2])
  await turn()
  t.same(
    sent.map(({ keys }) => keys),
    [[3, 1, 2]],
  )
  await sent[0]?.answer([user(1), user(2)])
  t.same(await loads, [null, user(1), null, user(2)])
  t.match(loader.statistics(), { loads: 4, joined: 1, batches: 1, keys: 3, missing: 1, strayRows: 0 })
})

await t.test('while two batches are in flight keys are collected until one returns', async t => {
  const { loader, sent } = setUp()
  for (const key of [1, 2]) {
    void loader.load(key)
    await turn()
  }
  const later: Promise<User | null>[] = []
  for (const key of [3, 4, 5]) {
    later.push(loader.load(key))
    await turn()
  }
  t.equal(sent.length, 2)
  await sent[1]?.answer([user(2)])
  t.same(sent[2]?.keys, [3, 4, 5])
  await sent[2]?.answer([user(3), user(4), user(5)])
  t.same(await Promise.all(later), [user(3), user(4), user(5)])
  await sent[0]?.answer([])
})

await t.test('a full batch leaves at once, up to the most in flight', async t => {
  const { loader, sent } = setUp({ maxKeys: 2, openBelow: 1, maxInFlight: 3 })
  const all = loader.loadMany([1, 2, 3, 4, 5, 6, 7, 8, 9])
  t.same(
    sent.map(({ keys }) => keys),
    [
      [1, 2],
      [3, 4],
      [5, 6],
    ],
    'in the same turn',
  )
  await turn()
  t.equal(sent.length, 3)
  t.equal(loader.statistics().waiting, 3)
  for (let batch = 0; batch < 5; batch++) await sent[batch]?.answer((sent[batch] as Sent).keys.map(user))
  t.same(
    (await all).map(row => row?.id),
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
  )
})

await t.test('a key that is in flight is asked for again, not joined', async t => {
  const { loader, sent } = setUp()
  const before = loader.load(1)
  await turn()
  const after = loader.load(1)
  await turn()
  t.equal(sent.length, 2)
  await sent[0]?.answer([{ id: 1, name: 'old' }])
  await sent[1]?.answer([{ id: 1, name: 'new' }])
  t.equal((await before)?.name, 'old')
  t.equal((await after)?.name, 'new')
})

await t.test('rows come back in any order and any shape of key; those not asked for are counted', async t => {
  const { options, sent } = setUp()
  const loader = createLoader<number | string, { id: string }>({
    ...options,
    keyOf: row => row.id,
    run: async keys =>
      keys
        .map(key => ({ id: `0${String(key)}` }))
        .concat({ id: '99' })
        .toReversed(),
  })
  t.same(await loader.loadMany([1, '2']), [{ id: '01' }, { id: '02' }])
  t.equal(loader.statistics().strayRows, 1)
  t.equal(sent.length, 0)
})

await t.test('one key with two rows fails alone; the loader for many gives them in order', async t => {
  const rows = [user(1), { id: 1, name: 'again' }, user(2)]
  const { options } = setUp({ run: async () => rows })
  const [one, two] = await Promise.allSettled([1, 2].map(key => createLoader(options).load(key)))
  t.match(one, { status: 'rejected', reason: { code: 'DB_ERR_OPTION' } })
  t.match(two, { status: 'fulfilled', value: user(2) })
  t.same(await createManyLoader(options).loadMany([1, 2, 3]), [rows.slice(0, 2), [user(2)], []])
})

await t.test('a failed batch fails those who wait for it, and nobody else', async t => {
  const { loader, sent } = setUp()
  const first = Promise.allSettled([loader.load(1), loader.load(2), loader.load(1)])
  await turn()
  const second = loader.load(3)
  await turn()
  await sent[0]?.fail(new Error('away'))
  await sent[1]?.answer([user(3)])
  for (const load of await first) t.match(load, { status: 'rejected', reason: { message: 'away' } })
  t.same(await second, user(3))
  t.match(loader.statistics(), { failedBatches: 1, inFlight: 0 })
})

await t.test('what is no key is refused alone, and a run that throws at once is a failed batch', async t => {
  const { options } = setUp({
    run: () => {
      throw new Error('at once')
    },
  })
  const loader = createLoader(options)
  const [bad, good] = await Promise.allSettled([loader.load(1.5), loader.load(1)])
  t.match(bad, { reason: { code: 'DB_ERR_PARAMETER' } })
  t.match(good, { reason: { message: 'at once' } })
  t.equal(loader.statistics().keys, 1)
})

await t.test('who leaves before the batch takes the key along, unless others want it too', async t => {
  const { loader, sent } = setUp()
  const controller = new AbortController()
  const { signal } = controller
  const leaving = Promise.allSettled([loader.load(1, { signal }), loader.load(2, { signal })])
  const staying = loader.load(2)
  controller.abort('enough')
  for (const load of await leaving) {
    t.match(load, { reason: { code: 'DB_ERR_ABORTED', outcome: 'not-executed', cause: 'enough' } })
  }
  await turn()
  t.same(
    sent.map(({ keys }) => keys),
    [[2]],
  )
  await sent[0]?.answer([user(2)])
  t.same(await staying, user(2))
  t.equal(getEventListeners(signal, 'abort').length, 0)
})

await t.test('a batch is aborted when the last of those who wait has left', async t => {
  const { loader, sent } = setUp()
  const controllers = [new AbortController(), new AbortController()]
  const loads = controllers.map(({ signal }, at) => loader.load(at, { signal }))
  await turn()
  controllers[0]?.abort()
  await t.rejects(loads[0] as Promise<unknown>, { code: 'DB_ERR_ABORTED', outcome: 'rolled-back' })
  t.equal(sent[0]?.signal.aborted, false)
  controllers[1]?.abort()
  await t.rejects(loads[1] as Promise<unknown>, { code: 'DB_ERR_ABORTED' })
  t.equal(sent[0]?.signal.aborted, true)
  await sent[0]?.fail(new Error('aborted'))
  t.match(loader.statistics(), { abandonedBatches: 1, failedBatches: 0, inFlight: 0 })
})

await t.test('nobody leaves a batch in which all keys were given up before it was sent', async t => {
  const { loader, sent } = setUp()
  const controller = new AbortController()
  const load = loader.load(1, { signal: controller.signal })
  controller.abort()
  await t.rejects(load, { code: 'DB_ERR_ABORTED' })
  await turn()
  t.equal(sent.length, 0)
  await t.rejects(loader.load(1, { signal: controller.signal }), { code: 'DB_ERR_ABORTED' }, 'aborted before')
  t.match(loader.statistics(), { waiting: 0, inFlight: 0 })
})

await t.test('each load has its own time, and a listener that is removed when it is answered', async t => {
  const { loader, sent } = setUp()
  const { signal } = new AbortController()
  const short = loader.load(1, { timeoutMs: 1 })
  const long = loader.load(1, { timeoutMs: 60_000, signal })
  await t.rejects(short, { code: 'DB_ERR_TIMEOUT', message: /1 ms/ })
  await until(() => sent.length === 1, { what: 'the batch to be sent' })
  await sent[0]?.answer([user(1)])
  t.same(await long, user(1))
  t.equal(getEventListeners(signal, 'abort').length, 0)
})

await t.test('more keys than may wait are refused', async t => {
  const { loader, sent } = setUp({ maxWaitingKeys: 2 })
  const loads = loader.loadMany([1, 2])
  await t.rejects(loader.load(3), { code: 'DB_ERR_POOL_BUSY' })
  const joined = loader.load(2)
  await turn()
  await sent[0]?.answer([])
  t.same(await loads, [null, null])
  t.equal(await joined, null)
})

await t.test('the batch runs in the context in which the loader was made, callers go on in theirs', async t => {
  const storage = new AsyncLocalStorage<string>()
  const seen: (string | undefined)[] = []
  const { options } = setUp({ run: async keys => (seen.push(storage.getStore()), keys.map(user)) })
  const loader = storage.run('maker', () => createLoader(options))
  const callers = ['a', 'b'].map(name =>
    storage.run(name, async () => {
      await loader.load(name.length)
      return storage.getStore()
    }),
  )
  t.same(await Promise.all(callers), ['a', 'b'])
  t.same(seen, ['maker'])
})

await t.test('inside a transaction loads are refused', async t => {
  const transaction = new AsyncLocalStorage<unknown>()
  const { loader, sent } = setUp({ admit: refuseInside(transaction, 'This loader') })
  await transaction.run({}, () => t.rejects(loader.load(1), { code: 'DB_ERR_UNSUPPORTED', message: /This loader/ }))
  const outside = loader.load(1)
  await turn()
  await sent[0]?.answer([user(1)])
  t.same(await outside, user(1))
})

await t.test('options out of their range are refused by name', async t => {
  t.throws(() => setUp({ maxKeys: 0 }), { code: 'DB_ERR_OPTION', message: /maxKeys.* keys from 1 to 1000/ })
  t.throws(() => setUp({ openBelow: 4, maxInFlight: 2 }), { code: 'DB_ERR_OPTION', message: /maxInFlight/ })
})

await t.test('in a random storm everybody gets the right row or the failure of their own batch', async t => {
  const random = new SeededRandom(3)
  const wrong: unknown[] = []
  let running = 0
  let most = 0
  const loader = createLoader<number, User>({
    keyOf: row => row.id,
    keyForm: 'int8',
    maxKeys: 7,
    maxInFlight: 3,
    run: async (keys, { signal }) => {
      most = Math.max(most, ++running)
      if (keys.length > 7 || new Set(keys).size !== keys.length) wrong.push(keys)
      for (let turns = random.integer(0, 5); turns > 0; turns--) await turn()
      running--
      signal.throwIfAborted()
      if (random.next() < 0.1) throw new Error(`failed with ${keys.join(' ')}`)
      return random.shuffle(keys.filter(key => key % 5 !== 0).map(user))
    },
  })
  const check = async (key: number, signal: AbortSignal): Promise<void> => {
    try {
      const row = await loader.load(key, { signal })
      if (key % 5 === 0 ? row !== null : row?.id !== key) wrong.push([key, row])
    } catch (error) {
      const text = String(error)
      const own = text.includes('failed with') && ` ${text.slice(text.indexOf('with ') + 5)} `.includes(` ${key} `)
      if (!own && !signal.aborted) wrong.push([key, text])
    }
  }
  const checks: Promise<void>[] = []
  for (let round = 0; round < 400; round++) {
    for (let load = random.integer(0, 12); load > 0; load--) {
      const controller = new AbortController()
      checks.push(check(random.integer(0, 30), controller.signal))
      if (random.next() < 0.2) setImmediate(() => controller.abort())
    }
    await turn()
  }
  await Promise.all(checks)
  await turn()
  t.same(wrong, [])
  t.ok(most > 1 && most <= 3, `${most} in flight`)
  t.match(loader.statistics(), { waiting: 0, inFlight: 0 })
  t.ok(loader.statistics().joined > 100)
})
