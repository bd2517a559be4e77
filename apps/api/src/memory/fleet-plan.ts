// How many workers, and how large their heaps: what cores, connections and memory let be.
//
//   limit (the smaller of MEMORY_LIMIT_MIB and the container's) ── less the cache's shared memory ──► planHeap ──► flags and share of each worker
//
// Without any limit nothing is planned: Node's own sizes are meant for a machine. Shared memory counts against a container like any other, once for all
// workers. A number of workers that was asked for and doesn't fit is refused; one that follows from the cores is lowered until it fits.
import { readMemoryLimit, type MemoryLimit } from '@plimsoll/memory-optimizer'
import { planHeap, type HeapPlan } from '@plimsoll/supervisor'
import type { ClusterConfig } from '../config/schemas.ts'
import { mostWorkers, workerCount } from '../config/settings.ts'

/** What the cluster starts. */
export interface FleetPlan {
  /** From the start on, and never fewer. */
  readonly workers: number
  /** As many as there may be under load; `workers` where their number stays. */
  readonly maxWorkers: number
  /** Sizes of the heaps of so many workers; undefined: Node's own. */
  readonly heap: HeapPlan | undefined
}

/** Tells the container's limit, or the machine's memory where there's no container. */
export type ReadLimit = () => Pick<MemoryLimit, 'limitBytes' | 'source'>

const MIB = 2 ** 20

/**
 * @param readLimit the container's
 * @throws SUPERVISOR_ERR_OPTION when the limit is too small for so many workers, or for one; says how many would fit
 */
export function planFleet(config: ClusterConfig, readLimit: ReadLimit = readMemoryLimit): FleetPlan {
  const workers = workerCount(config)
  const maxWorkers = mostWorkers(config)
  const limitBytes = fleetLimitBytes(config.memory.limitMib, readLimit)
  if (limitBytes === undefined) return { workers, maxWorkers, heap: undefined }

  const { machine, maxMib } = config.cache
  const sharedBytes = config.features.caching && machine ? maxMib * MIB : 0
  const plan = (count: number) => planHeap({ limitBytes, workers: count, otherBytes: sharedBytes })
  if (config.workers !== undefined || config.maxWorkers !== undefined)
    return { workers, maxWorkers, heap: plan(maxWorkers) }
  for (let count = workers; count > 1; count--) {
    try {
      return { workers: count, maxWorkers: count, heap: plan(count) }
    } catch {
      // One fewer may fit.
    }
  }
  return { workers: 1, maxWorkers: 1, heap: plan(1) }
}

function fleetLimitBytes(limitMib: number | undefined, readLimit: ReadLimit): number | undefined {
  const { limitBytes, source } = readLimit()
  const containerBytes = source === 'machine' ? Infinity : limitBytes
  // The kernel goes by the container's, whatever was asked for.
  const least = Math.min(containerBytes, limitMib === undefined ? Infinity : limitMib * MIB)
  return least === Infinity ? undefined : least
}
