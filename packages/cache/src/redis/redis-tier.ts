// The tier that machines share: bytes in Redis or Valkey, each with a life that the server ends.
//
// * Reads are joined: all `getMany` of one turn of the event loop become one command, whoever asked.
// * The rest of a life is what the server says (PTTL, read together with the value, so that it can't be another value's), less what the answer took. No clock is
//   compared with another one.
// * A failure is a miss. While there's no connection, or the circuit is open, a call is answered without a command, a timer or an error object.
//
// One script and not MGET with as many PTTL in MULTI: the same time per key (4-8 µs of 1 KiB over a Unix socket), one command to count and one answer to read.
//
// `limit` isn't enforced: Redis has no order of use per prefix, and a sorted set beside the entries would make each read a write. Set `maxmemory` and the policy
// `volatile-lru` on the server: it drops what was used longest ago, over all namespaces, and spares the log, which has no expiry.
import type { RemoteEntry, RemoteTier, StoredBytes, TierState } from '../tiers/tier.ts'
import { CacheError } from '../errors.ts'
import { RedisError } from './redis-error.ts'
import { RedisScript, type RedisArgument, type RedisLink } from './redis-link.ts'
import type { RedisConnection } from './redis-connection.ts'

export interface RedisTierOptions {
  /**
   * A larger value isn't kept, in bytes. Default 1 MiB, range 1 to 512 MiB (Redis's own limit).
   * One value holds up all others on the connection: 1 MiB takes 8 ms at 1 Gbit/s. With more, raise `timeoutMs` as well.
   */
  readonly maxValueBytes?: number
}

interface Read {
  /** Index of its first key in the turn's keys. */
  readonly first: number
  readonly count: number
  resolve(found: readonly (StoredBytes | undefined)[]): void
}

/** Value and rest of life of each key; a key of another type counts as missing. */
const READ = new RedisScript(`local found = {}
for i = 1, #KEYS do
  local value = redis.pcall('GET', KEYS[i])
  if type(value) == 'string' then
    found[2 * i - 1] = value
    found[2 * i] = redis.call('PTTL', KEYS[i])
  else
    found[2 * i - 1] = false
    found[2 * i] = -2
  end
end
return found`)

/** Of one command: a script of 500 reads holds up the server for about a millisecond. */
const MAX_KEYS = 500
/** Written without waiting for an answer in between, unless one value alone is larger. */
const MAX_WRITE_BYTES = 1_048_576
const SCAN_COUNT = 1000
const MAX_VALUE_BYTES = 512 * 1_048_576
const DEFAULT_VALUE_BYTES = 1_048_576
/** PX takes no more than fits its clock; ten years are for ever. */
const MAX_LIFE_MS = 10 * 365 * 86_400_000

export class RedisTier implements RemoteTier {
  readonly name = 'redis'
  readonly #redis: RedisConnection
  readonly #maxValueBytes: number
  #keys: string[] = []
  #reads: Read[] = []
  readonly #refused: { read: string | undefined; write: string | undefined } = { read: undefined, write: undefined }
  #closed = false

  /** @throws CACHE_ERR_OPTION */
  constructor(redis: RedisConnection, { maxValueBytes = DEFAULT_VALUE_BYTES }: RedisTierOptions = {}) {
    if (!Number.isInteger(maxValueBytes) || maxValueBytes < 1 || maxValueBytes > MAX_VALUE_BYTES) {
      throw new CacheError(
        'CACHE_ERR_OPTION',
        `maxValueBytes takes 1 to ${MAX_VALUE_BYTES} bytes, not ${maxValueBytes}.`,
      )
    }
    this.#redis = redis
    this.#maxValueBytes = maxValueBytes
  }

  /** Never rejects. */
  getMany(namespace: string, keys: readonly string[]): Promise<readonly (StoredBytes | undefined)[]> {
    if (keys.length === 0 || !this.#usable) return Promise.resolve(misses(keys.length))
    return new Promise(resolve => {
      if (this.#reads.length === 0) setImmediate(() => void this.#readAll())
      this.#reads.push({ first: this.#keys.length, count: keys.length, resolve })
      for (const key of keys) this.#keys.push(this.#redis.keys.entry(namespace, key))
    })
  }

  /** Never rejects; a value that's too large or that the server refuses isn't kept. */
  async setMany(namespace: string, entries: readonly RemoteEntry[]): Promise<void> {
    let commands: RedisArgument[][] = []
    let bytes = 0
    for (const entry of entries) {
      // What was there before would outlive this value, so it goes where this one isn't kept.
      const command = this.#setCommand(namespace, entry)
      const size = command[0] === 'SET' ? entry.bytes.byteLength : 0
      if (commands.length > 0 && (commands.length >= MAX_KEYS || bytes + size > MAX_WRITE_BYTES)) {
        if (!(await this.#write(commands))) return
        commands = []
        bytes = 0
      }
      commands.push(command)
      bytes += size
    }
    if (commands.length > 0) await this.#write(commands)
  }

  /** Never rejects. A value that couldn't be deleted may be read again later: whether it may be served is for the caller's versions to say. */
  async deleteMany(namespace: string, keys: readonly string[]): Promise<void> {
    for (let i = 0; i < keys.length; i += MAX_KEYS) {
      const some = keys.slice(i, i + MAX_KEYS).map(key => this.#redis.keys.entry(namespace, key))
      if (!(await this.#write([['UNLINK', ...some]]))) return
    }
  }

  /**
   * Removes what was there when it began; what's stored meanwhile may stay. Never rejects; it ends early when the server fails.
   *
   * It walks over all keys of the database in small steps (SCAN, UNLINK). A number of the generation in each key would make it one command, but would have to be
   * read with every read, or else others go on with what was cleared.
   */
  async clear(namespace?: string): Promise<void> {
    const pattern = this.#redis.keys.entriesPattern(namespace)
    let cursor = '0'
    do {
      const step = await this.#try('read', link =>
        link.send<[Buffer, Buffer[]]>(['SCAN', cursor, 'MATCH', pattern, 'COUNT', String(SCAN_COUNT)]),
      )
      if (step === undefined) return
      const [next, keys] = step
      cursor = String(next)
      if (keys.length > 0 && !(await this.#write([['UNLINK', ...keys]]))) return
    } while (cursor !== '0')
  }

  /** Does nothing: see the head of this file. */
  limit(): void {}

  /** Without `entries` and `bytes`: Redis keeps no count per prefix. */
  state(): TierState {
    const { state, reason } = this.#redis.state()
    if (this.#closed) return { state: 'off', reason: 'It was closed.' }
    const refused = this.#refused.read ?? this.#refused.write
    if (state === 'on' && refused !== undefined) return { state: 'degraded', reason: refused }
    return reason === undefined ? { state } : { state, reason }
  }

  /** What's asked afterwards is a miss. The connection stays: it's its owner's. */
  async close(): Promise<void> {
    this.#closed = true
  }

  get #usable(): boolean {
    return !this.#closed && this.#redis.circuit.admits
  }

  async #readAll(): Promise<void> {
    const keys = this.#keys
    const reads = this.#reads
    this.#keys = []
    this.#reads = []
    const found = misses(keys.length)
    const parts: Promise<void>[] = []
    for (let i = 0; i < keys.length; i += MAX_KEYS) parts.push(this.#readSome(keys.slice(i, i + MAX_KEYS), i, found))
    await Promise.all(parts)
    if (reads.length === 1) reads[0]?.resolve(found)
    else for (const read of reads) read.resolve(found.slice(read.first, read.first + read.count))
  }

  async #readSome(keys: readonly string[], first: number, found: (StoredBytes | undefined)[]): Promise<void> {
    const startMs = this.#redis.clock.now()
    const reply = await this.#try('read', link => link.run<(Buffer | number | null)[]>(READ, keys, []))
    if (reply === undefined) return
    const tookMs = this.#redis.clock.now() - startMs
    for (let i = 0; i < keys.length; i++) {
      const bytes = reply[2 * i]
      const leftMs = Number(reply[2 * i + 1]) - tookMs
      // Without a life it isn't ours, whoever made it so.
      if (Buffer.isBuffer(bytes) && leftMs > 0) found[first + i] = { bytes, leftMs }
    }
  }

  #setCommand(namespace: string, { key, bytes, lifeMs }: RemoteEntry): RedisArgument[] {
    const name = this.#redis.keys.entry(namespace, key)
    const wholeMs = Math.floor(Math.min(lifeMs, MAX_LIFE_MS))
    if (!(wholeMs >= 1) || bytes.byteLength > this.#maxValueBytes) return ['UNLINK', name]
    const value = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return ['SET', name, value, 'PX', String(wholeMs)]
  }

  /** One round trip; false when it failed. */
  async #write(commands: readonly RedisArgument[][]): Promise<boolean> {
    const done = await this.#try('write', async link => {
      const results = await Promise.allSettled(commands.map(command => link.send(command)))
      const failure = results.find(result => result.status === 'rejected')
      if (failure !== undefined) throw failure.reason
      return true
    })
    return done !== undefined
  }

  /** Undefined when there's no answer. What the server refuses (out of memory, loading, no rights) shows in `state()` until the same kind succeeds. */
  async #try<Result>(kind: 'read' | 'write', work: (link: RedisLink) => Promise<Result>): Promise<Result | undefined> {
    if (!this.#usable) return undefined
    try {
      const result = await this.#redis.circuit.run(work)
      if (this.#refused[kind] !== undefined) this.#refused[kind] = undefined
      return result
    } catch (error) {
      if (error instanceof RedisError && error.reason === 'refused') this.#refused[kind] = error.message
      return undefined
    }
  }
}

function misses(count: number): (StoredBytes | undefined)[] {
  return Array.from<StoredBytes | undefined>({ length: count })
}
