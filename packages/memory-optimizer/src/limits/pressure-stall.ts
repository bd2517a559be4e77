// Linux's pressure stall information: the share of time in which some task, or all of them, waited for memory to be taken back.
//
//     some avg10=0.00 avg60=0.00 avg300=0.00 total=0
//     full avg10=0.00 avg60=0.00 avg300=0.00 total=0

/** Percent of the last 10 s, 0-100; NaN where the kernel doesn't say. */
export interface MemoryStall {
  /** In which at least one task waited. */
  readonly somePercent: number
  /** In which all that could run waited. */
  readonly fullPercent: number
}

/** Reads /proc/pressure/memory or a group's memory.pressure. Never throws. */
export function parseMemoryStall(text: string | undefined): MemoryStall {
  return { somePercent: avg10(text, 'some'), fullPercent: avg10(text, 'full') }
}

function avg10(text: string | undefined, kind: string): number {
  const match = new RegExp(`^${kind} avg10=(\\d+(?:\\.\\d+)?) `, 'm').exec(text ?? '')
  return match?.[1] === undefined ? Number.NaN : Number(match[1])
}
