// What a slow Redis may cost: one time-out. opossum around every round trip; only time-outs count, since an error that comes at once costs nothing.
//
//     closed ── timeoutsToOpen time-outs in a row, or more than half of at least 10 round trips in 10 s ──► open
//     open ── every probeEveryMs one PING in the background ── answered, or a new connection ──► closed
//
// opossum lets the first call after its pause be the probe, and that would be somebody's request: here the probe is sent in the very moment when the circuit
// becomes half open, so that requests are refused until it's answered.
//
// Without it (circuitBreaker: false) each call costs its own time-out while the server hangs. Nothing is probed then, so it's their time-outs that tell of a dead connection.
import CircuitBreaker from 'opossum'
import type { LinkKeeper } from './link-keeper.ts'
import { RedisError } from './redis-error.ts'
import { asRedisError, type RedisLink } from './redis-link.ts'
import type { RedisSettings } from './redis-options.ts'

export interface Clock {
  /** Monotonic milliseconds. */
  now(): number
}

type Work = (link: RedisLink) => Promise<unknown>

const ROLLING_MS = 10_000
const MIN_ROUND_TRIPS = 10
const FAILED_PERCENT = 50
/** A timer that fires so much too late tells that this process was busy, not that the server was slow. */
const OWN_DELAY_MS = 10

export class RedisCircuit {
  readonly #keeper: LinkKeeper
  readonly #settings: RedisSettings
  readonly #timeoutMs: number
  readonly #clock: Clock
  readonly #breaker: CircuitBreaker<[RedisLink, Work]> | undefined
  #timeoutsInARow = 0
  /** Since when time-outs were followed by no answer. */
  #silentSinceMs: number | undefined
  #linkSinceMs = 0

  constructor(name: string, keeper: LinkKeeper, settings: RedisSettings, timeoutMs: number, clock: Clock) {
    this.#keeper = keeper
    this.#settings = settings
    this.#timeoutMs = timeoutMs
    this.#clock = clock
    const breaker = settings.circuitBreaker ? this.#createBreaker(name) : undefined
    this.#breaker = breaker
    keeper.onLink(() => {
      this.#linkSinceMs = clock.now()
      this.#timeoutsInARow = 0
      this.#silentSinceMs = undefined
      if (breaker?.isShutdown === false) breaker.close()
    })
  }

  /** Whether a round trip would be tried now. */
  get admits(): boolean {
    return this.#keeper.current !== undefined && !this.#isOpen
  }

  /** Why not; undefined when it would. */
  get refusal(): RedisError | undefined {
    if (this.#keeper.closed) return new RedisError('closed', 'The connection to Redis was closed.')
    if (this.#keeper.current === undefined) return asRedisError(this.#keeper.failure, this.#settings)
    if (!this.#isOpen) return undefined
    return new RedisError(
      'circuit-open',
      `Redis at ${this.#settings.place} didn't answer within ${this.#timeoutMs} ms; it's probed every ${this.#settings.probeEveryMs} ms.`,
    )
  }

  /** Asks the server, once and in bounded time. @throws RedisError */
  async run<Result>(work: (link: RedisLink) => Promise<Result>): Promise<Result> {
    const link = this.#keeper.current
    if (link === undefined || this.#isOpen) throw this.refusal ?? new RedisError('offline', 'Redis has gone.')
    try {
      const breaker = this.#breaker
      return (await (breaker === undefined ? this.#alone(link, work) : breaker.fire(link, work))) as Result
    } catch (error) {
      const failure = asRedisError(error, this.#settings)
      if (failure.reason === 'refused' && isReadOnly(error)) this.#leaveReplica(link)
      throw failure
    }
  }

  close(): void {
    this.#breaker?.shutdown()
  }

  get #isOpen(): boolean {
    return this.#breaker?.closed === false
  }

  #createBreaker(name: string): CircuitBreaker<[RedisLink, Work]> {
    const breaker = new CircuitBreaker<[RedisLink, Work]>((link, work) => this.#bounded(link, work), {
      name,
      timeout: false,
      resetTimeout: this.#settings.probeEveryMs,
      rollingCountTimeout: ROLLING_MS,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      volumeThreshold: MIN_ROUND_TRIPS,
      errorThresholdPercentage: FAILED_PERCENT,
      errorFilter: error => !isTimeout(error),
    })
    breaker.on('success', () => {
      this.#timeoutsInARow = 0
      this.#silentSinceMs = undefined
    })
    breaker.on('failure', () => this.#failed(breaker))
    breaker.on('halfOpen', () => void this.#probe(breaker))
    return breaker
  }

  /** Without a circuit. */
  async #alone(link: RedisLink, work: Work): Promise<unknown> {
    try {
      const result = await this.#bounded(link, work)
      this.#silentSinceMs = undefined
      return result
    } catch (error) {
      if (isTimeout(error)) this.#endSilent(link)
      else this.#silentSinceMs = undefined
      throw error
    }
  }

  /** The timer holds the process: somebody waits for this answer. */
  #bounded(link: RedisLink, work: Work): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const start = (mayExtend: boolean): NodeJS.Timeout => {
        const dueMs = this.#clock.now() + this.#timeoutMs
        return setTimeout(() => {
          if (mayExtend && this.#clock.now() > dueMs + OWN_DELAY_MS) timer = start(false)
          else reject(new RedisError('timeout', `Redis didn't answer within ${this.#timeoutMs} ms.`))
        }, this.#timeoutMs)
      }
      let timer = start(true)
      work(link).then(
        result => {
          clearTimeout(timer)
          resolve(result)
        },
        error => {
          clearTimeout(timer)
          reject(error)
        },
      )
    })
  }

  #failed(breaker: CircuitBreaker<[RedisLink, Work]>): void {
    this.#timeoutsInARow++
    if (this.#timeoutsInARow < this.#settings.timeoutsToOpen) return
    if (breaker.closed) this.#silentSinceMs = this.#clock.now()
    breaker.open()
  }

  /** A primary that was made a replica keeps its connections: the name may lead to another server by now. A young link was just led here. */
  #leaveReplica(link: RedisLink): void {
    if (this.#clock.now() - this.#linkSinceMs >= this.#settings.silentMaxMs) link.end('it has become a replica')
  }

  async #probe(breaker: CircuitBreaker<[RedisLink, Work]>): Promise<void> {
    const link = this.#keeper.current
    // A new link closes the circuit: it has answered the handshake.
    if (link === undefined) return
    try {
      await breaker.fire(link, link => link.send(['PING']))
    } catch {
      this.#endSilent(link)
    }
  }

  #endSilent(link: RedisLink): void {
    const nowMs = this.#clock.now()
    this.#silentSinceMs ??= nowMs
    const silentMs = nowMs - this.#silentSinceMs
    if (silentMs >= this.#settings.silentMaxMs) link.end(`it hasn't answered for ${Math.round(silentMs)} ms`)
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof RedisError && error.reason === 'timeout'
}

function isReadOnly(error: unknown): boolean {
  return error instanceof Error && error.message.includes('READONLY')
}
