// Everything wired: one feed of collections, the monitor on it, the leak detector beside it, the responder behind it, and the advice to be replaced.
//
//     gc feed ─┬─► monitor ──► responder ──► registered responses
//              │      └──────► adviser ──► recycle(reason, detail)
//              └─► leak detector ──┘
//
// Closed in reverse order. Each part can be had alone; this file is the way in which they're meant to be put together.
import { errorReporter } from './error-report.ts'
import { figuresOf, type MemoryFigures } from './figures.ts'
import { openGcFeed } from './gc/gc-feed.ts'
import { createHeapSampler } from './heap-sampler.ts'
import { type AllocationSampler, createAllocationSampler } from './leak/allocation-sites.ts'
import {
  createLeakDetector,
  type LeakDetector,
  type LeakDetectorOptions,
  type LeakVerdict,
  type TrackedMemory,
} from './leak/leak-detector.ts'
import { createMemoryMonitor, type MemoryMonitor } from './monitor/memory-monitor.ts'
import type { MemoryMonitorOptions } from './monitor/monitor-options.ts'
import type { PressureLevel } from './monitor/pressure-level.ts'
import { createHeapProfiler, heapProfileResponse, type HeapProfilerOptions } from './pressure/heap-profile.ts'
import {
  createPressureResponder,
  type PressureResponder,
  type PressureResponderState,
} from './pressure/pressure-responder.ts'
import { shrinkCache } from './pressure/responses.ts'
import type { PressureResponse } from './pressure/response.ts'
import { RecyclingAdviser, type RecyclingReason } from './recycling-advice.ts'

/** A cache, as far as memory is concerned. */
export interface WatchedCache {
  readonly name: string
  /** Bytes that it holds now: its growth is no leak. */
  readonly bytes: () => number
  /** Tells it the share of its budget that it may keep, 0-1. Gives the bytes freed if it knows. Default: it isn't asked to shrink. */
  readonly limit?: (share: number) => unknown
  /** Where its values live: `external` for Buffers. Default `heap`. */
  readonly memory?: TrackedMemory
}

export interface MemoryOptimizerOptions extends Omit<MemoryMonitorOptions, 'gcFeed'> {
  /** Settings of the leak detector; false: none. */
  readonly leaks?:
    | Omit<LeakDetectorOptions, 'feed' | 'heapLimitBytes' | 'externalLimitBytes' | 'clock' | 'onError'>
    | false
  /**
   * Asks to be replaced, for each reason at most once in 10 minutes: a leak that reaches its limit within `recycleHorizonMs` (6 h), an emergency that lasts or
   * returns, fragmentation. What it throws goes to `onError`.
   */
  readonly recycle?: (reason: RecyclingReason, detail: string) => void
  /** Writes a sampling heap profile when the level reaches `warning`, at most one in 10 minutes. Default: none. */
  readonly heapProfiles?: Omit<HeapProfilerOptions, 'sampler'> & { readonly onProfile?: (file: string) => void }
}

export interface MemoryOptimizer {
  readonly level: PressureLevel
  readonly monitor: MemoryMonitor
  readonly responder: PressureResponder
  /** Undefined when it was switched off. */
  readonly leaks: LeakDetector | undefined
  /** Says where what's alive was allocated; takes turns with the heap profiles. Use no other sampler beside it. */
  readonly allocations: AllocationSampler
  /** @see PressureResponder.register */
  register(response: PressureResponse): () => void
  /** Counts a cache's bytes out of the leak detector's view, and has it shrink under pressure. Gives the function that ends both. */
  cache(cache: WatchedCache): () => void
  /** Of the latest sample, for a metrics endpoint. */
  figures(): MemoryFigures
  state(): MemoryOptimizerState
  /** Ends everything. Twice is once. */
  close(): void
}

export interface MemoryOptimizerState {
  readonly pressure: PressureResponderState
  /** Undefined without a leak detector. */
  readonly leak: LeakVerdict | undefined
}

const MIB = 1024 * 1024

/**
 * Watches this process's memory and relieves it.
 * @throws MEMORY_ERR_OPTION; RangeError for options of the leak detector.
 */
export function createMemoryOptimizer(options: MemoryOptimizerOptions = {}): MemoryOptimizer {
  const { leaks: leakOptions = {}, recycle, heapProfiles, ...monitorOptions } = options
  const { clock = performance, timers } = monitorOptions
  const onError = errorReporter(monitorOptions.onError)
  const time = { clock, ...(timers === undefined ? {} : { timers }) }
  // First of all, so that options that are refused leave nothing running.
  const sampler = createHeapSampler()
  const profiler = heapProfiles === undefined ? undefined : createHeapProfiler({ ...heapProfiles, sampler })
  const closers: (() => void)[] = []
  const closeAll = (): void => {
    for (const close of closers.splice(0).toReversed()) close()
  }
  try {
    const feed = openGcFeed({ ...time, onError })
    closers.push(() => feed.close())
    const monitor = createMemoryMonitor({ ...monitorOptions, ...time, onError, gcFeed: feed })
    closers.push(() => monitor.close())
    const responder = createPressureResponder(monitor, { ...time, onError })
    closers.push(() => responder.close())
    const leaks =
      leakOptions === false
        ? undefined
        : createLeakDetector({
            ...leakOptions,
            clock,
            onError,
            feed,
            heapLimitBytes: () => monitor.latest.heapLimitBytes,
            // What buffers may grow to before the share is full: it holds the heap too.
            externalLimitBytes: () => Math.max(MIB, monitor.latest.shareBytes - monitor.latest.heapTotalBytes),
          })
    closers.push(() => leaks?.close())
    if (profiler !== undefined) {
      const onProfile = heapProfiles?.onProfile ?? ((): void => undefined)
      responder.register(heapProfileResponse(profiler, { onProfile, onError, clock }))
    }
    if (recycle !== undefined) {
      const adviser = new RecyclingAdviser()
      monitor.onSample(sample => {
        const advice = adviser.next(sample, leaks?.verdict())
        if (advice !== undefined) recycle(advice.reason, advice.detail)
      })
    }

    return {
      get level() {
        return monitor.level
      },
      monitor,
      responder,
      leaks,
      allocations: createAllocationSampler(sampler),
      register: response => responder.register(response),
      cache({ name, bytes, limit, memory }) {
        const forget = leaks?.account(name, bytes, memory)
        try {
          const remove = limit === undefined ? undefined : responder.register(shrinkCache(name, limit))
          return () => {
            forget?.()
            remove?.()
          }
        } catch (error) {
          forget?.()
          throw error
        }
      },
      figures: () => figuresOf(monitor.latest, monitor.prediction()),
      state: () => ({ pressure: responder.state(), leak: leaks?.verdict() }),
      close: closeAll,
    }
  } catch (error) {
    closeAll()
    throw error
  }
}
