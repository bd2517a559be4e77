// Whether this process knows of every invalidation that it has to know of, and since when it doesn't.
//
//     in touch ──▶ the machine's map can't be read, or the machine hasn't heard the log that machines share for `silenceMs` ──▶ out of touch
//              ◀── both are there again
//
// Invariant: while out of touch `applied` is -1, so that nothing that was checked before passes for checked now: strict namespaces load every time, bounded ones
// serve what isn't older than their bound.
import type { MachineMap } from './machine/machine-map.ts'
import { hash64 } from './stored-entry.ts'
import { Versions } from './versions.ts'

/** How often a process looks at how far its machine has followed the log; at least four times within the silence that's allowed. */
const FOLLOWED_EVERY_MS = 250

export interface ContactOptions {
  readonly map: MachineMap
  /** Whether a log is shared with other machines. */
  readonly logged: boolean
  /** Silence of the log after which other machines' invalidations count as unknown. */
  readonly silenceMs: number
  readonly onChange: (inTouch: boolean, reason: string) => void
  /** The machine's numbers may have begun anew: what's in memory can't be judged by them. */
  readonly onNewEra: () => void
}

export class Contact {
  readonly versions: Versions
  readonly #options: ContactOptions
  readonly #followedEveryMs: number
  /** The number up to which everything is known, or -1 while out of touch. */
  applied: number
  /** The machine's place in the log, and from where on it knows it; 0 without a log. */
  position = 0
  sincePosition = 0
  /** When this process itself invalidated something for the last time, in ms of its clock. */
  changedAtMs = Number.NEGATIVE_INFINITY
  /** Which machine's numbers these are, as entries say it. */
  machine: Uint8Array
  #followedDueAtMs = Number.NEGATIVE_INFINITY
  #followedInTime = true
  #inTouch: boolean
  #era = 0

  constructor(options: ContactOptions) {
    this.#options = options
    this.#followedEveryMs = Math.min(FOLLOWED_EVERY_MS, options.silenceMs / 4)
    this.versions = new Versions(options.map)
    this.#followedInTime = !options.logged
    this.applied = options.logged ? -1 : this.versions.applied
    this.#inTouch = this.applied >= 0
    this.machine = hash64(options.map.epoch)
  }

  /** Learns of everything up to now; the number up to which all is known, or -1. @hot */
  look(nowMs: number): number {
    const applied = this.versions.sync()
    if (this.#options.logged && nowMs >= this.#followedDueAtMs) this.#lookAtLog(nowMs)
    if (applied === this.applied && this.#followedInTime) return applied
    return this.#changed(applied)
  }

  #lookAtLog(nowMs: number): void {
    this.#followedDueAtMs = nowMs + this.#followedEveryMs
    const { map, silenceMs } = this.#options
    const followed = map.followed()
    // By the time of the next look it may be as much older.
    this.#followedInTime = followed !== undefined && map.nowMs() - followed.atMs <= silenceMs - this.#followedEveryMs
    this.position = followed?.position ?? 0
    this.sincePosition = followed?.sincePosition ?? Number.POSITIVE_INFINITY
  }

  #changed(applied: number): number {
    if (this.versions.era !== this.#era) {
      this.#era = this.versions.era
      this.machine = hash64(this.#options.map.epoch)
      this.#options.onNewEra()
    }
    const inTouch = applied >= 0 && this.#followedInTime
    this.applied = inTouch ? applied : -1
    if (inTouch !== this.#inTouch) {
      this.#inTouch = inTouch
      const reason = applied < 0 ? 'the machine’s map can’t be read' : 'the log of the machines is silent'
      this.#options.onChange(inTouch, inTouch ? '' : reason)
    }
    return this.applied
  }

  get inTouch(): boolean {
    return this.#inTouch
  }
}
