// Threads that read: what they count is what was done, and a wrong answer ends the run.
import t from 'tap'
import { BOUNDED, GET } from '../../src/cache/caches.ts'
import { itemOf, keyOf } from '../../src/cache/items.ts'
import { LOOP_ALONE, type ReaderTask } from '../../src/cache/reader-protocol.ts'
import { Reader, withReaders } from '../../src/cache/reader.ts'
import { missTogether, readAtOnce, readAwaited } from '../../src/cache/reading-loops.ts'

const { signal } = new AbortController()
const task = (name: string): ReaderTask => ({ name, entries: 200, ttlMs: 300_000, exponent: 1, seed: 1, folder: '' })
const NAMES = [BOUNDED, GET, LOOP_ALONE]

await t.test('hits load nothing, each miss loads once, and both take time', async t => {
  await withReaders(
    NAMES,
    name => Reader.start(task(name), signal),
    async readers => {
      t.same(
        readers.map(({ name }) => name),
        NAMES,
      )
      for (const reader of readers) {
        // More reads than the trace has, and not a multiple of the turn.
        const hits = await reader.ask({ kind: 'hits', reads: 70_001, readsPerTurn: 1_000 })
        t.equal(hits.loads, 0, reader.name)
        t.ok(hits.cpuUs > 0, reader.name)
      }
      const [ours] = readers as [Reader]
      const misses = await ours.ask({ kind: 'misses', misses: 50, callers: 8 })
      t.equal(misses.loads, 50)
      t.ok((await ours.ask({ kind: 'misses', misses: 50, callers: 8 })).loads === 50, 'with other keys the next time')
    },
  )
})

await t.test('warming up tells how many reads fill the measured time', async t => {
  const reader = await Reader.start(task(GET), signal)
  t.teardown(() => reader.stop())
  const reads = await reader.warmUp(1, 10, count => ({ kind: 'hits', reads: count, readsPerTurn: 1_000 }))
  // A read of 10 ms is none.
  t.ok(Number.isInteger(reads) && reads > 100, String(reads))
})

await t.test('a cache that is not there, and misses of what loads nothing, end the run', async t => {
  await t.rejects(Reader.start(task('nothing'), signal), /nothing: there is no such cache/)
  const reader = await Reader.start(task(GET), signal)
  t.teardown(() => reader.stop())
  await t.rejects(reader.ask({ kind: 'misses', misses: 1, callers: 2 }), /it loads nothing/)
})

await t.test('an interrupted run waits for nobody', async t => {
  const interrupted = new AbortController()
  const reader = await Reader.start(task(GET), interrupted.signal)
  t.teardown(() => reader.stop())
  const asked = reader.ask({ kind: 'hits', reads: 1_000_000, readsPerTurn: 1_000 })
  interrupted.abort(new Error('enough'))
  await t.rejects(asked, { name: 'AbortError' })
})

await t.test('the loops see what is wrong: another item adds up to another sum, and none to no number', async t => {
  const reading = { keys: [keyOf(1), keyOf(2), keyOf(3)], reads: 4, readsPerTurn: 3 }
  t.equal(await readAwaited(async key => itemOf(key), reading), 1 + 2 + 3 + 1)
  t.equal(await readAtOnce(itemOf, reading), 1 + 2 + 3 + 1)
  t.ok(Number.isNaN(await readAtOnce(() => undefined, reading)))
  t.ok(Number.isNaN(await readAwaited(async () => undefined, reading)))
  let asked = 0
  const another = async (key: string) => itemOf(asked++ === 1 ? keyOf(7) : key)
  await t.rejects(missTogether(another, [keyOf(1)], 3), /course:1 was asked for, and the answers were/)
})
