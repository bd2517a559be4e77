// The clock by which processes of one machine agree on expiry: CLOCK_MONOTONIC, counted from boot, the same for all of them, and nobody can set it.
//
// `process.hrtime` reads it without an offset of the process's own; `performance.now()` reads it too, counted from the process's start, and costs no garbage. So
// the distance is taken once.

export interface MachineClock {
  /** Milliseconds since boot, time asleep not counted. */
  nowMs(): number
}

const NS_PER_MS = 1e6

export function machineClock(): MachineClock {
  const sinceBootMs = Number(process.hrtime.bigint()) / NS_PER_MS - performance.now()
  return { nowMs: () => performance.now() + sinceBootMs }
}
