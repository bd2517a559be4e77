// One shared tier under a namespace that keeps nothing in memory: what a read and a write of 1 KiB take, decoded and encoded.
import { setTimeout as pause } from 'node:timers/promises'
import type { Cache, Namespace } from '@plimsoll/cache'
import { type Kibibyte, kibibyteOf } from './kibibyte.ts'

/** A tier as it's measured. */
export interface TierUnderTest {
  readonly name: string
  /** Where the namespace has it. */
  readonly place: 'machine' | 'far'
  /** What a read takes at most; undefined: nothing is promised. */
  readonly goalUs: number | undefined
  /** A cache with this tier at its place. @param folder - an empty one of its own */
  readonly open: (folder: string) => Promise<Cache>
}

export interface TierOrder {
  readonly operation: 'read' | 'write'
  readonly operations: number
  /** So many are under way at a time. */
  readonly inFlight: number
}

export interface TierResult {
  /** Of each operation, by the clock, in µs. */
  readonly latenciesUs: Float64Array
  /** Of all together, divided by their number. */
  readonly elapsedUsEach: number
  /** Of the whole process. */
  readonly cpuUsEach: number
}

/** Fewer than any tier keeps by default. */
const KEYS = 400
const FILLING_PASSES = 100
const FILLING_PAUSE_MS = 50

export class TierMeasure {
  readonly #cache: Cache
  readonly #namespace: Namespace<Kibibyte>
  readonly #values = Array.from({ length: KEYS }, (_, id) => kibibyteOf(id))
  readonly #keys = this.#values.map(({ id }) => `course:${id}`)

  private constructor(cache: Cache, namespace: Namespace<Kibibyte>) {
    this.#cache = cache
    this.#namespace = namespace
  }

  /** Filled and checked. @throws Error when a value doesn't come back as it went in, or isn't kept */
  static async open({ name, place, open }: TierUnderTest, folder: string): Promise<TierMeasure> {
    const cache = await open(folder)
    const namespace = cache.namespace<Kibibyte>('courses', {
      memory: { maxEntries: 0 },
      machine: place === 'machine' ? { maxEntries: 2 * KEYS } : false,
      far: place === 'far' ? { maxEntries: 2 * KEYS } : false,
      earlyRefresh: 0,
      jitter: 0,
    })
    const measure = new TierMeasure(cache, namespace)
    try {
      await measure.#fill(name)
      return measure
    } catch (error) {
      await cache.close()
      throw error
    }
  }

  async #fill(name: string): Promise<void> {
    await this.#connected(name)
    for (const [id, key] of this.#keys.entries()) await this.#namespace.set(key, this.#values[id] as Kibibyte)
    // Nobody waits for a far tier's writes, and a disk collects them: what isn't kept yet is loaded and stored once more.
    for (let pass = 1; await this.#isMissingAny(); pass++) {
      if (pass === FILLING_PASSES) throw new Error(`${name}: not all of ${KEYS} values are kept`)
      await pause(FILLING_PAUSE_MS)
    }
    for (const [id, key] of this.#keys.entries()) {
      const value = await this.#namespace.getOrLoad(key, () => missing(name, key))
      if (JSON.stringify(value) !== JSON.stringify(this.#values[id]))
        throw new Error(`${name}: ${key} was asked for, and the answer was ${JSON.stringify(value)}`)
    }
  }

  async #connected(name: string): Promise<void> {
    for (let pass = 1; ; pass++) {
      const { machine, far, inTouch } = this.#cache.stats()
      if (inTouch && [machine, far].every(tier => tier === undefined || tier.state === 'on')) return
      const reason = machine?.reason ?? far?.reason ?? 'it is out of touch with its log'
      if (pass === FILLING_PASSES) throw new Error(`${name} can't be used: ${reason}`)
      await pause(FILLING_PAUSE_MS)
    }
  }

  async #isMissingAny(): Promise<boolean> {
    let loads = 0
    for (const [id, key] of this.#keys.entries()) {
      await this.#namespace.getOrLoad(key, () => {
        loads++
        return this.#values[id] as Kibibyte
      })
    }
    return loads > 0
  }

  /** @throws Error when an answer was wrong, or a value wasn't there any more */
  async run({ operation, operations, inFlight }: TierOrder): Promise<TierResult> {
    const latenciesUs = new Float64Array(operations)
    const carryOut = operation === 'read' ? (at: number) => this.#read(at) : (at: number) => this.#write(at)
    let next = 0
    const lane = async (): Promise<void> => {
      while (next < operations) {
        const place = next++
        const startedAtMs = performance.now()
        await carryOut(place % KEYS)
        latenciesUs[place] = (performance.now() - startedAtMs) * 1000
      }
    }
    const before = process.cpuUsage()
    const startedAtMs = performance.now()
    await Promise.all(Array.from({ length: inFlight }, lane))
    const elapsedUsEach = ((performance.now() - startedAtMs) * 1000) / operations
    const { user, system } = process.cpuUsage(before)
    return { latenciesUs, elapsedUsEach, cpuUsEach: (user + system) / operations }
  }

  async #read(at: number): Promise<void> {
    const key = this.#keys[at] as string
    const { id } = await this.#namespace.getOrLoad(key, () => missing('the tier', key))
    if (id !== at) throw new Error(`${key} was asked for, and the answer was item ${id}`)
  }

  #write(at: number): Promise<void> {
    return this.#namespace.set(this.#keys[at] as string, this.#values[at] as Kibibyte)
  }

  close(): Promise<void> {
    return this.#cache.close()
  }
}

function missing(name: string, key: string): never {
  throw new Error(`${name}: ${key} was stored, and it isn't there any more`)
}
