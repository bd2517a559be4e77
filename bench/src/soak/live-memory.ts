// What the probe and the suite agree on, and what the suite reads from it.
import { readFileSync } from 'node:fs'
import path from 'node:path'

/** Environment variables by which a process is told to write samples, and where. */
export const PROBE_VARIABLES = { folder: 'SOAK_PROBE_FOLDER', intervalMs: 'SOAK_PROBE_INTERVAL_MS' } as const

/** Memory right after a whole collection. */
export interface LiveSample {
  /** Since the epoch. */
  readonly atMs: number
  readonly heapBytes: number
  /** Outside of the heap: buffers above all. */
  readonly externalBytes: number
}

export function probeFile(pid: number): string {
  return `${pid}.samples`
}

export function sampleLine({ atMs, heapBytes, externalBytes }: LiveSample): string {
  return `${atMs} ${heapBytes} ${externalBytes}\n`
}

/** In the order of time; empty for a process that has written none. */
export function readLiveSamples(folder: string, pid: number): LiveSample[] {
  try {
    return parseLiveSamples(readFileSync(path.join(folder, probeFile(pid)), 'latin1'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** Whole lines only: the last one may be in the middle of its being written. */
export function parseLiveSamples(text: string): LiveSample[] {
  return text
    .split('\n')
    .slice(0, -1)
    .map(line => {
      const [atMs = 0, heapBytes = 0, externalBytes = 0] = line.split(' ').map(Number)
      return { atMs, heapBytes, externalBytes }
    })
}
