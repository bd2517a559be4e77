// Looks at the processes of a soak once a second, from outside: resident memory and CPU time, from /proc (Linux only).
import { readFileSync } from 'node:fs'
import { commandLine, type ProcessFacts, processTree } from '../cpu-time.ts'

export interface ProcessCourse {
  readonly pid: number
  readonly command: string
  /** Resident bytes, in the order of time; the times are since the epoch. */
  readonly resident: { readonly atMs: number; readonly value: number }[]
  /** At the first and the last look since `restart`. */
  firstCpuUs: number
  lastCpuUs: number
  /** Whether it was there at the last look. */
  isAlive: boolean
}

export class ProcessWatch {
  readonly #roots: readonly number[]
  readonly #timer: NodeJS.Timeout
  readonly #courses = new Map<number, ProcessCourse>()

  /** The processes `roots` and all that they start. */
  constructor(roots: readonly number[], intervalMs: number) {
    this.#roots = roots
    this.#look()
    this.#timer = setInterval(() => this.#look(), intervalMs)
  }

  get courses(): readonly ProcessCourse[] {
    return [...this.#courses.values()]
  }

  /** CPU time counts from now on. */
  restart(): void {
    this.#look()
    for (const course of this.#courses.values()) course.firstCpuUs = course.lastCpuUs
  }

  /** After a last look. */
  stop(): void {
    clearInterval(this.#timer)
    this.#look()
  }

  #look(): void {
    const found = this.#roots.flatMap(processTree)
    const alive = new Set(found.map(({ pid }) => pid))
    for (const course of this.#courses.values()) course.isAlive = alive.has(course.pid)
    for (const facts of found) this.#note(facts)
  }

  #note({ pid, cpuUs }: ProcessFacts): void {
    const bytes = residentBytes(pid)
    if (bytes === null) return
    let course = this.#courses.get(pid)
    if (course === undefined) {
      course = { pid, command: commandLine(pid), resident: [], firstCpuUs: cpuUs, lastCpuUs: cpuUs, isAlive: true }
      this.#courses.set(pid, course)
    }
    course.resident.push({ atMs: Date.now(), value: bytes })
    course.lastCpuUs = cpuUs
  }
}

/** VmRSS of /proc/PID/status, proc_pid_status(5); null when the process has ended. */
function residentBytes(pid: number): number | null {
  try {
    return parseResident(readFileSync(`/proc/${pid}/status`, 'latin1'))
  } catch {
    return null
  }
}

/** Null where there's no such line, as of a process that is ending. */
export function parseResident(status: string): number | null {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]
  return kib === undefined ? null : Number(kib) * 1024
}
