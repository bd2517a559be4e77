// Hears when another process has written to the log: SUBSCRIBE on a connection of its own.
//
// Redis forgets a message that nobody hears, so each new connection after the first says `lost`. A connection that died without a word (a cable, a firewall) is
// found by a PING every few seconds.
import { LinkKeeper } from './link-keeper.ts'
import type { RedisLink } from './redis-link.ts'
import type { RedisSettings } from './redis-options.ts'

export interface Bell {
  ring(): void
  lost(): void
}

const PING_EVERY_MS = 5000

export class RedisDoorbell {
  readonly #channel: string
  readonly #connectTimeoutMs: number
  readonly #keeper: LinkKeeper
  readonly #bells = new Set<Bell>()
  /** Those that wait for the first subscription: they haven't missed anything yet. */
  readonly #newcomers = new Set<Bell>()
  readonly #firstOutcome = Promise.withResolvers<void>()
  readonly #pingTimer: NodeJS.Timeout
  /** The link whose subscription is in force. */
  #heard: RedisLink | undefined

  constructor(settings: RedisSettings, channel: string, random: { next(): number }) {
    this.#channel = channel
    this.#connectTimeoutMs = settings.connectTimeoutMs
    this.#keeper = new LinkKeeper(settings, random)
    this.#keeper.onLink(link => void this.#subscribe(link))
    void this.#keeper.firstAttempt.then(() => {
      if (this.#keeper.current === undefined) this.#settle()
    })
    this.#pingTimer = setInterval(() => void this.#ping(), PING_EVERY_MS).unref()
  }

  /** Resolves when rings are heard, or when the first attempt has failed; `lost` is called once they are, then. */
  async listen(bell: Bell): Promise<() => void> {
    this.#bells.add(bell)
    if (this.#heard === undefined) this.#newcomers.add(bell)
    await this.#firstOutcome.promise
    return () => {
      this.#bells.delete(bell)
      this.#newcomers.delete(bell)
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#pingTimer)
    this.#bells.clear()
    this.#settle()
    await this.#keeper.close()
  }

  async #subscribe(link: RedisLink): Promise<void> {
    const silent = this.#endUnlessAnswered(link)
    try {
      await link.subscribe(this.#channel, () => this.#tell('ring'))
      this.#heard = link
      void link.ended.then(() => (this.#heard = undefined))
      this.#tell('lost')
    } catch {
      // Ended on the way, or the access list forbids the channel: the keeper tries again with a new connection.
      link.end('it could not be subscribed')
    } finally {
      clearTimeout(silent)
      this.#settle()
    }
  }

  /** In a microtask of its own: what a listener throws isn't an error of the connection. */
  #tell(what: keyof Bell): void {
    for (const bell of this.#bells) {
      if (what === 'lost' && this.#newcomers.delete(bell)) continue
      queueMicrotask(() => {
        if (this.#bells.has(bell)) bell[what]()
      })
    }
  }

  #settle(): void {
    this.#newcomers.clear()
    this.#firstOutcome.resolve()
  }

  async #ping(): Promise<void> {
    const link = this.#heard
    if (link === undefined) return
    const silent = this.#endUnlessAnswered(link)
    try {
      await link.send(['PING'])
    } catch {
      // Its end is seen by the keeper.
    } finally {
      clearTimeout(silent)
    }
  }

  #endUnlessAnswered(link: RedisLink): NodeJS.Timeout {
    return setTimeout(
      () => link.end(`it hasn't answered for ${this.#connectTimeoutMs} ms`),
      this.#connectTimeoutMs,
    ).unref()
  }
}
