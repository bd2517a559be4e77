// What a part of the suite is and what it's given.
import type { BenchIo } from '../suite.ts'

/** How long and how often. */
export interface Effort {
  readonly quick: boolean
  readonly rounds: number
}

export interface PartTools {
  readonly io: BenchIo
  readonly effort: Effort
  /** For what processes share: in shared memory, removed at the end. */
  readonly sharedFolder: string
}

export interface Part {
  readonly name: string
  /** What it measures, for the list. */
  readonly summary: string
  /** Prints its tables, and gives its figures. @throws Error when an answer was wrong */
  run(tools: PartTools): Promise<object>
}
