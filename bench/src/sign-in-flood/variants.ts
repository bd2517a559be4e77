// What the flood meets: production as it is, and production without limits, where only the bounded slots for hashes are between it and the readers.

export interface Variant {
  readonly name: string
  /** One line for the output. */
  readonly what: string
  /** Beside what production's defaults are. */
  readonly env: Readonly<Record<'FEATURE_RATE_LIMIT', string>>
  /** Addresses that the flood comes from; null: as many as the suite has. */
  readonly attackers: number | null
  /** Whether wrong passwords of one account are refused from some number on, before they're hashed. */
  readonly isLimited: boolean
}

export const VARIANTS: readonly Variant[] = [
  {
    name: 'one address',
    what: "production's defaults, the flood from one address: the balancer refuses what is over its share",
    env: { FEATURE_RATE_LIMIT: 'true' },
    attackers: 1,
    isLimited: true,
  },
  {
    name: 'many addresses',
    what: "production's defaults, the flood from many addresses: the workers refuse what is over the accounts' share",
    env: { FEATURE_RATE_LIMIT: 'true' },
    attackers: null,
    isLimited: true,
  },
  {
    name: 'no limits',
    what: 'FEATURE_RATE_LIMIT=false: every login comes to the slots for hashes',
    env: { FEATURE_RATE_LIMIT: 'false' },
    attackers: null,
    isLimited: false,
  },
]

/** Wrong passwords of one account that are hashed before the others are refused: the least of S2's windows of 15 minutes, in which a run fits. */
export const FAILURES_PER_ACCOUNT = 5
/** How much slower reads may be, at their 99th percentile. */
export const GOAL_RATIO = 2
