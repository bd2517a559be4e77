// A sample as plain numbers under the names of metrics: base units, bytes, seconds, ratios 0-1. For a gauge each; no metrics library is needed here.
import type { MemorySample } from './monitor/memory-sample.ts'
import { SURE_ENOUGH, type PressurePrediction } from './monitor/prediction.ts'
import { pressureRank } from './monitor/pressure-level.ts'

/** NaN for what isn't known. */
export interface MemoryFigures {
  readonly memory_heap_used_bytes: number
  readonly memory_heap_total_bytes: number
  /** Of V8's old generation. */
  readonly memory_heap_limit_bytes: number
  readonly memory_live_heap_bytes: number
  readonly memory_external_bytes: number
  readonly memory_array_buffers_bytes: number
  readonly memory_rss_bytes: number
  readonly memory_private_bytes: number
  readonly memory_share_bytes: number
  readonly memory_limit_bytes: number
  readonly memory_container_use_bytes: number
  /** 0 normal, 1 warning, 2 critical, 3 emergency. */
  readonly memory_pressure_level: number
  readonly memory_heap_ratio: number
  readonly memory_share_ratio: number
  readonly memory_container_ratio: number
  readonly memory_container_held_ratio: number
  readonly memory_gc_ratio: number
  readonly memory_gc_longest_pause_seconds: number
  /** The kernel's shares of 10 s, as ratios. */
  readonly memory_stall_some_ratio: number
  readonly memory_stall_full_ratio: number
  readonly memory_loop_utilization_ratio: number
  readonly memory_loop_delay_p99_seconds: number
  readonly memory_fragmentation_ratio: number
  /** Until a limit is reached; Infinity when none is, or when it's less than 90 % sure that the signal rises. */
  readonly memory_predicted_limit_seconds: number
}

/** The names with the help text that a metrics endpoint shows beside them. */
export const MEMORY_FIGURES: Readonly<Record<keyof MemoryFigures, string>> = {
  memory_heap_used_bytes: 'Heap in use, garbage included.',
  memory_heap_total_bytes: 'Heap that V8 has reserved.',
  memory_heap_limit_bytes: "Limit of V8's old generation; the process dies when the live heap reaches it.",
  memory_live_heap_bytes: 'Heap in use after the last major collection.',
  memory_external_bytes: "Memory outside of the heap that V8's objects hold, array buffers included.",
  memory_array_buffers_bytes: 'Array buffers and Buffers.',
  memory_rss_bytes: 'Resident memory, with mapped files and shared memory.',
  memory_private_bytes: 'Resident memory of this process alone.',
  memory_share_bytes: "This process's share of the container's limit.",
  memory_limit_bytes: "The container's limit, or the machine's memory.",
  memory_container_use_bytes: 'Use of the fullest control group with a limit, without what can be taken back at once.',
  memory_pressure_level: '0 normal, 1 warning, 2 critical, 3 emergency.',
  memory_heap_ratio: 'Live heap by its limit.',
  memory_share_ratio: 'Private memory by the share.',
  memory_container_ratio: "The container's use by its limit.",
  memory_container_held_ratio: 'The same without page cache and slabs, which the kernel takes back before it kills.',
  memory_gc_ratio: 'Share of the last 10 s in which collections stopped the process.',
  memory_gc_longest_pause_seconds: 'Longest stop by one collection since the last sample.',
  memory_stall_some_ratio: 'Share of 10 s in which some task waited for memory.',
  memory_stall_full_ratio: 'Share of 10 s in which all tasks waited for memory.',
  memory_loop_utilization_ratio: 'Share of the time in which the event loop was busy.',
  memory_loop_delay_p99_seconds: "99th percentile of the event loop's lateness.",
  memory_fragmentation_ratio:
    'Share of the private memory that neither heap nor buffers explain, beyond the first minute.',
  memory_predicted_limit_seconds: 'Time until a limit is reached at the present slope.',
}

/** Everything that a metrics endpoint wants to know of one sample. */
export function figuresOf(sample: MemorySample, prediction: PressurePrediction): MemoryFigures {
  return {
    memory_heap_used_bytes: sample.heapUsedBytes,
    memory_heap_total_bytes: sample.heapTotalBytes,
    memory_heap_limit_bytes: sample.heapLimitBytes,
    memory_live_heap_bytes: sample.liveHeapBytes,
    memory_external_bytes: sample.externalBytes,
    memory_array_buffers_bytes: sample.arrayBuffersBytes,
    memory_rss_bytes: sample.rssBytes,
    memory_private_bytes: sample.privateBytes,
    memory_share_bytes: sample.shareBytes,
    memory_limit_bytes: sample.limitBytes,
    memory_container_use_bytes: sample.containerUseBytes,
    memory_pressure_level: pressureRank(sample.level),
    memory_heap_ratio: sample.heapRatio,
    memory_share_ratio: sample.shareRatio,
    memory_container_ratio: sample.containerRatio,
    memory_container_held_ratio: sample.containerHeldRatio,
    memory_gc_ratio: sample.gcRatio,
    memory_gc_longest_pause_seconds: sample.longestPauseMs / 1000,
    memory_stall_some_ratio: sample.stallSomePercent / 100,
    memory_stall_full_ratio: sample.stallFullPercent / 100,
    memory_loop_utilization_ratio: sample.loopUtilization,
    memory_loop_delay_p99_seconds: sample.loopDelayP99Ms / 1000,
    memory_fragmentation_ratio: sample.fragmentation,
    memory_predicted_limit_seconds:
      prediction.confidence >= SURE_ENOUGH ? prediction.limit.inMs / 1000 : Number.POSITIVE_INFINITY,
  }
}
