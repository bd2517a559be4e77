// Watches the memory of this process: a sample a second, a level with hysteresis, and when the next level is due.
//
// A sample is: flush the collections, read the process, take the container's latest figures, decide the level, tell. Which signal counts when, and why the heap in use
// isn't one of them, is in level-decision.ts. Before the first major collection the lowest heap in use of the last ten samples stands in for the live heap: it's never
// less than what's live, and V8 collects long before it gets near its limit.
//
// Invariants
// * `latest` and `level` change in `sample()` only, together.
// * Listeners get every sample, and every change of the level before the sample that made it; one that throws stops neither the others nor the monitor.
import { openGcFeed } from '../gc/gc-feed.ts'
import { channels } from '../channels.ts'
import { openContainerGauge } from '../limits/container-gauge.ts'
import { readHeapLimit } from '../limits/heap-limit.ts'
import type { MemoryLimit } from '../limits/memory-limit.ts'
import { Listeners } from '../listeners.ts'
import { CollectionWindow } from './collection-window.ts'
import { Fragmentation } from './fragmentation.ts'
import { LevelDecider, type LevelDecision } from './level-decision.ts'
import type { MemorySample } from './memory-sample.ts'
import { type MemoryMonitorOptions, parseMonitorOptions } from './monitor-options.ts'
import { firstPrediction, type PressurePrediction } from './prediction.ts'
import type { PressureLevel } from './pressure-level.ts'
import { openProcessReader } from './process-reader.ts'
import { SignalTrend } from './signal-trend.ts'

/** Knows how near this process is to its limits. */
export interface MemoryMonitor {
  readonly level: PressureLevel
  /** The latest sample; the first one is taken when the monitor is made. */
  readonly latest: MemorySample
  /** The limit of the container, or the machine. */
  readonly limit: MemoryLimit
  /** When each level is reached at the present slope. Computed when asked for, about 60 µs, once per sample. */
  prediction(): PressurePrediction
  /** Takes a sample now, beside those of the timer. */
  sample(): MemorySample
  /** Tells every sample. Gives the function that ends it. */
  onSample(listener: (sample: MemorySample) => void): () => void
  /** Tells every change of the level. Gives the function that ends it. */
  onLevel(listener: (change: LevelChange) => void): () => void
  /** Ends timers and readings. Twice is once. */
  close(): void
}

export interface LevelChange {
  readonly from: PressureLevel
  readonly to: PressureLevel
  readonly sample: MemorySample
}

/** The loop counts as idle below this. */
const IDLE_UTILIZATION = 0.02
const TROUGH_SAMPLES = 10
const POINT_SPACING_MS = 5000
const MAJOR_SPACING_MS = 1000
const POINT_AGE_MS = 600_000

/**
 * Starts to watch. Timers are unref'd.
 * @throws MEMORY_ERR_OPTION
 */
export function createMemoryMonitor(options: MemoryMonitorOptions = {}): MemoryMonitor {
  const settings = parseMonitorOptions(options)
  const { clock, timers, thresholds, report } = settings
  const heapOption = options.oldSpaceLimitBytes
  const heapLimit = readHeapLimit(heapOption === undefined ? {} : { oldSpaceLimitBytes: heapOption })
  const gauge = options.gauge ?? openContainerGauge({ clock })
  const reader = options.reader ?? openProcessReader()
  const feed = options.gcFeed ?? openGcFeed({ clock, timers, onError: report })
  const collections = new CollectionWindow()
  const unsubscribe = feed.onCollections(batch => collections.take(batch))
  const decider = new LevelDecider(thresholds, settings.leaveBelow, settings.raise)
  const fragmentation = new Fragmentation()
  const trends = {
    heap: new SignalTrend(MAJOR_SPACING_MS, POINT_AGE_MS),
    container: new SignalTrend(POINT_SPACING_MS, POINT_AGE_MS),
    share: new SignalTrend(POINT_SPACING_MS, POINT_AGE_MS),
  }
  const recentHeap = new Float64Array(TROUGH_SAMPLES).fill(Number.POSITIVE_INFINITY)
  let samples = 0
  const sampleListeners = new Listeners<MemorySample>(report)
  const levelListeners = new Listeners<LevelChange>(report)
  let decision: LevelDecision = { level: 'normal', signal: 'heap', raisedBy: 'none', isRising: false }
  let sampledAtMs = clock.now()
  let predicted: PressurePrediction | undefined
  let timer: { unref(): unknown } | undefined
  let isClosed = false
  let latest: MemorySample
  try {
    latest = look(sampledAtMs)
    schedule()
  } catch (error) {
    // A reader or a gauge of the caller's: who gets no monitor can't close one.
    release()
    throw error
  }

  function look(atMs: number): MemorySample {
    guarded(() => feed.flush())
    const memory = reader.memory()
    const loop = reader.loop()
    const container = gauge.read()
    const { limitBytes } = gauge.limit
    const shareBytes = settings.shareBytes ?? limitBytes / settings.processes
    const gc = collections.close(atMs, atMs - sampledAtMs)
    recentHeap[samples++ % TROUGH_SAMPLES] = memory.heapUsedBytes
    const { liveHeapBytes, liveAtMs } = collections
    const isMeasured = !Number.isNaN(liveHeapBytes)
    const boundBytes = isMeasured ? liveHeapBytes : Math.min(...recentHeap)
    const heapRatio = Math.min(boundBytes, memory.heapUsedBytes) / heapLimit.oldSpaceLimitBytes
    const shareRatio = memory.privateBytes / shareBytes
    decision = decider.decide({
      heapRatio,
      majorCollections: gc.majors,
      heapAgeMs: isMeasured ? atMs - liveAtMs : 0,
      containerRatio: container.ratio,
      containerHeldRatio: container.heldRatio,
      shareRatio,
      stallSomePercent: container.stallSomePercent,
      stallFullPercent: container.stallFullPercent,
      isStallOwn: container.isStallOwn,
      gcRatio: gc.ratio,
      gcNowRatio: gc.nowRatio,
    })
    if (gc.majors > 0) trends.heap.add(liveAtMs, liveHeapBytes / heapLimit.oldSpaceLimitBytes)
    // Page cache grows into whatever room there is, and reaches no limit.
    trends.container.add(atMs, container.heldRatio)
    trends.share.add(atMs, shareRatio)
    sampledAtMs = atMs
    predicted = undefined
    return {
      atMs,
      level: decision.level,
      signal: decision.signal,
      raisedBy: decision.raisedBy,
      heapUsedBytes: memory.heapUsedBytes,
      heapTotalBytes: memory.heapTotalBytes,
      heapLimitBytes: heapLimit.oldSpaceLimitBytes,
      liveHeapBytes,
      externalBytes: memory.externalBytes,
      arrayBuffersBytes: memory.arrayBuffersBytes,
      rssBytes: memory.rssBytes,
      privateBytes: memory.privateBytes,
      shareBytes,
      limitBytes,
      containerUseBytes: container.useBytes,
      heapRatio,
      shareRatio,
      containerRatio: container.ratio,
      containerHeldRatio: container.heldRatio,
      gcRatio: gc.ratio,
      majorCollections: gc.majors,
      longestPauseMs: gc.longestPauseMs,
      stallSomePercent: container.stallSomePercent,
      stallFullPercent: container.stallFullPercent,
      loopUtilization: loop.utilization,
      loopDelayP99Ms: loop.delayP99Ms,
      fragmentation: fragmentation.next(atMs, memory.privateBytes, memory.heapTotalBytes, memory.externalBytes),
    }
  }

  function prediction(): PressurePrediction {
    const atMs = latest.atMs
    predicted ??= firstPrediction(
      [
        ['heap', trends.heap.estimate(atMs)],
        ['container', trends.container.estimate(atMs)],
        ['share', trends.share.estimate(atMs)],
      ],
      thresholds,
      latest.signal,
    )
    return predicted
  }

  function sample(): MemorySample {
    if (isClosed) return latest
    const from = latest.level
    latest = look(clock.now())
    const taken = latest
    if (taken.level !== from) {
      if (channels.levelChanged.hasSubscribers) {
        guarded(() => channels.levelChanged.publish({ from, to: taken.level, sample: taken, prediction: prediction() }))
      }
      levelListeners.tell({ from, to: taken.level, sample: taken })
    }
    if (channels.sampleTaken.hasSubscribers) channels.sampleTaken.publish(taken)
    sampleListeners.tell(taken)
    return taken
  }

  function guarded(call: () => void): void {
    try {
      call()
    } catch (error) {
      report(error)
    }
  }

  function schedule(): void {
    const isIdle = latest.level === 'normal' && !decision.isRising && latest.loopUtilization < IDLE_UTILIZATION
    timer = timers.setTimeout(
      () => {
        guarded(sample)
        if (!isClosed) schedule()
      },
      isIdle ? settings.idleIntervalMs : settings.sampleIntervalMs,
    )
    timer.unref()
  }

  function release(): void {
    timers.clearTimeout(timer)
    unsubscribe()
    if (options.gcFeed === undefined) feed.close()
    if (options.reader === undefined) reader.close()
  }

  return {
    get level() {
      return latest.level
    },
    get latest() {
      return latest
    },
    get limit() {
      return gauge.limit
    },
    prediction,
    sample,
    onSample: listener => sampleListeners.add(listener),
    onLevel: listener => levelListeners.add(listener),
    close() {
      if (isClosed) return
      isClosed = true
      release()
      sampleListeners.clear()
      levelListeners.clear()
    },
  }
}
