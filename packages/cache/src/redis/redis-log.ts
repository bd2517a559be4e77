// The list of invalidations that machines share, in a Redis stream. Places count up by one, so a reader that finds a gap knows that something is lost.
//
// What can be lost, and what's said then: entries beyond `maxEntries` (trimmed), all of them (FLUSHALL, eviction), the latest ones (a server that was started
// again). In each case `since` answers `complete: false` once and goes on at the end; redis-log-scripts.ts keeps places of different numberings apart.
//
// Every append is one command. The doorbell is rung with it, but at most 20 times a second by one process: what falls into the pause is rung at its end.
import type { InvalidationLog, LogEntry, LogPage } from '../log/invalidation-log.ts'
import type { Subject } from '../subjects.ts'
import { CacheError } from '../errors.ts'
import { RedisCircuit } from './redis-circuit.ts'
import type { RedisConnection } from './redis-connection.ts'
import { RedisDoorbell, type Bell } from './redis-doorbell.ts'
import { RedisError } from './redis-error.ts'
import { APPEND, SINCE } from './redis-log-scripts.ts'

export interface RedisLogOptions {
  /** Entries kept, roughly. Default 100,000, range 100 to 10,000,000. A machine that was away for longer begins anew. */
  readonly maxEntries?: number
  /** Longest wait for an answer, in milliseconds. Default 1000, range 1-60,000: a lost invalidation is dearer than a miss, so it's longer than the tier's. */
  readonly timeoutMs?: number
}

type Row = readonly [id: Buffer, fields: readonly Buffer[]]

const PAGE_ENTRIES = 500
const RING_PAUSE_MS = 50
const MAX_PLACE = Number.MAX_SAFE_INTEGER - 2 ** 40

export class RedisLog implements InvalidationLog {
  readonly #redis: RedisConnection
  readonly #circuit: RedisCircuit
  readonly #maxEntries: number
  #doorbell: RedisDoorbell | undefined
  /** The highest place that this process knows: a numbering that hasn't reached it isn't the one that gave it. */
  #seen = 0
  #rangAtMs = Number.NEGATIVE_INFINITY
  #ringTimer: NodeJS.Timeout | undefined
  #closed = false

  /** @throws CACHE_ERR_OPTION */
  constructor(redis: RedisConnection, { maxEntries = 100_000, timeoutMs = 1000 }: RedisLogOptions = {}) {
    requireRange('maxEntries', maxEntries, 100, 10_000_000)
    requireRange('timeoutMs', timeoutMs, 1, 60_000)
    this.#redis = redis
    this.#maxEntries = maxEntries
    this.#circuit = new RedisCircuit('cache-redis-log', redis.keeper, redis.settings, timeoutMs, redis.clock)
    redis.onClose(() => this.close())
  }

  /** @throws RedisError: after `timeout` it may have been written all the same; writing it again does no harm */
  async append(subjects: readonly Subject[]): Promise<number> {
    this.#assertOpen()
    const entry = JSON.stringify(subjects)
    const channel = this.#channelToRing()
    try {
      const place = await this.#circuit.run(link =>
        link.run<Buffer>(
          APPEND,
          [this.#redis.keys.logPosition, this.#redis.keys.log],
          [link.serverId, String(this.#seen), entry, String(this.#maxEntries), channel],
        ),
      )
      return this.#see(Number(String(place)))
    } catch (error) {
      // It may have been written without us knowing, and it was to ring for earlier ones as well.
      if (channel !== '') this.#ringIn(RING_PAUSE_MS)
      throw error
    }
  }

  /** @throws RedisError */
  async since(position: number | undefined): Promise<LogPage> {
    this.#assertOpen()
    const asked = position === undefined || isPlace(position) ? position : 0
    const seen = Math.max(this.#seen, asked === undefined ? 0 : asked - 1)
    const [lastText, rows] = await this.#circuit.run(link =>
      link.run<readonly [last: Buffer, rows: readonly Row[]]>(
        SINCE,
        [this.#redis.keys.logPosition, this.#redis.keys.log],
        [link.serverId, String(seen), asked === undefined ? '' : String(asked), String(PAGE_ENTRIES)],
      ),
    )
    const end = this.#see(Number(String(lastText))) + 1
    if (asked === undefined || asked === end) return { entries: [], position: end, complete: true, more: false }
    const entries = readEntries(rows, asked)
    const latest = entries?.at(-1)
    if (entries === undefined || latest === undefined) {
      return { entries: [], position: end, complete: false, more: false }
    }
    return { entries, position: latest.position + 1, complete: true, more: latest.position + 1 < end }
  }

  /** Resolves when rings are heard, or, without a connection, when that's known: `lost` is called once they are. */
  async listen(bell: Bell): Promise<() => Promise<void>> {
    this.#assertOpen()
    this.#doorbell ??= new RedisDoorbell(this.#redis.settings, this.#redis.keys.bell, this.#redis.random)
    const stop = await this.#doorbell.listen(bell)
    return async () => stop()
  }

  /** Rings once more where a ring is due. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    if (this.#ringTimer !== undefined) await this.#ring()
    this.#circuit.close()
    await this.#doorbell?.close()
  }

  /** The channel when it's time to ring, and else a ring is put on the clock. */
  #channelToRing(): string {
    const nowMs = this.#redis.clock.now()
    const leftMs = this.#rangAtMs + RING_PAUSE_MS - nowMs
    if (leftMs > 0) {
      this.#ringIn(leftMs)
      return ''
    }
    clearTimeout(this.#ringTimer)
    this.#ringTimer = undefined
    this.#rangAtMs = nowMs
    return this.#redis.keys.bell
  }

  #ringIn(pauseMs: number): void {
    if (!this.#closed) this.#ringTimer ??= setTimeout(() => void this.#ring(), pauseMs).unref()
  }

  async #ring(): Promise<void> {
    clearTimeout(this.#ringTimer)
    this.#ringTimer = undefined
    this.#rangAtMs = this.#redis.clock.now()
    try {
      await this.#circuit.run(link => link.send(['PUBLISH', this.#redis.keys.bell, '']))
    } catch {
      // Others look by themselves now and then; a ring only makes it sooner.
    }
  }

  #see(position: number): number {
    this.#seen = Math.max(this.#seen, position)
    return position
  }

  #assertOpen(): void {
    if (this.#closed) throw new RedisError('closed', 'The log in Redis was closed.')
  }
}

/** Counting up from a place must stay exact; what's above was never given out. Place 0 was neither, so whoever asks from there has lost something. */
function isPlace(position: number): boolean {
  return Number.isSafeInteger(position) && position >= 0 && position <= MAX_PLACE
}

/** Undefined when one is missing, or can't be read: the first one has to be at the asked place. */
function readEntries(rows: readonly Row[], from: number): LogEntry[] | undefined {
  const entries: LogEntry[] = []
  for (const [id, fields] of rows) {
    const position = Number(String(id).split('-', 1)[0])
    const subjects = readSubjects(String(fields[1]))
    if (subjects === undefined || position !== from + entries.length) return undefined
    entries.push({ position, subjects })
  }
  return entries
}

function readSubjects(text: string): Subject[] | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return Array.isArray(parsed) && parsed.every(one => typeof one === 'string') ? parsed : undefined
  } catch {
    return undefined
  }
}

function requireRange(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return
  throw new CacheError('CACHE_ERR_OPTION', `${name} takes a whole number from ${least} to ${most}, not ${value}.`)
}
