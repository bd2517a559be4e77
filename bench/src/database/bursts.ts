// Slow statements, and behind them many fast ones, all in one turn: how long do the fast ones take, of which the slow ones are none of their business?
import type { BurstOrder, BurstResult } from './client-protocol.ts'
import { faultOf } from './items.ts'
import { KeyRing } from './key-ring.ts'
import { Latencies } from './latencies.ts'
import type { Reader } from './readers.ts'

const SEED = 1

/** @throws Error when an answer was wrong, or a statement failed */
export async function runBursts(reader: Reader, order: BurstOrder): Promise<BurstResult> {
  const keys = new KeyRing(SEED)
  const latencies = new Latencies()
  const readOne = async (startedAtMs: number): Promise<void> => {
    const id = keys.next()
    const fault = faultOf(await reader.read(id), id)
    if (fault !== null) throw new Error(fault)
    latencies.add(performance.now() - startedAtMs)
  }
  for (let burst = 0; burst < order.bursts; burst++) {
    const slow = Array.from({ length: order.slow }, () => reader.sleep(order.slowMs))
    const startedAtMs = performance.now()
    const fast = Array.from({ length: order.fast }, () => readOne(startedAtMs))
    await Promise.all([...slow, ...fast])
  }
  const { p50Ms, p99Ms } = latencies.quantilesMs({ p50Ms: 0.5, p99Ms: 0.99 })
  return { p50Ms, p99Ms, heldUp: latencies.shareAbove(order.slowMs / 2) }
}
