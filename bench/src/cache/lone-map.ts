// A machine's map for a machine with one process: shared tiers need one, and what it costs isn't what is measured.
import type { Change, Followed, LastChange, Lease, MachineMap, Subject } from '@plimsoll/cache'

export class LoneMap implements MachineMap {
  readonly epoch = 'bench'
  readonly #lastChanges = new Map<Subject, number>()
  readonly #leases = new Set<string>()
  #sequence = 0

  nowMs(): number {
    return performance.now()
  }

  sequence(): number {
    return this.#sequence
  }

  /** Undefined: it keeps no list, and subjects are asked for one by one. */
  changesAfter(sequence: number): readonly Change[] | undefined {
    return sequence === this.#sequence ? [] : undefined
  }

  lastChange(subject: Subject): LastChange {
    return { sequence: this.#lastChanges.get(subject) ?? 0, position: 0 }
  }

  async invalidate(subjects: readonly Subject[]): Promise<number> {
    this.#sequence++
    for (const subject of subjects) this.#lastChanges.set(subject, this.#sequence)
    return this.#sequence
  }

  async takeLease(key: string): Promise<Lease | undefined> {
    if (this.#leases.has(key)) return undefined
    this.#leases.add(key)
    return { release: async () => void this.#leases.delete(key), renew: async () => true }
  }

  isLeased(key: string): boolean {
    return this.#leases.has(key)
  }

  followed(): Followed | undefined {
    return undefined
  }

  async setFollowed(): Promise<void> {}

  async close(): Promise<void> {}
}
