// A monitor on a clock, a process and a container of the test's making.
import { FakeClock } from '@plimsoll/testing'
import type { Collection, GcFeed } from '../../src/gc/gc-feed.ts'
import type { ContainerGauge, ContainerUse } from '../../src/limits/container-gauge.ts'
import type { ProcessMemory } from '../../src/monitor/process-reader.ts'
import { createMemoryMonitor, type MemoryMonitor } from '../../src/monitor/memory-monitor.ts'
import type { MemoryMonitorOptions } from '../../src/monitor/monitor-options.ts'

export const MIB = 1024 * 1024

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

export interface MonitorRig {
  readonly clock: FakeClock
  readonly monitor: MemoryMonitor
  /** What the next look sees; bytes. */
  readonly memory: Writable<ProcessMemory>
  /** Without page cache, unless `heldRatio` is given. */
  readonly container: Writable<Omit<ContainerUse, 'heldRatio'>> & { heldRatio?: number }
  readonly loop: { utilization: number; delayP99Ms: number }
  readonly errors: unknown[]
  /** A collection that the next flush tells of. */
  readonly collected: (kind: Collection['kind'], heapUsedBytes: number, pauseMs?: number) => void
  readonly feed: { listeners: number; closed: boolean }
}

/** The limit of the heap is 100 MiB, that of the container 1,000 MiB. */
export function monitorRig(options: MemoryMonitorOptions = {}): MonitorRig {
  const clock = new FakeClock({ startMs: 1_000_000 })
  const memory = {
    heapUsedBytes: 30 * MIB,
    heapTotalBytes: 40 * MIB,
    externalBytes: 5 * MIB,
    arrayBuffersBytes: 2 * MIB,
    rssBytes: 130 * MIB,
    privateBytes: 80 * MIB,
  }
  const container: MonitorRig['container'] = {
    useBytes: 200 * MIB,
    ratio: 0.2,
    stallSomePercent: 0,
    stallFullPercent: 0,
    isStallOwn: true,
  }
  const loop = { utilization: 0.5, delayP99Ms: 3 }
  const errors: unknown[] = []
  const feed = { listeners: 0, closed: false }
  let waiting: Collection[] = []
  const listeners = new Set<(collections: readonly Collection[]) => void>()
  const gcFeed: GcFeed = {
    onCollections(listener) {
      listeners.add(listener)
      feed.listeners = listeners.size
      return () => {
        listeners.delete(listener)
        feed.listeners = listeners.size
      }
    },
    flush() {
      const batch = waiting
      waiting = []
      if (batch.length > 0) for (const listener of listeners) listener(batch)
    },
    close: () => void (feed.closed = true),
  }
  const gauge: ContainerGauge = {
    limit: { limitBytes: 1000 * MIB, source: 'cgroup-v2', origin: 'memory.max', totalBytes: 8000 * MIB, groups: [] },
    read: () => ({ heldRatio: container.ratio, ...container }),
  }
  const monitor = createMemoryMonitor({
    clock,
    timers: clock,
    gcFeed,
    gauge,
    reader: { memory: () => ({ ...memory }), loop: () => ({ ...loop }), close: () => undefined },
    oldSpaceLimitBytes: 100 * MIB,
    onError: error => void errors.push(error),
    ...options,
  })
  return {
    clock,
    monitor,
    memory,
    container,
    loop,
    errors,
    feed,
    collected(kind, heapUsedBytes, pauseMs = 2) {
      waiting.push({
        kind,
        atMs: clock.now(),
        pauseMs,
        heapUsedBytes,
        oldSpaceBytes: heapUsedBytes,
        externalBytes: memory.externalBytes,
        externalFloorBytes: memory.externalBytes,
      })
    },
  }
}
