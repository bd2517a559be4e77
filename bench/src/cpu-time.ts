// CPU time of processes, from /proc (Linux only).
//
// It's the measure that a busy machine disturbs least: requests per second of the same program moved sixfold between rounds on a shared
// machine, CPU time per request by a few percent.
import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessFacts {
  readonly pid: number
  readonly parentPid: number
  /** As the kernel knows it, at most 15 bytes. */
  readonly name: string
  /** User and system time of all its threads since its start, in microseconds; a step is 10 000. */
  readonly cpuUs: number
}

/** utime and stime count in 1/100 s on every architecture that Linux runs Node on (USER_HZ). */
const TICK_US = 10_000

/** One process; null when it has ended. */
export function processFacts(pid: number): ProcessFacts | null {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null
    throw error
  }
}

/** A process and everything that it or its children have started; empty when it has ended. */
export function processTree(pid: number): ProcessFacts[] {
  const all = readdirSync('/proc')
    .filter(entry => /^\d+$/.test(entry))
    .map(entry => processFacts(Number(entry)))
    .filter(facts => facts !== null)
  const children = Map.groupBy(all, facts => facts.parentPid)
  const tree = all.filter(facts => facts.pid === pid)
  // The list grows while it's walked.
  for (const facts of tree) tree.push(...(children.get(facts.pid) ?? []))
  return tree
}

/** CPU time of a process and its descendants, in microseconds. Those that have ended are not in it. */
export function treeCpuUs(pid: number): number {
  return processTree(pid).reduce((sum, facts) => sum + facts.cpuUs, 0)
}

/** The command line of a process, its words separated by spaces; empty when it has ended. */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
  } catch {
    return ''
  }
}

/** One line of /proc/PID/stat, proc_pid_stat(5): "pid (name) state ppid ..."; the name may hold spaces and brackets. */
export function parseStat(line: string): ProcessFacts {
  const open = line.indexOf('(')
  const close = line.lastIndexOf(')')
  // From the third field on, so utime, the fourteenth, is at index 11.
  const fields = line.slice(close + 2).split(' ')
  return {
    pid: Number(line.slice(0, open)),
    name: line.slice(open + 1, close),
    parentPid: Number(fields[1]),
    cpuUs: (Number(fields[11]) + Number(fields[12])) * TICK_US,
  }
}
