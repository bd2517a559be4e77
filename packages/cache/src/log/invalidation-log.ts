// What machines tell each other about invalidations: a durable list with places, of which nothing is lost, and a doorbell that only says "look".
//
// A reader asks `since(position)` from the place where it stopped. Places are handed out so that a reader can't pass an entry that appears later: what the log
// calls `position` in its answer is a horizon, before which nothing will appear any more. Entries at or after it may be told twice.
import type { Subject } from '../subjects.ts'

export interface LogEntry {
  readonly position: number
  readonly subjects: readonly Subject[]
}

export interface LogPage {
  readonly entries: readonly LogEntry[]
  /** Where to go on: everything before it has been told. */
  readonly position: number
  /** False when entries after the asked position are gone: everything that was kept before has to go as well. */
  readonly complete: boolean
  /** More are waiting: ask again at once. */
  readonly more: boolean
  /** To be given back with `position`: then what was told in this page isn't told again. */
  readonly seen?: string
}

export interface InvalidationLog {
  /** Makes one durable by itself, for writes that aren't in its transaction; its place. */
  append(subjects: readonly Subject[]): Promise<number>
  /**
   * @param position - undefined: only tells the present horizon
   * @param seen - of the page that gave this position
   */
  since(position: number | undefined, seen?: string): Promise<LogPage>
  /** Calls `ring` when there may be something new, and `lost` when rings may have been missed. */
  listen(bell: { ring(): void; lost(): void }): Promise<() => Promise<void>>
  close(): Promise<void>
}
