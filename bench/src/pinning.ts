// Which core runs what. Proxy and load share no core, else the load's own cost shows up as the proxy's waiting.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Core numbers; null where processes can't be pinned, and the scheduler decides. */
export interface CorePlan {
  readonly proxy: number | null
  readonly generator: number | null
  readonly backend: number | null
}

export const UNPINNED: CorePlan = { proxy: null, generator: null, backend: null }

/**
 * The proxy gets a core of its own; generator and backend share the first one when there are only two. Not the first core for the proxy:
 * interrupts like to land there.
 */
export function planCores(cores: readonly number[]): CorePlan {
  const [first, second, third] = cores
  if (first === undefined || second === undefined) return UNPINNED
  return { proxy: second, generator: first, backend: third ?? first }
}

/** Cores that this process may use, by `Cpus_allowed_list` in /proc/self/status; empty off Linux or without taskset. */
export function usableCores(): number[] {
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' })
    const list = /^Cpus_allowed_list:\s*(.+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    return list === undefined ? [] : parseCoreList(list)
  } catch {
    return []
  }
}

/** "0-2,5" → 0, 1, 2, 5 (cpuset(7), "List format"). */
export function parseCoreList(list: string): number[] {
  return list.split(',').flatMap(part => {
    const [from = 0, to = from] = part.split('-').map(Number)
    return Array.from({ length: to - from + 1 }, (_, i) => from + i)
  })
}

/** The command that runs another on one core. taskset replaces itself by it, so the process id stays. */
export function onCore(core: number | null, command: readonly string[]): string[] {
  return core === null ? [...command] : ['taskset', '--cpu-list', String(core), ...command]
}

/** Moves this process, all its threads, to one core. */
export function moveToCore(core: number | null, pid: number): void {
  if (core !== null)
    execFileSync('taskset', ['--all-tasks', '--pid', '--cpu-list', String(core), String(pid)], { stdio: 'ignore' })
}
