export { MEMORY_ERRORS, MemoryError, type MemoryErrorCode } from './errors.ts'
export { channels, type LevelChanged, type ResponseChanged, type ResponseFailed } from './channels.ts'
export {
  readMemoryLimit,
  type LimitedGroup,
  type LimitSource,
  type MemoryLimit,
  type MemoryLimitOptions,
} from './limits/memory-limit.ts'
export type { MemoryGroup, ReadText } from './limits/cgroup-groups.ts'
export { readHeapLimit, type HeapLimit, type HeapLimitOptions } from './limits/heap-limit.ts'
export { parseMemoryStall, type MemoryStall } from './limits/pressure-stall.ts'
export {
  openContainerGauge,
  type ContainerGauge,
  type ContainerGaugeOptions,
  type ContainerUse,
} from './limits/container-gauge.ts'
export { createMemoryMonitor, type LevelChange, type MemoryMonitor } from './monitor/memory-monitor.ts'
export type { MemoryMonitorOptions } from './monitor/monitor-options.ts'
export type { MemorySample } from './monitor/memory-sample.ts'
export {
  PRESSURE_LEVELS,
  PRESSURE_THRESHOLDS,
  pressureRank,
  type PressureLevel,
  type PressureThresholds,
} from './monitor/pressure-level.ts'
export {
  RAISE_THRESHOLDS,
  type PressureRaise,
  type PressureSignal,
  type RaiseThresholds,
} from './monitor/level-decision.ts'
export type { PressurePrediction, TimeUntil } from './monitor/prediction.ts'
export type { LoopReading, ProcessMemory, ProcessReader } from './monitor/process-reader.ts'
export {
  createPressureResponder,
  type PressureResponder,
  type PressureResponderOptions,
  type PressureResponderState,
  type PressureSource,
  type ResponseState,
} from './pressure/pressure-responder.ts'
export type { PressureResponse, PressureStep, ResponseLevel, ResponseStep } from './pressure/response.ts'
export type { StepStatus } from './pressure/step-queue.ts'
export {
  askForRecycling,
  lowerConcurrency,
  pauseWork,
  shedPriorities,
  shrinkCache,
  type AdmittedPriority,
} from './pressure/responses.ts'
export {
  createHeapProfiler,
  heapProfileResponse,
  type HeapProfileHooks,
  type HeapProfiler,
  type HeapProfilerOptions,
} from './pressure/heap-profile.ts'
export { takeHeapSnapshot, type HeapSnapshotOptions } from './pressure/heap-snapshot.ts'
export { openGcFeed, type Collection, type GcFeed, type GcFeedOptions, type GcProfile } from './gc/gc-feed.ts'
export type { Clock, Timers } from './timers.ts'
export {
  createMemoryOptimizer,
  type MemoryOptimizer,
  type MemoryOptimizerOptions,
  type MemoryOptimizerState,
  type WatchedCache,
} from './memory-optimizer.ts'
export { figuresOf, MEMORY_FIGURES, type MemoryFigures } from './figures.ts'
export { RecyclingAdviser, type RecyclingAdvice, type RecyclingReason } from './recycling-advice.ts'
export {
  createLeakDetector,
  type Account,
  type LeakAdvice,
  type LeakDetector,
  type LeakDetectorOptions,
  type LeakVerdict,
  type TrackedMemory,
} from './leak/leak-detector.ts'
export type { TrackVerdict } from './leak/leak-track.ts'
export { createHeapSampler, type HeapSampler, type SampledHeap } from './heap-sampler.ts'
export {
  compareAllocationProfiles,
  createAllocationSampler,
  type AllocationProfile,
  type AllocationSampler,
  type AllocationSamplingOptions,
  type AllocationSite,
} from './leak/allocation-sites.ts'
