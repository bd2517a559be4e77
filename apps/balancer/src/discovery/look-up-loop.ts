// Looks a list of endpoints up again and again: waits as long as the answer holds, and longer and longer while none comes.
//
//   start ──► look up ──► wait ──► look up ──► …       stop at any time
//
// Invariants
// * One look-up at a time, each over a resolver of its own, which is cancelled when the time is over.
// * A list is told only when it differs from the one before; a look-up that fails tells none.
// * A fault is reported once until it changes or ends.
// * After `stop` nothing runs and nobody is told anything.
import type { EndpointDescription } from '../upstream/endpoint.ts'
import type { Timers } from '../transport/timers.ts'
import { isSameList } from './endpoint-list.ts'
import type { CreateResolver, NameResolver } from './name-resolver.ts'

/** What one look-up gave. */
export interface LookUpOutcome {
  /** In an order of its own, not that of the answers; null when nothing was learnt. */
  readonly endpoints: readonly EndpointDescription[] | null
  /** How long that holds; Infinity if nothing says so. */
  readonly refreshMs: number
  /** What went wrong, though something may have been learnt; null when nothing did. */
  readonly fault: string | null
}

/** One look-up. After the signal is aborted it asks nothing more. It may reject: then nothing was learnt. */
export type LookUp = (resolver: NameResolver, signal: AbortSignal) => Promise<LookUpOutcome>

export interface LookUpLoopOptions {
  /** A look-up that takes longer ends with what is known by then. */
  readonly timeoutMs: number
  /** First wait after a failure; each further one is twice as long, up to `maxRetryMs`, ± 10 %. */
  readonly minRetryMs: number
  readonly maxRetryMs: number
}

export interface LookUpSurroundings {
  readonly createResolver: CreateResolver
  readonly timers: Timers
  readonly random: { next(): number }
}

/** Told of what a source of endpoints finds. */
export interface SourceListener {
  /** The whole list of this source, whenever it has changed. */
  onList(list: readonly EndpointDescription[]): void
  /** The last list stays. One sentence, told once until it changes. */
  onFault(message: string): void
}

const JITTER_RATIO = 0.1

export class LookUpLoop {
  readonly #options: LookUpLoopOptions
  readonly #surroundings: LookUpSurroundings
  readonly #listener: SourceListener
  readonly #lookUp: LookUp
  #timer: unknown = null
  #running: AbortController | null = null
  #failuresInRow = 0
  #lastFault: string | null = null
  #lastList: readonly EndpointDescription[] | null = null
  #stopped = false

  constructor(options: LookUpLoopOptions, surroundings: LookUpSurroundings, listener: SourceListener, lookUp: LookUp) {
    this.#options = options
    this.#surroundings = surroundings
    this.#listener = listener
    this.#lookUp = lookUp
  }

  /** Resolves when the first look-up has ended, however: after `timeoutMs` at the latest. */
  start(): Promise<void> {
    return this.#turn()
  }

  stop(): void {
    this.#stopped = true
    this.#surroundings.timers.clearTimeout(this.#timer)
    this.#running?.abort()
  }

  async #turn(): Promise<void> {
    if (this.#stopped) return
    const { timers } = this.#surroundings
    const controller = new AbortController()
    this.#running = controller
    const deadline = timers.setTimeout(() => controller.abort(), this.#options.timeoutMs)
    const outcome = await this.#look(controller.signal)
    timers.clearTimeout(deadline)
    this.#running = null
    if (this.#stopped) return
    this.#failuresInRow = outcome.fault === null ? 0 : this.#failuresInRow + 1
    this.#timer = timers.setTimeout(() => void this.#turn(), this.#delayMs(outcome))
    this.#tell(outcome)
  }

  async #look(signal: AbortSignal): Promise<LookUpOutcome> {
    try {
      const resolver = this.#surroundings.createResolver()
      signal.addEventListener('abort', () => resolver.cancel())
      return await this.#lookUp(resolver, signal)
    } catch (error) {
      return { endpoints: null, refreshMs: Infinity, fault: (error as Error).message }
    }
  }

  #tell({ endpoints, fault }: LookUpOutcome): void {
    if (fault !== null && fault !== this.#lastFault) this.#listener.onFault(fault)
    this.#lastFault = fault
    if (endpoints === null || (this.#lastList !== null && isSameList(endpoints, this.#lastList))) return
    this.#lastList = endpoints
    this.#listener.onList(endpoints)
  }

  #delayMs({ refreshMs, fault }: LookUpOutcome): number {
    if (fault === null) return refreshMs
    const { minRetryMs, maxRetryMs } = this.#options
    // 2^30 times the least wait is far beyond the longest one.
    const backOffMs = Math.min(maxRetryMs, minRetryMs * 2 ** Math.min(this.#failuresInRow - 1, 30))
    const jitter = 1 - JITTER_RATIO + 2 * JITTER_RATIO * this.#surroundings.random.next()
    return Math.min(refreshMs, backOffMs * jitter)
  }
}
