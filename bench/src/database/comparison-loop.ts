// Databases of one process that differ in one thing, read from in turn: each slice is a closed loop on one of them.
import type { ComparisonOrder, ComparisonResult } from './client-protocol.ts'
import { interleave } from '../rounds.ts'
import { runClosedLoop } from './closed-loop.ts'
import { openReader, type Reader } from './readers.ts'

/** Of each slice: what was under way before is none of its business. */
const SETTLE_MS = 5

/** @throws Error when an answer was wrong, or a read failed */
export async function runComparison(order: ComparisonOrder): Promise<ComparisonResult> {
  const { url, connections, variants, slices, sliceMs, warmupMs } = order
  const readers: Reader[] = []
  try {
    for (const instrumentation of variants) {
      readers.push(await openReader({ kind: 'open', way: 'ours', url, connections, instrumentation }))
    }
    const loop = (reader: Reader, measureMs: number) =>
      runClosedLoop(reader, { kind: 'closed-loop', inFlight: connections, warmupMs: SETTLE_MS, measureMs })
    // In turn as well: the compiler is to see all of them before it makes up its mind.
    for (const { candidate } of interleave(readers, Math.ceil(warmupMs / sliceMs / variants.length)))
      await loop(candidate, sliceMs)
    const cpuUsPerRead: number[][] = variants.map(() => [])
    for (const {
      candidate: [variant, reader],
    } of interleave([...readers.entries()], slices)) {
      const { cpuUs, reads } = await loop(reader, sliceMs)
      cpuUsPerRead[variant]?.push(cpuUs / reads)
    }
    return { cpuUsPerRead }
  } finally {
    await Promise.all(readers.map(reader => reader.close()))
  }
}
