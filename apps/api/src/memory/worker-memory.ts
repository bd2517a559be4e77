// A worker's memory, watched: what's done about pressure here, and who is told of a leak.
//
//   warning    the cache keeps half of its budget, warming ends, a heap profile is written where a folder is given
//   critical   the cache keeps a tenth, low priority is refused
//   emergency  all but critical priority is refused; when it lasts, the worker asks to be replaced
//   leak       found by its slope, hours before the limit: the worker asks to be replaced, or says so in the log when there's time
import type { Cache } from '@plimsoll/cache'
import {
  createMemoryOptimizer,
  pauseWork,
  shedPriorities,
  type LeakVerdict,
  type MemoryOptimizer,
} from '@plimsoll/memory-optimizer'
import type { Logger } from '@plimsoll/telemetry'
import type { Admission } from './admission.ts'

/** What's told to whoever runs this worker; a link to the supervisor fits. */
export interface Supervision {
  requestRecycle(reason: string, detail: string): void
}

export interface WorkerMemorySettings {
  /** Whether it asks to be replaced. */
  readonly recycle: boolean
  /** Memory for this worker in bytes; undefined: an equal part of what there is. */
  readonly shareBytes: number | undefined
  /** Workers that share what there is. */
  readonly workers: number
  readonly collectWhenIdle: boolean
  /** Absolute path for heap profiles; undefined: none. */
  readonly profileFolder: string | undefined
}

export interface WorkerMemoryTools {
  readonly cache: Pick<Cache, 'memoryBytes' | 'limitMemory'>
  /** Ends what nobody waits for. */
  readonly stopWarming: () => void
  readonly admission: Admission
  readonly supervision: Supervision
  readonly logger: Logger
}

/** @throws MEMORY_ERR_OPTION */
export function watchWorkerMemory(settings: WorkerMemorySettings, tools: WorkerMemoryTools): MemoryOptimizer {
  const { cache, stopWarming, admission, supervision, logger } = tools
  const { recycle, shareBytes, workers, collectWhenIdle, profileFolder } = settings
  const onError = (error: unknown) => logger.warn({ err: error }, 'Watching the memory met an error')
  const memory = createMemoryOptimizer({
    ...(shareBytes === undefined ? { processes: workers } : { shareBytes }),
    leaks: { collectWhenIdle },
    recycle: (reason, detail) => {
      logger.warn({ reason, detail, asked: recycle }, 'This worker had better be replaced')
      if (recycle) supervision.requestRecycle(reason, detail)
    },
    ...(profileFolder === undefined
      ? {}
      : {
          heapProfiles: {
            folder: profileFolder,
            onProfile: file =>
              logger.warn({ file }, 'A heap profile was written: what was allocated, and is there still'),
          },
        }),
    onError,
  })
  memory.cache({ name: 'cache', bytes: () => cache.memoryBytes, limit: share => cache.limitMemory(share) })
  memory.register(pauseWork('warming of the cache', stopWarming, () => undefined))
  memory.register(shedPriorities('requests', lowest => admission.admitFrom(lowest)))
  memory.monitor.onLevel(({ from, to, sample: { signal, heapRatio, containerRatio, shareRatio } }) =>
    logger[to === 'normal' ? 'info' : 'warn'](
      { from, to, signal, heapRatio, containerRatio, shareRatio },
      'memory pressure',
    ),
  )
  memory.leaks?.onVerdict(verdict => logVerdict(logger, verdict))
  return memory
}

function logVerdict(
  logger: Logger,
  { kind, advice, memory, slopeMibPerMinute, timeToLimitMs, confidence }: LeakVerdict,
): void {
  if (advice === 'warn')
    logger.warn(
      { kind, memory, slopeMibPerMinute, timeToLimitMs, confidence },
      'Memory leaks, slowly: there is time to look for it',
    )
}
