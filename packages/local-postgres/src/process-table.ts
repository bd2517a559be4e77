// What the operating system says about a process: is it alive, since when, and with which command line.
//
// A process id alone identifies nothing: ids are reused, and a process that has ended but wasn't collected by its parent (a zombie, common in containers
// without an init) still answers to signal 0. Id and start time together identify a process until the next boot.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { hasCode } from './errors.ts'

export interface RunningProcess {
  readonly pid: number
  /** Differs between two processes that had the same id. On Linux: clock ticks from boot to start; elsewhere: epoch seconds. */
  readonly startedAt: number
  /** The command line, arguments separated by NUL on Linux and by spaces elsewhere. */
  readonly command: string
}

/** The process with this id, or undefined when there's none or it has ended and only waits to be collected. */
export async function findProcess(pid: number): Promise<RunningProcess | undefined> {
  return process.platform === 'linux' ? findInProc(pid) : findWithPs(pid)
}

/** True when signal 0 finds a process with this id, zombies included: the test that PostgreSQL itself makes. */
export function answersToSignals(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return hasCode(error, 'EPERM')
  }
}

async function findInProc(pid: number): Promise<RunningProcess | undefined> {
  try {
    const [stat, command] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
    ])
    // proc_pid_stat(5): "pid (name) state ppid ..."; the name may hold spaces and brackets, so the fields are counted from its end.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // Field 22 of the whole line is starttime, and state is field 3.
    const startedAt = Number(fields[18])
    return state === 'Z' || state === 'X' || !Number.isFinite(startedAt) ? undefined : { pid, startedAt, command }
  } catch {
    // ENOENT, or ESRCH when the process ends between open and read.
    return undefined
  }
}

/** The same from ps(1), for systems without /proc. Exported for its test. */
export async function findWithPs(pid: number): Promise<RunningProcess | undefined> {
  try {
    const { stdout } = await promisify(execFile)('ps', ['-ww', '-o', 'state=,lstart=,command=', '-p', String(pid)], {
      env: { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin:/usr/sbin:/sbin' },
    })
    const match = /^\s*(\S)\S*\s+(\w+\s+\w+\s+\d+\s+[\d:]+\s+\d+)\s+(.*)$/.exec(stdout.trimEnd())
    const [, state, started, command] = match ?? []
    if (state === undefined || started === undefined || command === undefined || state === 'Z') return undefined
    return { pid, startedAt: Date.parse(`${started} UTC`) / 1000, command }
  } catch {
    return undefined
  }
}
