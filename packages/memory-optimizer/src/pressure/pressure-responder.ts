// Relieves pressure step by step: what others have registered is applied in order as the level rises, and undone in reverse order when it falls.
//
// One step per sample of the monitor, so that the effect of one is seen before the next; two things hurry it. In an emergency the milder steps that haven't been
// applied yet follow each other without waiting, since a level can jump there; the emergency's own are again one per sample. A step that fails or takes too long is
// left behind: the next one has its turn.
//
// Invariants
// * At most one step is under way.
// * A step is applied only while the level calls for it, and undone only after it was held for its `holdMs` and all later ones are undone (or stuck; those
//   of its own response undone).
// * `state()` shows everything; nothing that a response does throws into the monitor.
import { channels } from '../channels.ts'
import { errorReporter } from '../error-report.ts'
import { MemoryError } from '../errors.ts'
import type { MemorySample } from '../monitor/memory-sample.ts'
import { type PressureLevel, pressureRank } from '../monitor/pressure-level.ts'
import { type Clock, nodeTimers, type Timers } from '../timers.ts'
import { parseResponse, type PressureResponse, type ResponseLevel } from './response.ts'
import { type QueuedStep, StepQueue, type StepStatus } from './step-queue.ts'

/** What the responder needs of a monitor. */
export interface PressureSource {
  readonly latest: MemorySample
  onSample(listener: (sample: MemorySample) => void): () => void
}

export interface PressureResponderOptions {
  /** Gets MEMORY_ERR_RESPONSE for each failure, beside the channel. Default: a process warning. */
  readonly onError?: (error: MemoryError) => void
  /** The monitor's clock. Default: `performance`. */
  readonly clock?: Clock
  /** Default: Node's. */
  readonly timers?: Timers
}

/** One step, as `state()` shows it. */
export interface ResponseState {
  readonly name: string
  readonly step: number
  readonly level: ResponseLevel
  readonly share: number
  readonly status: StepStatus
  /** When it was last applied, by the monitor's clock; NaN: never. */
  readonly appliedAtMs: number
  readonly tookMs: number
  readonly failures: number
  readonly lastError: string | undefined
  /** Of the last time; NaN: not known. Negative when measured and other work took more than it freed. */
  readonly freedBytes: number
  /** `reported` by the response itself; `measured`: what live heap and external memory fell by until the first major collection after it, other work included. */
  readonly freedBy: 'reported' | 'measured' | 'unknown'
}

export interface PressureResponderState {
  readonly level: PressureLevel
  /** Steps in force. */
  readonly applied: number
  /** Sum of what is known to have been freed by the steps in force. */
  readonly freedBytes: number
  /** In the order in which they're applied. */
  readonly responses: readonly ResponseState[]
}

export interface PressureResponder {
  /**
   * Adds a response. Gives the function that takes it out again, without reverting it.
   * @throws MEMORY_ERR_OPTION; MEMORY_ERR_CLOSED
   */
  register(response: PressureResponse): () => void
  state(): PressureResponderState
  /** Ends it. What's applied stays applied: it's for the end of the process. */
  close(): void
}

interface Measurement {
  readonly step: QueuedStep
  readonly liveBytes: number
}

const EMERGENCY = pressureRank('emergency')
const IN_FORCE: ReadonlySet<StepStatus> = new Set(['applied', 'failed', 'stuck'])

/** Follows a monitor. */
export function createPressureResponder(
  monitor: PressureSource,
  options: PressureResponderOptions = {},
): PressureResponder {
  const { clock = performance, timers = nodeTimers } = options
  const report = errorReporter(options.onError)
  const queue = new StepQueue()
  const closing = new AbortController()
  let level = monitor.latest.level
  let underWay = false
  let measurements: Measurement[] = []

  const unsubscribe = monitor.onSample(sample => {
    level = sample.level
    measure(sample)
    if (!underWay) void advance()
  })

  async function advance(): Promise<void> {
    underWay = true
    try {
      let isHurried = true
      while (isHurried && !closing.signal.aborted) {
        const rank = pressureRank(level)
        const step = queue.nextToApply(rank, clock.now())
        if (step === undefined) {
          const undone = queue.nextToRevert(rank, clock.now())
          if (undone !== undefined) await revert(undone)
          return
        }
        await apply(step)
        const next = queue.nextToApply(pressureRank(level), clock.now())
        isHurried = pressureRank(level) === EMERGENCY && next !== undefined && next.rank < EMERGENCY
      }
    } finally {
      underWay = false
    }
  }

  async function apply(step: QueuedStep): Promise<void> {
    const { latest } = monitor
    const liveBytes = latest.liveHeapBytes + latest.externalBytes
    step.status = 'applying'
    const outcome = await run(step, 'apply', step.share)
    step.appliedAtMs = clock.now()
    step.status = outcome.isFailed ? 'failed' : 'applied'
    if (outcome.isFailed) return
    const { value } = outcome
    const isReported = typeof value === 'number' && Number.isFinite(value)
    step.freedBytes = isReported ? value : Number.NaN
    step.freedBy = isReported ? 'reported' : 'unknown'
    measurements = measurements.filter(measurement => measurement.step !== step)
    if (!isReported && !Number.isNaN(liveBytes)) measurements.push({ step, liveBytes })
    if (!channels.responseApplied.hasSubscribers) return
    channels.responseApplied.publish({ ...describe(step), tookMs: step.tookMs, freedBytes: step.freedBytes })
  }

  async function revert(step: QueuedStep): Promise<void> {
    step.status = 'reverting'
    const outcome = await run(step, 'revert', step.shareBefore)
    step.status = outcome.isFailed ? 'stuck' : 'idle'
    measurements = measurements.filter(measurement => measurement.step !== step)
    if (outcome.isFailed || !channels.responseReverted.hasSubscribers) return
    channels.responseReverted.publish({ ...describe(step), tookMs: step.tookMs, freedBytes: Number.NaN })
  }

  /** Never rejects. */
  async function run(
    step: QueuedStep,
    phase: 'apply' | 'revert',
    share: number,
  ): Promise<{ readonly isFailed: boolean; readonly value?: unknown }> {
    const { response } = step
    const startedMs = clock.now()
    // Not AbortSignal.any: what it makes stays in memory for as long as `closing` does.
    const abort = new AbortController()
    const { signal } = abort
    const onClosing = (): void => abort.abort(closing.signal.reason)
    closing.signal.addEventListener('abort', onClosing)
    let timer: { unref(): unknown } | undefined
    try {
      const isOver = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
      })
      timer = timers.setTimeout(() => {
        abort.abort(new Error(`It took longer than timeoutMs, ${response.timeoutMs} ms.`))
      }, response.timeoutMs)
      timer.unref()
      const call = async (): Promise<unknown> =>
        response[phase]({ index: step.index, level: step.level, share, signal })
      return { isFailed: false, value: await Promise.race([call(), isOver]) }
    } catch (cause) {
      if (!closing.signal.aborted) fail(step, phase, cause)
      return { isFailed: true }
    } finally {
      timers.clearTimeout(timer)
      closing.signal.removeEventListener('abort', onClosing)
      step.tookMs = clock.now() - startedMs
    }
  }

  function fail(step: QueuedStep, phase: 'apply' | 'revert', cause: unknown): void {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const error = new MemoryError(
      'MEMORY_ERR_RESPONSE',
      `Response "${step.response.name}" failed to ${phase} step ${step.index} (${step.level}): ${reason}`,
      cause,
    )
    step.failures++
    step.failedAtMs = clock.now()
    step.lastError = error
    if (channels.responseFailed.hasSubscribers) channels.responseFailed.publish({ ...describe(step), phase, error })
    report(error)
  }

  function measure(sample: MemorySample): void {
    if (sample.majorCollections === 0 || measurements.length === 0) return
    for (const { step, liveBytes } of measurements) {
      step.freedBytes = liveBytes - (sample.liveHeapBytes + sample.externalBytes)
      step.freedBy = 'measured'
    }
    measurements = []
  }

  return {
    register(response) {
      if (closing.signal.aborted) {
        throw new MemoryError('MEMORY_ERR_CLOSED', `Response "${response.name}" came after close().`)
      }
      const settings = parseResponse(response)
      if (queue.has(settings.name)) {
        throw new MemoryError('MEMORY_ERR_OPTION', `A response named "${settings.name}" is registered already.`)
      }
      queue.add(settings)
      return () => queue.remove(settings)
    },
    state() {
      const responses = queue.steps.map(step => ({
        ...describe(step),
        share: step.share,
        status: step.status,
        appliedAtMs: step.appliedAtMs,
        tookMs: step.tookMs,
        failures: step.failures,
        lastError: step.lastError?.message,
        freedBytes: step.freedBytes,
        freedBy: step.freedBy,
      }))
      const inForce = responses.filter(({ status }) => IN_FORCE.has(status))
      return {
        level,
        applied: inForce.length,
        freedBytes: inForce.reduce((sum, { freedBytes }) => sum + (Number.isNaN(freedBytes) ? 0 : freedBytes), 0),
        responses,
      }
    },
    close() {
      unsubscribe()
      closing.abort(new MemoryError('MEMORY_ERR_CLOSED', 'The responder was closed.'))
    },
  }
}

function describe(step: QueuedStep): { readonly name: string; readonly step: number; readonly level: ResponseLevel } {
  return { name: step.response.name, step: step.index, level: step.level }
}
