// Figures of this process and machine for the detailed health page. Ratios are taken between two looks, so each look begins a new interval.
import { availableParallelism } from 'node:os'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import type { DetailedHealth } from './schema.ts'

type System = DetailedHealth['system']

export interface SystemFigures {
  look(): Pick<System, 'memory' | 'cpu' | 'eventLoop'>
  close(): void
}

const DELAY_RESOLUTION_MS = 20

export function createSystemFigures(clock: { now(): number }): SystemFigures {
  const delays = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS })
  delays.enable()
  let lastUtilisation = performance.eventLoopUtilization()
  let lastCpu = process.cpuUsage()
  let lastAt = clock.now()

  return {
    look() {
      const memory = process.memoryUsage()
      const cpu = process.cpuUsage()
      const now = clock.now()
      const utilisation = performance.eventLoopUtilization()
      const cpuMs = (cpu.user - lastCpu.user + cpu.system - lastCpu.system) / 1000
      const result = {
        memory: {
          rssBytes: memory.rss,
          heapUsedBytes: memory.heapUsed,
          heapTotalBytes: memory.heapTotal,
          heapLimitBytes: getHeapStatistics().heap_size_limit,
          externalBytes: memory.external,
          arrayBuffersBytes: memory.arrayBuffers,
        },
        cpu: {
          cores: availableParallelism(),
          userS: round(cpu.user / 1e6),
          systemS: round(cpu.system / 1e6),
          ratio: round(now > lastAt ? cpuMs / (now - lastAt) : 0),
        },
        eventLoop: {
          utilisationRatio: round(performance.eventLoopUtilization(utilisation, lastUtilisation).utilization),
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
  return Math.max(0, round(nanoseconds / 1e6 - DELAY_RESOLUTION_MS))
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
