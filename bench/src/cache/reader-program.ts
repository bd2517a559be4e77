// One cache in a thread of its own: filled, checked, then read from as it's told. The program of a thread, started by reader.ts.
import { SeededRandom } from '@plimsoll/testing'
import { parentPort, workerData } from 'node:worker_threads'
import { LOADING_CACHES, type OpenCache, type OpenStore, STORES } from './caches.ts'
import { type Item, itemOf, keyOf } from './items.ts'
import {
  LOOP_ALONE,
  type ReaderAnswer,
  type ReaderOrder,
  type ReaderResult,
  type ReaderTask,
} from './reader-protocol.ts'
import { missTogether, readAtOnce, readAwaited, type Reading } from './reading-loops.ts'
import { zipfTrace } from './zipf-trace.ts'

/** Read over and over; long enough that no branch predictor knows it by heart. */
const TRACE_READS = 65_536

class ReaderProgram {
  readonly #task: ReaderTask
  readonly #keys: readonly string[]
  /** What the first n reads of the trace add up to. */
  readonly #sums: Float64Array
  #loads = 0
  #nextMissing: number
  #cache: OpenCache | undefined
  #store: OpenStore | undefined

  constructor(task: ReaderTask) {
    this.#task = task
    const { entries: keys, exponent, seed } = task
    const trace = zipfTrace({ keys, exponent, reads: TRACE_READS }, new SeededRandom(seed))
    const names = Array.from({ length: keys }, (_, id) => keyOf(id))
    this.#keys = Array.from(trace, id => names[id] as string)
    this.#sums = new Float64Array(TRACE_READS + 1)
    for (const [place, id] of trace.entries()) this.#sums[place + 1] = (this.#sums[place] as number) + id
    this.#nextMissing = keys
  }

  /** @throws Error when an answer is wrong, or a value is loaded twice */
  async open(): Promise<void> {
    const { name, entries, ttlMs, folder } = this.#task
    const load = async (key: string): Promise<Item> => {
      this.#loads++
      return itemOf(key)
    }
    const setting = { entries, ttlMs, load, folder }
    const ids = Array.from({ length: entries }, (_, id) => id)
    if (name === LOOP_ALONE) {
      const item = itemOf(keyOf(0))
      this.#store = { prepare: async () => {}, get: () => item, close: async () => {} }
      return
    }
    const loading = LOADING_CACHES.find(cache => cache.name === name)
    if (loading) {
      const cache = (this.#cache = await loading.open(setting))
      for (const round of ['first', 'second']) for (const id of ids) check(id, await cache.get(keyOf(id)), round)
    } else {
      const store = (this.#store = await STORES.find(one => one.name === name)?.open(setting))
      if (store === undefined) throw new Error('there is no such cache')
      await store.prepare(ids.map(keyOf))
      for (const id of ids) check(id, store.get(keyOf(id)), 'first')
    }
    if (this.#loads !== entries) throw new Error(`${entries} items were loaded ${this.#loads} times`)
  }

  async carryOut(order: ReaderOrder): Promise<ReaderResult> {
    switch (order.kind) {
      case 'hits': {
        const { reads, readsPerTurn } = order
        return this.#measure(() => this.#read({ keys: this.#keys, reads, readsPerTurn }))
      }
      case 'misses': {
        const cache = this.#cache
        if (cache === undefined) throw new Error('it loads nothing')
        const keys = Array.from({ length: order.misses }, () => keyOf(this.#nextMissing++))
        return this.#measure(() => missTogether(cache.get, keys, order.callers))
      }
      default:
        return order satisfies never
    }
  }

  async #measure(run: () => Promise<void>): Promise<ReaderResult> {
    const loadsBefore = this.#loads
    const before = process.cpuUsage()
    await run()
    const { user, system } = process.cpuUsage(before)
    return { cpuUs: user + system, loads: this.#loads - loadsBefore }
  }

  async #read(reading: Reading): Promise<void> {
    const sum = this.#cache
      ? await readAwaited(this.#cache.get, reading)
      : await readAtOnce((this.#store as OpenStore).get, reading)
    if (this.#task.name === LOOP_ALONE) return
    const rounds = Math.floor(reading.reads / TRACE_READS)
    const rest = reading.reads % TRACE_READS
    const expected = rounds * (this.#sums[TRACE_READS] as number) + (this.#sums[rest] as number)
    if (sum !== expected) throw new Error(`the answers of ${reading.reads} reads add up to ${sum}, not to ${expected}`)
  }
}

function check(id: number, item: Item | undefined, round: string): void {
  if (item?.id !== id)
    throw new Error(`item ${id} was asked for the ${round} time, and the answer was ${JSON.stringify(item)}`)
}

function say(answer: ReaderAnswer): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origins, unlike a window
  parentPort?.postMessage(answer)
}

const program = new ReaderProgram(workerData as ReaderTask)
const failed = (error: unknown): void => say({ kind: 'failed', reason: (error as Error).message })
parentPort?.on('message', (order: ReaderOrder) => {
  void program.carryOut(order).then(result => say({ kind: 'done', result }), failed)
})
await program.open().then(() => say({ kind: 'ready' }), failed)
