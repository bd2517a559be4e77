// Redis or Valkey as the other files of this folder see it: a connection that's kept, a circuit around it, and the names of keys.
//
// Why start-up never waits: a process without Redis serves from its other tiers. What can't be asked says so at once, and a new connection is made meanwhile.
import { LinkKeeper } from './link-keeper.ts'
import { RedisCircuit, type Clock } from './redis-circuit.ts'
import { RedisKeys } from './redis-keys.ts'
import { parseRedisOptions, type RedisOptions, type RedisSettings } from './redis-options.ts'

export interface RedisState {
  /** `degraded`: not connected, or too slow; it's tried again. `off`: closed. */
  readonly state: 'on' | 'degraded' | 'off'
  readonly reason?: string
}

/** Where time and chance come from; for tests. */
export interface RedisSources {
  readonly clock?: Clock
  readonly random?: { next(): number }
}

export class RedisConnection {
  readonly settings: RedisSettings
  readonly clock: Clock
  readonly random: { next(): number }
  readonly keys: RedisKeys
  readonly keeper: LinkKeeper
  /** For what a request waits for. */
  readonly circuit: RedisCircuit
  readonly #closers = new Set<() => Promise<void> | void>()

  /** Use `openRedis`. */
  constructor(settings: RedisSettings, { clock = performance, random = { next: Math.random } }: RedisSources) {
    this.settings = settings
    this.clock = clock
    this.random = random
    this.keys = new RedisKeys(settings.keyPrefix)
    this.keeper = new LinkKeeper(settings, random)
    this.circuit = new RedisCircuit('cache-redis', this.keeper, settings, settings.timeoutMs, clock)
  }

  /** Resolves as soon as the first attempt to connect has succeeded or failed; nobody needs to wait for it. */
  get firstAttempt(): Promise<void> {
    return this.keeper.firstAttempt
  }

  state(): RedisState {
    const { refusal } = this.circuit
    if (refusal === undefined) return { state: 'on' }
    return { state: refusal.reason === 'closed' ? 'off' : 'degraded', reason: refusal.message }
  }

  /** What has to end with the connection. */
  onClose(close: () => Promise<void> | void): void {
    this.#closers.add(close)
  }

  /** Ends the connection and all that uses it; commands that wait are rejected. Takes no answer from the server. */
  async close(): Promise<void> {
    for (const close of this.#closers) await close()
    this.circuit.close()
    await this.keeper.close()
  }
}

/**
 * Begins to connect and returns at once, whether there's a server or not.
 * @throws CACHE_ERR_OPTION
 */
export function openRedis(options: RedisOptions, sources: RedisSources = {}): RedisConnection {
  return new RedisConnection(parseRedisOptions(options), sources)
}
