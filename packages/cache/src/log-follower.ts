// Brings what other machines have invalidated into this machine's map. One process of the machine does it, under a lease; when it dies another takes over.
//
//     log.since(position) ─▶ map.invalidate(subjects, position) ─▶ map.setFollowed(horizon, now)
//        ▲ rung by the doorbell, and every `pollMs` anyhow: a lost ring costs time, never an invalidation
//
// Invariants
// * The machine's place moves only after everything before it is in the map.
// * When entries are gone that this machine hadn't seen, everything it holds is invalidated before the place moves.
import type { InvalidationLog } from './log/invalidation-log.ts'
import type { Lease, MachineMap } from './machine/machine-map.ts'
import { EVERYTHING } from './subjects.ts'

export interface LogFollowerOptions {
  readonly log: InvalidationLog
  readonly map: MachineMap
  /** How often the log is looked at without a ring, in ms. */
  readonly pollMs: number
  readonly onError: (error: unknown) => void
}

const LEASE_KEY = '\0log follower'
const LEASE_MS = 3_000

export class LogFollower {
  readonly #options: LogFollowerOptions
  #lease: Lease | undefined
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #again = false
  /** What the log wants back with a place; of the latest page that this process has read. */
  #seen: { readonly position: number; readonly seen: string } | undefined
  #closed = false
  #stopListening: (() => Promise<void>) | undefined

  constructor(options: LogFollowerOptions) {
    this.#options = options
  }

  /** Looks once, then goes on by itself; never rejects: an unreachable log is looked at again. */
  async start(): Promise<void> {
    await this.look()
    try {
      const stop = await this.#options.log.listen({ ring: () => void this.look(), lost: () => void this.look() })
      if (this.#closed) return await stop()
      this.#stopListening = stop
      // What came between the look and the bell.
      await this.look()
    } catch (error) {
      this.#options.onError(error)
    }
  }

  /** Joined: a ring during a look leads to one more. */
  look(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#again = true
    return (this.#looking ??= this.#lookUntilQuiet().finally(() => {
      this.#looking = undefined
      this.#schedule()
    }))
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    if (!this.#closed) this.#timer = setTimeout(() => void this.look(), this.#options.pollMs).unref()
  }

  async #lookUntilQuiet(): Promise<void> {
    while (this.#again && !this.#closed) {
      this.#again = false
      try {
        await this.#lookOnce()
      } catch (error) {
        this.#options.onError(error)
        return
      }
    }
  }

  async #lookOnce(): Promise<void> {
    const { log, map } = this.#options
    if (!(await this.#leads())) return
    let followed = map.followed()
    for (let more = true; more && !this.#closed;) {
      // Before it's asked: what comes in while it answers isn't in the page.
      const atMs = map.nowMs()
      const page = await log.since(
        followed?.position,
        this.#seen?.position === followed?.position ? this.#seen?.seen : undefined,
      )
      if (!page.complete) await map.invalidate([EVERYTHING])
      for (const entry of page.entries) await map.invalidate(entry.subjects, entry.position)
      const sincePosition = followed === undefined || !page.complete ? page.position : followed.sincePosition
      followed = { position: page.position, sincePosition, atMs }
      await map.setFollowed(followed)
      this.#seen = page.seen === undefined ? undefined : { position: page.position, seen: page.seen }
      more = page.more
    }
  }

  /** Whether this process is the one that follows. */
  async #leads(): Promise<boolean> {
    if (this.#lease && (await this.#lease.renew(LEASE_MS))) return true
    this.#lease = await this.#options.map.takeLease(LEASE_KEY, LEASE_MS)
    return this.#lease !== undefined
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#stopListening?.().catch(this.#options.onError)
    await this.#looking
    await this.#lease?.release().catch(this.#options.onError)
  }
}
