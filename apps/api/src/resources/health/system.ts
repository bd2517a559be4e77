// Figures of this process and machine for the detailed health page. Ratios are taken between two looks, so each look begins a new interval.
import { availableParallelism } from 'node:os'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import type { MemoryMonitor } from '@plimsoll/memory-optimizer'
import type { DetailedHealth } from './schema.ts'
import { thousandths } from './thousandths.ts'

type System = DetailedHealth['system']

export interface SystemFigures {
  look(): Pick<System, 'memory' | 'cpu' | 'eventLoop'>
  close(): void
}

const DELAY_RESOLUTION_MS = 20

/** @param memory whose last sample is shown, so that this page and the metrics say the same; undefined: nobody watches, and each look reads */
export function createSystemFigures(
  clock: { now(): number },
  memory: Pick<MemoryMonitor, 'latest'> | undefined,
): SystemFigures {
  const delays = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS })
  delays.enable()
  let lastUtilisation = performance.eventLoopUtilization()
  let lastCpu = process.cpuUsage()
  let lastAt = clock.now()

  return {
    look() {
      const cpu = process.cpuUsage()
      const now = clock.now()
      const utilisation = performance.eventLoopUtilization()
      const cpuMs = (cpu.user - lastCpu.user + cpu.system - lastCpu.system) / 1000
      const result = {
        memory: memory === undefined ? readMemory() : sampledMemory(memory.latest),
        cpu: {
          cores: availableParallelism(),
          userS: thousandths(cpu.user / 1e6),
          systemS: thousandths(cpu.system / 1e6),
          ratio: thousandths(now > lastAt ? cpuMs / (now - lastAt) : 0),
        },
        eventLoop: {
          utilisationRatio: thousandths(performance.eventLoopUtilization(utilisation, lastUtilisation).utilization),
          delayP50Ms: delayMs(delays.percentile(50)),
          delayP99Ms: delayMs(delays.percentile(99)),
        },
      }
      delays.reset()
      lastUtilisation = utilisation
      lastCpu = cpu
      lastAt = now
      return result
    },
    close() {
      delays.disable()
    },
  }
}

/** The histogram counts whole intervals of its timer: what is over its resolution is the delay. */
function delayMs(nanoseconds: number): number {
  return Math.max(0, thousandths(nanoseconds / 1e6 - DELAY_RESOLUTION_MS))
}

function readMemory(): System['memory'] {
  const { rss, heapUsed, heapTotal, external, arrayBuffers } = process.memoryUsage()
  return {
    rssBytes: rss,
    heapUsedBytes: heapUsed,
    heapTotalBytes: heapTotal,
    heapLimitBytes: getHeapStatistics().heap_size_limit,
    externalBytes: external,
    arrayBuffersBytes: arrayBuffers,
  }
}

function sampledMemory(sample: MemoryMonitor['latest']): System['memory'] {
  return {
    rssBytes: sample.rssBytes,
    heapUsedBytes: sample.heapUsedBytes,
    heapTotalBytes: sample.heapTotalBytes,
    heapLimitBytes: sample.heapLimitBytes,
    externalBytes: sample.externalBytes,
    arrayBuffersBytes: sample.arrayBuffersBytes,
  }
}
