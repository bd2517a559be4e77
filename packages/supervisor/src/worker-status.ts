// How one process of the fleet looks to operators: what its worker number knows of it, and what recycling does.
import type { RecycleRequest } from './recycling.ts'
import type { SlotStatus } from './slot-status.ts'

/** One process of the fleet as operators see it; a worker that's being replaced has two, one that waits has one without a pid. */
export interface WorkerStatus extends SlotStatus {
  /** That it asked to be replaced, or has reached its age, and why; null when neither. */
  readonly recycleRequested: RecycleRequest | null
}
