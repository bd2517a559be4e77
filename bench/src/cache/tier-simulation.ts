// Three tiers on one trace: where each read is answered.
//
//     read ─▶ its process's memory ─miss─▶ machine ─miss─▶ far ─miss─▶ loader
//                   ▲                        │              │            │
//                   └────────────────────────┴──────────────┴────────────┤ into all three
//
// As the product does it: a tier is asked only for what the nearer one hasn't, so it neither sees nor renews what's hot above it; and what the far tier has goes into
// memory alone. Time plays no part: all reads come before anything expires, and nothing is invalidated.
import { LruSet } from './lru-set.ts'

export interface TierSizes {
  readonly memory: number
  readonly machine: number
  readonly far: number
}

/** Reads by where they were answered. */
export interface TierHits {
  readonly memory: number
  readonly machine: number
  readonly far: number
  readonly misses: number
}

/** @param processOf - which process of the machine gets the read, from 0 */
export function simulateTiers(
  trace: Uint32Array,
  keys: number,
  sizes: TierSizes,
  processes: number,
  processOf: () => number,
): TierHits {
  const memories = Array.from({ length: processes }, () => new LruSet(keys, sizes.memory))
  const machine = new LruSet(keys, sizes.machine)
  const far = new LruSet(keys, sizes.far)
  const hits = { memory: 0, machine: 0, far: 0, misses: 0 }
  for (const key of trace) {
    const memory = memories[processOf()] as LruSet
    if (memory.use(key)) {
      hits.memory++
      continue
    }
    if (machine.use(key)) hits.machine++
    else if (far.use(key)) hits.far++
    else {
      hits.misses++
      machine.hold(key)
      far.hold(key)
    }
    memory.hold(key)
  }
  return hits
}

/** The share of reads that no loader was asked for. */
export function hitRatioOf({ memory, machine, far, misses }: TierHits): number {
  const hits = memory + machine + far
  return hits / (hits + misses)
}
