// Arrivals made by another process (arrivals-program.ts) and told over sockets, one event each.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { onCore } from '../pinning.ts'

/** Sockets on which arrivals come in turn. */
export const ARRIVAL_SOCKETS = 16
/** Its first three, and ours. */
export const FIRST_ARRIVAL_FD = 3
/** An arrival is told as the time at which it was due, a double in milliseconds of the monotonic clock. */
export const ARRIVAL_BYTES = 8
const CLOCK_READINGS = 20

export interface ArrivalPlan {
  readonly perSecond: number
  readonly forMs: number
  readonly seed: number
  readonly core: number | null
}

export interface Arrivals {
  /** Resolves when the last one was told. @throws Error when the generator failed */
  readonly ended: Promise<void>
  stop(): void
}

/** Calls `onArrival` with the time at which it was due, by this process's `performance.now()`. */
export async function startArrivals(plan: ArrivalPlan, onArrival: (dueAtMs: number) => void): Promise<Arrivals> {
  const { perSecond, forMs, seed, core } = plan
  const program = path.join(import.meta.dirname, 'arrivals-program.ts')
  const [file = '', ...args] = onCore(core, [process.execPath, program, ...[perSecond, forMs, seed].map(String)])
  const child = spawn(file, args, {
    stdio: ['ignore', 'inherit', 'inherit', ...Array.from({ length: ARRIVAL_SOCKETS }, () => 'pipe' as const)],
  })
  const ended = Promise.withResolvers<void>()
  // Told to whoever asks; nobody may, when the run has failed before.
  ended.promise.catch(() => {})
  child.once('error', error => ended.reject(error))
  child.once('close', (code, by) => {
    if (code === 0) ended.resolve()
    else ended.reject(new Error(`the generator of arrivals ended with ${by ?? `exit code ${code}`}`))
  })
  const clockOffsetMs = offsetOfClocksMs()
  for (const socket of child.stdio.slice(FIRST_ARRIVAL_FD) as Readable[]) {
    socket.on('data', (bytes: Buffer) => {
      for (let at = 0; at < bytes.length; at += ARRIVAL_BYTES) onArrival(bytes.readDoubleLE(at) + clockOffsetMs)
    })
  }
  if (child.pid === undefined) await once(child, 'spawn')
  return { ended: ended.promise, stop: () => void child.kill('SIGTERM') }
}

/** The clock that all processes of a machine share. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** What `performance.now()` is ahead of the monotonic clock: of some pairs of readings the one that nothing came between. */
function offsetOfClocksMs(): number {
  let best = { offsetMs: 0, tookMs: Infinity }
  for (let i = 0; i < CLOCK_READINGS; i++) {
    const beforeMs = performance.now()
    const monotonic = monotonicMs()
    const tookMs = performance.now() - beforeMs
    if (tookMs < best.tookMs) best = { offsetMs: beforeMs + tookMs / 2 - monotonic, tookMs }
  }
  return best.offsetMs
}
