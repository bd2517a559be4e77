// What a part of the suite is and what it's given.
import type { CorePlan } from '../pinning.ts'
import type { BenchIo } from '../suite.ts'
import type { Client } from './client.ts'
import type { DatabaseServer } from './server.ts'

/** How long and how often. */
export interface Effort {
  readonly quick: boolean
  readonly rounds: number
}

export interface PartTools {
  readonly io: BenchIo
  readonly server: DatabaseServer
  readonly cores: CorePlan
  readonly effort: Effort
  /** On the core that's measured; the part ends it. */
  readonly startClient: () => Promise<Client>
}

export interface Part {
  readonly name: string
  /** What it measures, for the list. */
  readonly summary: string
  /** Prints its tables, and gives its figures. @throws Error when an answer was wrong */
  run(tools: PartTools): Promise<object>
}
