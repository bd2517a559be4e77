// Processor time of groups of processes, by what they belong to: what a request costs both sides, whatever runs beside them.
//
// A process that ended within a turn takes its time with it; connections are kept, so that's next to nothing. One that began in it counts from its start.
import { commandLine, processTree } from '../cpu-time.ts'
import { threadTimeUs } from '../overhead/thread-time.ts'

/** A process with all that it has started. */
export interface ProcessGroup {
  readonly pid: number
  /** What one of them belongs to, by its command line. */
  partOf(command: string): string
}

interface Look {
  readonly part: string
  readonly us: number
}

export class ProcessorAccount {
  readonly #groups: readonly ProcessGroup[]
  readonly #parts = new Map<number, string>()

  constructor(groups: readonly ProcessGroup[]) {
    this.#groups = groups
  }

  /** Begins to count; what's returned says how much it was since, in microseconds by part. */
  begin(): () => Record<string, number> {
    const before = this.#look()
    return () => {
      const used: Record<string, number> = {}
      for (const [pid, { part, us }] of this.#look()) {
        used[part] = (used[part] ?? 0) + us - (before.get(pid)?.us ?? 0)
      }
      return used
    }
  }

  #look(): ReadonlyMap<number, Look> {
    const looks = new Map<number, Look>()
    for (const group of this.#groups) {
      for (const { pid } of processTree(group.pid)) {
        const us = timeOf(pid)
        if (us !== null) looks.set(pid, { part: this.#partOf(group, pid), us })
      }
    }
    return looks
  }

  #partOf(group: ProcessGroup, pid: number): string {
    const known = this.#parts.get(pid)
    if (known !== undefined) return known
    const part = group.partOf(commandLine(pid))
    this.#parts.set(pid, part)
    return part
  }
}

function timeOf(pid: number): number | null {
  try {
    return threadTimeUs(pid)
  } catch {
    // It has ended since the list was made.
    return null
  }
}
