// Who a process is, told so that another one can see later whether it still lives: a pid alone is given to somebody else sooner or later.
//
//     <pid>-<start time in clock ticks since boot>-<inode of the pid namespace>-<boot id>
//
// Without /proc (macOS) the start time and the namespace are 0, and a living process of that pid counts as the one that is meant.
import { readFileSync, statSync } from 'node:fs'

/** `elsewhere`: of another pid namespace of this boot, where its pid says nothing here. */
export type Whereabouts = 'living' | 'dead' | 'elsewhere'

const IDENTITY = /^(\d+)-(\d+)-(\d+)-([0-9a-f]+)$/
/** Of a boot's id: enough to tell two boots apart. */
const BOOT_ID_CHARACTERS = 12

/** The identity of this process. */
export function processIdentity(): string {
  return `${process.pid}-${startTicks(process.pid) ?? 0}-${pidNamespace()}-${bootId()}`
}

/** @param identity - as `processIdentity()` of that process gave it; anything else is dead */
export function whereaboutsOf(identity: string): Whereabouts {
  const [, pid, start, namespace, boot] = IDENTITY.exec(identity) ?? []
  if (pid === undefined || boot !== bootId()) return 'dead'
  if (namespace !== String(pidNamespace())) return 'elsewhere'
  const ticks = startTicks(Number(pid))
  if (ticks === undefined) return 'dead'
  return String(ticks) === start ? 'living' : 'dead'
}

/** Undefined when there's no such process, or only what its parent hasn't collected. */
function startTicks(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // proc_pid_stat(5): "pid (name) state ppid ..."; the name may hold brackets. The state is field 3, the start time field 22.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined
    return Number(fields[19])
  } catch {
    return process.platform === 'linux' ? undefined : startTicksWithoutProc(pid)
  }
}

function startTicksWithoutProc(pid: number): number | undefined {
  try {
    process.kill(pid, 0)
    return 0
  } catch (error) {
    // EPERM: it lives, as somebody else.
    return error instanceof Error && 'code' in error && error.code === 'EPERM' ? 0 : undefined
  }
}

function pidNamespace(): number {
  try {
    return statSync('/proc/self/ns/pid').ino
  } catch {
    return 0
  }
}

/** The same until the machine boots again. */
export function bootId(): string {
  try {
    const id = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')
    return id.replaceAll('-', '').slice(0, BOOT_ID_CHARACTERS)
  } catch {
    return '0'
  }
}
