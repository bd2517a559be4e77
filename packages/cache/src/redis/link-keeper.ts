// Keeps a link alive: opens it, and after its end the next one, until closed. Not being connected is a state, never something to wait for.
//
//     connecting ── link ──► connected ── its end ──► pause (jittered, doubling to reconnectMaxMs) ──► connecting ...
//
// Nothing here keeps a process alive: the pause is unref'd, and so is the socket.
import { openLink, type RedisLink } from './redis-link.ts'
import { RedisError } from './redis-error.ts'
import type { RedisSettings } from './redis-options.ts'

const FIRST_PAUSE_MS = 100

export class LinkKeeper {
  /** Resolves with the outcome of the first attempt. */
  readonly firstAttempt: Promise<void>
  readonly #settings: RedisSettings
  readonly #random: { next(): number }
  readonly #onLink = new Set<(link: RedisLink) => void>()
  readonly #closing = new AbortController()
  readonly #kept: Promise<void>
  #attempted!: () => void
  #link: RedisLink | undefined
  #failure: Error = new Error('the first connection is being made')

  constructor(settings: RedisSettings, random: { next(): number }) {
    this.#settings = settings
    this.#random = random
    this.firstAttempt = new Promise(resolve => (this.#attempted = resolve))
    this.#kept = this.#keep()
  }

  /** The living link, if there's one. */
  get current(): RedisLink | undefined {
    return this.#link
  }

  /** Why there's no link. */
  get failure(): Error {
    return this.#failure
  }

  get closed(): boolean {
    return this.#closing.signal.aborted
  }

  /** Calls `listener` with each new link before anyone else gets it. */
  onLink(listener: (link: RedisLink) => void): void {
    this.#onLink.add(listener)
  }

  /** Resolves when nothing is left, at the latest after a turn of the event loop. */
  async close(): Promise<void> {
    this.#closing.abort()
    this.#link?.end('it was closed')
    this.#link = undefined
    await this.#kept
  }

  async #keep(): Promise<void> {
    const { signal } = this.#closing
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        const link = await openLink(this.#settings, signal)
        if (signal.aborted) {
          link.end('it was closed')
          break
        }
        failures = 0
        this.#link = link
        for (const listener of this.#onLink) listener(link)
        this.#attempted()
        this.#failure = await link.ended
      } catch (error) {
        this.#failure = error instanceof Error ? error : new Error(String(error))
      }
      this.#link = undefined
      this.#attempted()
      if (!signal.aborted) await this.#pause(failures)
    }
    this.#failure = new RedisError('closed', 'The connection to Redis was closed.')
  }

  /** Between half and the whole of the pause, so that the processes of a fleet don't come back in step. */
  #pause(failures: number): Promise<void> {
    const longestMs = Math.min(this.#settings.reconnectMaxMs, FIRST_PAUSE_MS * 2 ** Math.min(failures, 16))
    const { signal } = this.#closing
    return new Promise(resolve => {
      const done = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, longestMs * (0.5 + this.#random.next() / 2)).unref()
      signal.addEventListener('abort', done, { once: true })
    })
  }
}
