// Whether a process runs. Signal 0 alone also finds zombies: processes that have ended and wait for their parent to collect them, which in a container
// without an init may be never.
import { readFileSync } from 'node:fs'

/** True when a process with this id runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it runs, as somebody else.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPERM')) return false
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // proc_pid_stat(5): "pid (name) state ..."; the name may hold brackets.
    return stat[stat.lastIndexOf(')') + 2] !== 'Z'
  } catch {
    // Gone since, or a system without /proc, where signal 0 has to do.
    return process.platform !== 'linux'
  }
}
