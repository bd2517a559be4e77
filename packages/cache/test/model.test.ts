// A namespace against the simplest description of what it promises, under any order of calls, writes, slow and failing loads, and passing time.
//
// The database is a version per key. A load reads it when it begins (`read`), and ends later (`answer`), so that writes fall between. What's promised:
// * a call gets a version at least as new as every write that was acknowledged before the call (one process: both kinds promise it)
// * nothing is served whose load ended longer ago than TTL and the stale windows allow
// * at the end nothing is pending, and memory holds no more than it may
import { setImmediate as nextTurn } from 'node:timers/promises'
import { FakeClock, SeededRandom } from '@plimsoll/testing'
import fc from 'fast-check'
import t from 'tap'
import { createCache } from '../src/index.ts'

const KEYS = ['a', 'b', 'c', 'list:1', 'list:2'] as const
const TTL_MS = 100
const STALE_MS = 40
const ERROR_MS = 60

interface Row {
  readonly key: string
  readonly version: number
  /** When its load ended: from then on its time counts. */
  readonly loadedAtMs: number
}

type Step =
  | { readonly kind: 'call'; readonly key: string }
  | { readonly kind: 'many'; readonly key: string }
  | { readonly kind: 'write'; readonly key: string; readonly by: 'key' | 'tag' | 'prefix' | 'clear' | 'set' }
  | { readonly kind: 'answer'; readonly index: number; readonly fails: boolean }
  | { readonly kind: 'time'; readonly ms: number }

const key = fc.constantFrom(...KEYS)
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('call' as const), key }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('many' as const), key }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('write' as const),
        key,
        by: fc.constantFrom('key' as const, 'tag' as const, 'prefix' as const, 'clear' as const, 'set' as const),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('answer' as const), index: fc.nat(5), fails: fc.boolean() }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.integer({ min: 1, max: 150 }) }) },
  ),
  { maxLength: 60 },
)

interface PendingLoad {
  readonly row: Row
  resolve(row: Row): void
  reject(error: Error): void
}

class World {
  readonly clock = new FakeClock()
  readonly versions = new Map<string, number>()
  readonly acknowledged = new Map<string, number>()
  readonly pending: PendingLoad[] = []
  readonly faults: string[] = []
  calls: Promise<void>[] = []
  readonly cache
  readonly rows

  constructor(kind: 'bounded' | 'strict', seed: number) {
    this.cache = createCache({}, {}, { clock: this.clock, random: new SeededRandom(seed) })
    this.rows = this.cache.namespace<Row>('rows', {
      kind,
      ttlMs: TTL_MS,
      staleWhileRevalidateMs: STALE_MS,
      staleIfErrorMs: ERROR_MS,
      memory: { maxEntries: 3 },
    })
  }

  read(key: string): Row {
    return { key, version: this.versions.get(key) ?? 0, loadedAtMs: this.clock.now() }
  }

  readonly load = ({ key }: { key: string }) => {
    const { promise, resolve, reject } = Promise.withResolvers<Row>()
    this.pending.push({ row: this.read(key), resolve, reject })
    return promise
  }

  call(key: string): void {
    const atLeast = this.acknowledged.get(key) ?? 0
    const calledAtMs = this.clock.now()
    const judge = (row: Row) => {
      if (row.key !== key) this.faults.push(`asked for ${key}, got ${row.key}`)
      if (row.version < atLeast) this.faults.push(`${key}: version ${row.version} after ${atLeast} was acknowledged`)
      if (calledAtMs - row.loadedAtMs > TTL_MS + STALE_MS + ERROR_MS)
        this.faults.push(`${key}: loaded ${calledAtMs - row.loadedAtMs} ms before the call`)
    }
    this.calls.push(this.rows.getOrLoad(key, this.load, { tags: [`tag:${key}`] }).then(judge, () => undefined))
  }

  async write(key: string, by: Extract<Step, { kind: 'write' }>['by']): Promise<void> {
    const version = (this.versions.get(key) ?? 0) + 1
    this.versions.set(key, version)
    if (by === 'key') await this.rows.delete(key)
    if (by === 'tag') await this.cache.invalidateTags([`tag:${key}`])
    if (by === 'prefix') await this.rows.invalidatePrefix(key.slice(0, 5))
    if (by === 'clear') await this.rows.clear()
    if (by === 'set') await this.rows.set(key, this.read(key), { tags: [`tag:${key}`] })
    this.acknowledged.set(key, version)
  }

  answer(index: number, fails: boolean): void {
    const [load] = this.pending.splice(index % Math.max(1, this.pending.length), 1)
    if (fails) load?.reject(new Error('the database said no'))
    else load?.resolve({ ...load.row, loadedAtMs: this.clock.now() })
  }

  async end(): Promise<void> {
    for (let rounds = 0; rounds < 100; rounds++) {
      while (this.pending.length > 0) this.answer(0, false)
      await nextTurn()
    }
    await Promise.all(this.calls)
    const { loading, entries } = this.rows.stats()
    if (loading !== 0) this.faults.push(`${loading} loads never ended`)
    if (entries > 3) this.faults.push(`${entries} entries of 3`)
    for (const key of KEYS) {
      const seen = this.rows.peek(key)
      if (seen && seen.version !== (this.versions.get(key) ?? 0))
        this.faults.push(`${key}: kept version ${seen.version}`)
    }
  }
}

for (const kind of ['bounded', 'strict'] as const)
  await t.test(`a ${kind} namespace keeps its promises under any order of events`, async t => {
    let stepsDone = 0
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(), async (script, seed) => {
        const world = new World(kind, seed)
        for (const step of script) {
          stepsDone++
          if (step.kind === 'call') world.call(step.key)
          else if (step.kind === 'many') for (let call = 0; call < 3; call++) world.call(step.key)
          else if (step.kind === 'write') await world.write(step.key, step.by)
          else if (step.kind === 'answer') world.answer(step.index, step.fails)
          else world.clock.advance(step.ms)
          await nextTurn()
        }
        await world.end()
        if (world.faults.length > 0) throw new Error(world.faults.join('; '))
      }),
      { numRuns: 250 },
    )
    t.ok(stepsDone > 1_000)
  })
