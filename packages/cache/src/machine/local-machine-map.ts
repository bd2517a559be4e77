// The machine's map for a process that shares it with nobody: the same answers as the shared one, from memory.
//
// Invariants: those of `machine-map.ts`. `changes` holds an unbroken run of numbers that ends with the present one; a subject's row is there as long as its latest
// change is, and when both go the floor rises to that number: a subject without a row was never invalidated after the floor.
import { randomUUID } from 'node:crypto'
import { machineClock, type MachineClock } from './machine-clock.ts'
import type { Change, Followed, LastChange, Lease, MachineMap } from './machine-map.ts'
import type { Subject } from '../subjects.ts'

/** Changes that `changesAfter` tells at a time. */
export const CHANGES_AT_ONCE = 1000
/** Subjects that a map remembers one by one. */
export const DEFAULT_MAX_SUBJECTS = 100_000

export interface LocalMachineMapOptions {
  /** Subjects remembered one by one, repeated ones counted each time; older ones answer with the floor. Default 100,000. */
  readonly maxSubjects?: number
  readonly clock?: MachineClock
}

interface Row {
  readonly sequence: number
  /** The place to judge other machines' values by: the floor's when an earlier one may have been forgotten. */
  readonly position: number
  /** The highest place that was applied. */
  readonly applied: number
}

interface HeldLease {
  readonly token: number
  untilMs: number
}

/** @see MachineMap */
export class LocalMachineMap implements MachineMap {
  readonly epoch = randomUUID()
  readonly #clock: MachineClock
  readonly #maxSubjects: number
  readonly #changes = new Map<number, Change>()
  readonly #subjects = new Map<Subject, Row>()
  readonly #leases = new Map<string, HeldLease>()
  #sequence = 0
  #mentions = 0
  #floor: LastChange = { sequence: 0, position: 0 }
  #followed: Followed | undefined
  #nextToken = 1
  #closed = false

  constructor(options: LocalMachineMapOptions = {}) {
    this.#clock = options.clock ?? machineClock()
    this.#maxSubjects = options.maxSubjects ?? DEFAULT_MAX_SUBJECTS
  }

  nowMs(): number {
    return this.#clock.nowMs()
  }

  /** -1 after `close`: nothing can be said any more. */
  sequence(): number {
    return this.#sequence
  }

  changesAfter(sequence: number): readonly Change[] | undefined {
    if (sequence < 0 || sequence > this.#sequence) return undefined
    if (sequence < this.#sequence && !this.#changes.has(sequence + 1)) return undefined
    const found: Change[] = []
    for (let next = sequence + 1; found.length < CHANGES_AT_ONCE; next++) {
      const change = this.#changes.get(next)
      if (change === undefined) break
      found.push(change)
    }
    return found
  }

  lastChange(subject: Subject): LastChange {
    const { sequence, position } = this.#subjects.get(subject) ?? this.#floor
    return { sequence, position }
  }

  async invalidate(subjects: readonly Subject[], position = 0): Promise<number> {
    if (this.#closed) return this.#sequence
    const fresh = [...new Set(subjects)].filter(subject => position === 0 || this.#appliedTo(subject) < position)
    if (fresh.length === 0) return this.#sequence
    const sequence = this.#sequence + 1
    for (const subject of fresh) {
      const known = (this.#subjects.get(subject) ?? this.#floor).position
      const applied = Math.max(position, this.#appliedTo(subject))
      this.#subjects.set(subject, { sequence, position: Math.max(position, known), applied })
    }
    this.#changes.set(sequence, { sequence, subjects: fresh })
    this.#mentions += fresh.length
    this.#sequence = sequence
    this.#dropOldest()
    return sequence
  }

  #appliedTo(subject: Subject): number {
    return this.#subjects.get(subject)?.applied ?? 0
  }

  #dropOldest(): void {
    for (const [sequence, change] of this.#changes) {
      if (this.#mentions <= this.#maxSubjects || sequence === this.#sequence) return
      this.#changes.delete(sequence)
      this.#mentions -= change.subjects.length
      for (const subject of change.subjects) {
        const row = this.#subjects.get(subject)
        if (row?.sequence !== sequence) continue
        this.#subjects.delete(subject)
        this.#floor = { sequence, position: Math.max(this.#floor.position, row.position) }
      }
    }
  }

  async takeLease(key: string, holdMs: number): Promise<Lease | undefined> {
    if (this.isLeased(key) || this.#closed) return undefined
    const lease: HeldLease = { token: this.#nextToken++, untilMs: this.nowMs() + holdMs }
    this.#leases.set(key, lease)
    return {
      release: async () => {
        if (this.#leases.get(key)?.token === lease.token) this.#leases.delete(key)
      },
      renew: async renewMs => {
        if (this.#leases.get(key)?.token !== lease.token || lease.untilMs <= this.nowMs()) return false
        lease.untilMs = this.nowMs() + renewMs
        return true
      },
    }
  }

  isLeased(key: string): boolean {
    const lease = this.#leases.get(key)
    if (lease === undefined) return false
    if (lease.untilMs > this.nowMs()) return true
    this.#leases.delete(key)
    return false
  }

  followed(): Followed | undefined {
    return this.#followed
  }

  async setFollowed(followed: Followed): Promise<void> {
    this.#followed = followed
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#sequence = -1
    this.#changes.clear()
    this.#subjects.clear()
    this.#leases.clear()
  }
}
