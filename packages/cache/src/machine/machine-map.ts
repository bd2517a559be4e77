// What the processes of one machine share so that none of them serves what another has invalidated: a number that grows with each invalidation, what the
// latest ones were about, and leases that let one process load for all.
//
// Invariants an implementation keeps
// * `sequence()` is the latest committed number at the moment of the call, whoever committed it: a process that has been told that an invalidation is done
//   sees its number. It never goes back while `epoch` stays the same.
// * An invalidation's number, its subjects and their `lastChange` become visible together.
// * `lastChange` never forgets: a subject that was dropped to save space answers with a number at least as high as its own (see `floor`).
// * A lease has at most one holder until it expires; expiry is by a clock that all processes of the machine share and that nobody can set.
import type { Subject } from '../subjects.ts'

/** One invalidation. */
export interface Change {
  readonly sequence: number
  readonly subjects: readonly Subject[]
}

/** A subject's latest invalidation. */
export interface LastChange {
  /** The machine's number; 0: never. */
  readonly sequence: number
  /** Its place in the log that machines share; 0 where there's no log, or it isn't known. */
  readonly position: number
}

/** How far this machine has followed the log that machines share. */
export interface Followed {
  /** Every change before this place is in the map. */
  readonly position: number
  /** Places before this one are not known to the map: it began later, or lost them. */
  readonly sincePosition: number
  /** When the log was last heard, in ms of `nowMs()`. */
  readonly atMs: number
}

export interface MachineMap {
  /** Which numbering this is; another one after the map was made anew. */
  readonly epoch: string
  /** Milliseconds on a clock that all processes of this machine share and nobody can set. */
  nowMs(): number
  sequence(): number
  /** Changes with a higher number, oldest first; undefined when the map doesn't go back that far. At most 1,000 at a time: ask again from the last one. */
  changesAfter(sequence: number): readonly Change[] | undefined
  lastChange(subject: Subject): LastChange
  /**
   * Resolves with its number once every process that asks afterwards sees it.
   * @param position - its place in the log; a subject that was already invalidated for this place, or a later one, isn't again: the number is then the present one
   */
  invalidate(subjects: readonly Subject[], position?: number): Promise<number>
  /** Takes the lease, or tells by undefined that another holder has it. `holdMs` is the longest that others can be held up by a holder that hangs. */
  takeLease(key: string, holdMs: number): Promise<Lease | undefined>
  /** Whether a living holder has it at this moment. */
  isLeased(key: string): boolean
  followed(): Followed | undefined
  /** Set by the one process that follows the log. */
  setFollowed(followed: Followed): Promise<void>
  close(): Promise<void>
}

/** The right to load for the whole machine. */
export interface Lease {
  /** Gives it back if it's still held; harmless otherwise. */
  release(): Promise<void>
  /** Puts the expiry off by `holdMs` from now; false: it had expired and is another's, or nobody's. */
  renew(holdMs: number): Promise<boolean>
}
