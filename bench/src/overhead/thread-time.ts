// CPU time of a process in nanoseconds, from /proc (Linux only): what /proc/PID/stat says in steps of 10 ms is too coarse for slices of a quarter of a second.
import { readdirSync, readFileSync } from 'node:fs'

/** Time that the threads of a process have been on a core, in microseconds. Threads that have ended aren't in it. @throws Error when it has ended */
export function threadTimeUs(pid: number): number {
  let sumNs = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) sumNs += threadTimeNs(`/proc/${pid}/task/${thread}/schedstat`)
  return sumNs / 1000
}

function threadTimeNs(file: string): number {
  try {
    // On a core, waiting for one, times it was given one (sched-stats.rst of the kernel).
    return Number(readFileSync(file, 'latin1').split(' ')[0])
  } catch {
    // It ended between the list and the look.
    return 0
  }
}
