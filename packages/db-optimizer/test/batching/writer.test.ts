import { getEventListeners } from 'node:events'
import t from 'tap'
import { SeededRandom } from '@plimsoll/testing'
import { createWriter, type Written, type WriterOptions } from '../../src/batching/writer.ts'

interface Row {
  readonly id: number
  readonly value: number
}

interface Sent {
  readonly rows: readonly Row[]
  answer(error?: Error): Promise<void>
}

const turn = (): Promise<void> => new Promise(resolve => void setImmediate(resolve))
const badRow = (): Error => Object.assign(new Error('x'), { code: '23514', severity: 'ERROR' })

/** A writer whose statements are answered by hand. */
function setUp(more: Partial<WriterOptions<Row>> = {}) {
  const sent: Sent[] = []
  const run = (rows: readonly Row[]): Promise<void> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    sent.push({ rows, answer: error => (error === undefined ? resolve() : reject(error), turn()) })
    return promise
  }
  return { sent, writer: createWriter<Row>({ run, keyOf: row => row.id, keyForm: 'int8', ...more }) }
}

await t.test('rows of one turn leave together, sorted by key, the last of each key', async t => {
  const { writer, sent } = setUp()
  const writes = [3, 1, 3].map((id, value) => writer.write({ id, value }))
  await turn()
  t.same(sent[0]?.rows, [
    { id: 1, value: 1 },
    { id: 3, value: 2 },
  ])
  await sent[0]?.answer()
  t.same(await Promise.all(writes), [{ superseded: true }, { superseded: false }, { superseded: false }])
})

await t.test('a key in flight is not sent again before its statement is over', async t => {
  const { writer, sent } = setUp({ maxRows: 2 })
  const first = writer.write({ id: 1, value: 1 })
  await turn()
  const later = [1, 2, 3].map(id => writer.write({ id, value: 2 }))
  await turn()
  t.same(
    sent.map(({ rows }) => rows.map(row => row.id)),
    [[1], [2]],
    'a full queue goes, without the key in flight',
  )
  await sent[0]?.answer()
  t.same(
    sent[2]?.rows.map(row => [row.id, row.value]),
    [
      [1, 2],
      [3, 2],
    ],
  )
  await sent[1]?.answer()
  await sent[2]?.answer()
  t.equal((await Promise.all([first, ...later])).length, 4)
})

await t.test('beyond its bound the queue refuses rows, and says when there is room', async t => {
  const { writer, sent } = setUp({ maxQueuedRows: 2 })
  const writes = [1, 2].map(id => writer.write({ id, value: 0 }))
  await t.rejects(writer.write({ id: 3, value: 0 }), { code: 'DB_ERR_POOL_BUSY', message: /ready\(\)/ })
  let ready = false
  const waiting = writer.ready().then(() => (ready = true))
  t.notOk(ready)
  await turn()
  await waiting
  await sent[0]?.answer()
  await Promise.all(writes)
  t.match(writer.statistics(), { rows: 2, queuedRows: 0, inFlight: 0 })
})

await t.test('a queued row can be taken back, one in flight has an unknown outcome', async t => {
  const { writer, sent } = setUp()
  const controller = new AbortController()
  const { signal } = controller
  const inFlight = writer.write({ id: 1, value: 1 }, { signal })
  await turn()
  const settled = Promise.allSettled([inFlight, writer.write({ id: 2, value: 1 }, { signal })])
  controller.abort()
  t.match(await settled, [
    { reason: { code: 'DB_ERR_ABORTED', outcome: 'unknown' } },
    { reason: { code: 'DB_ERR_ABORTED', outcome: 'not-executed' } },
  ])
  await sent[0]?.answer()
  t.equal(sent.length, 1)
  t.equal(getEventListeners(signal, 'abort').length, 0)
  t.match(writer.statistics(), { queuedRows: 0, inFlight: 0 })
})

await t.test('a refused row gives way to the one before it, and to those that came since', async t => {
  const { writer, sent } = setUp({ perRowErrors: true })
  const older = writer.write({ id: 1, value: 1 })
  const bad = t.rejects(writer.write({ id: 1, value: -1 }), { code: '23514' })
  await turn()
  const newer = writer.write({ id: 1, value: 2 })
  await sent[0]?.answer(badRow())
  await bad
  t.same(sent[1]?.rows, [{ id: 1, value: 2 }])
  await sent[1]?.answer()
  t.same([await older, await newer], [{ superseded: true }, { superseded: false }])
})

await t.test('closing writes what is queued, and refuses what comes after', async t => {
  const { writer, sent } = setUp({ maxRows: 1, maxInFlight: 1 })
  const writes = [1, 2, 3].map(id => writer.write({ id, value: 0 }))
  const closing = writer.close()
  await t.rejects(writer.write({ id: 4, value: 0 }), { code: 'DB_ERR_CLOSED' })
  for (let statement = 0; statement < 3; statement++) await sent[statement]?.answer()
  await closing
  t.equal((await Promise.all(writes)).length, 3)
  await writer.ready()
})

await t.test('flush ends when what was queued is settled, whatever became of it', async t => {
  const { writer, sent } = setUp()
  await writer.flush()
  const write = t.rejects(writer.write({ id: 1, value: 0 }), { message: 'away' })
  const flushing = writer.flush()
  void writer.write({ id: 2, value: 0 })
  await sent[0]?.answer(new Error('away'))
  await flushing
  await write
  await sent[1]?.answer()
  t.equal(writer.statistics().failedStatements, 1)
})

await t.test('options that contradict each other are refused', async t => {
  t.throws(() => createWriter({ run: async () => {}, keyForm: 'int8' }), {
    code: 'DB_ERR_OPTION',
    message: /keyOf and keyForm/,
  })
  t.throws(() => setUp({ maxRows: 1001 }), { code: 'DB_ERR_OPTION', message: /maxRows/ })
})

await t.test('in a random storm the table ends as if the rows had been written one after the other', async t => {
  const random = new SeededRandom(2)
  const table = new Map<number, number>()
  const model = new Map<number, number>()
  const wrong: unknown[] = []
  const locked = new Set<number>()
  const writer = createWriter<Row>({
    keyOf: row => row.id,
    keyForm: 'int8',
    maxRows: 8,
    maxInFlight: 3,
    perRowErrors: true,
    run: async rows => {
      const keys = rows.map(row => row.id)
      if (keys.length > 8 || new Set(keys).size < keys.length || keys.some(key => locked.has(key))) wrong.push(keys)
      for (const key of keys) locked.add(key)
      for (let turns = random.integer(0, 4); turns > 0; turns--) await turn()
      for (const key of keys) locked.delete(key)
      if (rows.some(row => row.value < 0)) throw badRow()
      for (const row of rows) table.set(row.id, row.value)
    },
  })
  const writes: Promise<unknown>[] = []
  for (let value = 1; value <= 3000; value++) {
    const id = random.integer(0, 40)
    const bad = random.next() < 0.05
    if (!bad) model.set(id, value)
    const written = writer.write({ id, value: bad ? -value : value })
    const answered = ({ superseded }: Written): void => {
      // What was superseded was never checked.
      if (bad && !superseded) wrong.push(value)
    }
    const refused = (): void => {
      if (!bad) wrong.push(value)
    }
    writes.push(written.then(answered, refused))
    if (random.next() < 0.1) await turn()
  }
  await writer.close()
  await Promise.all(writes)
  t.same(wrong, [])
  t.same(
    [...table].toSorted(([a], [b]) => a - b),
    [...model].toSorted(([a], [b]) => a - b),
  )
  t.match(writer.statistics(), { queuedRows: 0, inFlight: 0 })
})
