// The one table of figures for all children, leaking or not, fixed before any of them was run with it. The detector's own options are its defaults.
export const THRESHOLDS = {
  /** `--max-old-space-size`; a leak of 120 KiB a round would fill it in about 500 rounds. */
  heapLimitMib: 64,
  /** Stands for the container's limit. */
  externalLimitMib: 128,
  /** Collections that a child is watched for. */
  rounds: 150,
  /** What the children's clock counts for a round: they take seconds for what's 25 minutes in a service. */
  roundMs: 10_000,
  /** A leak is to be told at the latest when this share of its limit has been used up. */
  maxUsedShareWhenTold: 0.6,
} as const
