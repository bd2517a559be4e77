// The right to load for all machines: a key with a life and a token that only its holder knows.
//
// It saves work and protects nothing: after `holdMs` another one may load as well, and a failover of Redis may forget a lease. Whoever must not run twice needs
// a lock in the database.
//
// Redis out of reach is neither "taken" nor "free": it's an error, so that the caller loads without a lease instead of waiting for a holder that doesn't exist.
import { randomUUID } from 'node:crypto'
import type { Lease } from '../machine/machine-map.ts'
import type { RedisConnection } from './redis-connection.ts'
import { RedisError } from './redis-error.ts'
import { RedisScript } from './redis-link.ts'

/** Leases of the whole cluster. */
export interface ClusterLeases {
  /**
   * The lease, or undefined when somebody else has it.
   * @param holdMs - whole milliseconds after which it ends by itself
   * @throws RedisError when that can't be known: load without
   */
  takeLease(key: string, holdMs: number): Promise<Lease | undefined>
  /** Whether somebody holds it at this moment. @throws RedisError when that can't be known */
  isLeased(key: string): Promise<boolean>
}

const RELEASE = new RedisScript(`if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`)

const RENEW = new RedisScript(`if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`)

export class RedisLeases implements ClusterLeases {
  readonly #redis: RedisConnection

  constructor(redis: RedisConnection) {
    this.#redis = redis
  }

  async takeLease(key: string, holdMs: number): Promise<Lease | undefined> {
    const name = this.#redis.keys.lease(key)
    const token = randomUUID()
    let gaveUp = false
    try {
      const taken = await this.#redis.circuit.run(async link => {
        try {
          return await link.send<unknown>(['SET', name, token, 'NX', 'PX', wholeMs(holdMs)])
        } finally {
          // Answered after we had stopped waiting: nobody holds it, so nobody would give it back.
          if (gaveUp) link.run(RELEASE, [name], [token]).catch(() => {})
        }
      })
      return taken === null ? undefined : this.#lease(name, token)
    } catch (error) {
      gaveUp = error instanceof RedisError && error.reason === 'timeout'
      throw error
    }
  }

  async isLeased(key: string): Promise<boolean> {
    const count = await this.#redis.circuit.run(link => link.send<number>(['EXISTS', this.#redis.keys.lease(key)]))
    return count > 0
  }

  #lease(name: string, token: string): Lease {
    return {
      release: async () => {
        try {
          await this.#redis.circuit.run(link => link.run(RELEASE, [name], [token]))
        } catch {
          // It ends by itself.
        }
      },
      renew: async holdMs => {
        try {
          return (
            (await this.#redis.circuit.run(link => link.run<number>(RENEW, [name], [token, wholeMs(holdMs)]))) === 1
          )
        } catch {
          // Unknown is no better than lost: the holder mustn't count on it.
          return false
        }
      },
    }
  }
}

function wholeMs(holdMs: number): string {
  return String(Math.max(1, Math.floor(holdMs)))
}
