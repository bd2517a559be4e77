// What can be picked, and what pickers remember of it.
//
// Invariants
// * Pickers read a candidate live, at every pick, so that a new weight or limit counts for the very next one.
// * Pickers write to `pick` and to nothing else. The owner makes one PickState per candidate and keeps it for as long as it knows the
//   candidate: what is remembered survives every rebuild of the list, and a replaced server starts with none of it.

/** One server that requests can be sent to. The owner's own object, with whatever else it has. */
export interface Candidate {
  /** Stable name, unique in a list. The consistent hash depends on it and on nothing else of the candidate but its weight. */
  readonly id: string
  /** Share of the traffic relative to the others, above 0; whole or not. Slow start scales it. */
  readonly weight: number
  /**
   * Part of its weight that its owner has left it because of what it reports, above 0 to 1; absent: all. Already in `weight`. `least-loaded`
   * looks at it so that two judgements by the same reports together don't take more than nine tenths of a weight.
   */
  readonly reportRatio?: number
  /** Requests sent to it and not yet answered in full. The owner counts: up directly after the pick, down at the end. */
  readonly activeRequests: number
  /** Requests that it may have at once; at so many it's passed over. Infinity: no limit. 0: it gets none. */
  readonly maxRequests: number
  /** `new PickState()`, kept as long as the candidate is known. */
  readonly pick: PickState
}

/** What pickers remember of one candidate. Fields are for pickers; its owner only creates and keeps it. */
export class PickState {
  /** Number of the pick that took it last, by its picker's count; 0: none yet. */
  turn = 0
  /** Smooth turns: what it's owed, in units of weight; below 0 it's ahead of its share. */
  credit = 0
  /** Peak EWMA: smoothed time to the first byte of an answer, as it stood at `observedAtMs`; NaN until the first answer. */
  latencyMs = Number.NaN
  /** Peak EWMA: what failures add to it, as it stood at `observedAtMs`. */
  penaltyMs = 0
  observedAtMs = 0
  /** Peak EWMA: when a failure last raised the penalty. */
  failedAtMs = Number.NEGATIVE_INFINITY
  /** Reports: smoothed requests per second that it could do at full utilization; NaN until known. */
  capacity = Number.NaN
  /** Reports: when the last one came, and since when they've come without a gap. */
  reportedAtMs = Number.NEGATIVE_INFINITY
  reportingSinceMs = Number.POSITIVE_INFINITY
  /** Reports: its capacity relative to the fleet's median, within bounds; 1 where nothing is known. */
  share = 1
}

/** True when a candidate may be picked: below its limit, and not tried before. @hot */
export function mayTake<C extends Candidate>(candidate: C, tried: readonly C[]): boolean {
  return candidate.activeRequests < candidate.maxRequests && (tried.length === 0 || !tried.includes(candidate))
}
