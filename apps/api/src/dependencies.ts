// The composition root: every object that lives as long as a worker is made here, in order, and closed in reverse.
//
// Seams: replacing `openDatabase` changes what stands behind every repository; each resource's cache stands between its repository and its service.
import type { Cache } from '@plimsoll/cache'
import { createLoadReporter, type LoadReporter } from '@plimsoll/load-report'
import { categoryLogger, createRegistry, type Logger, type Registry } from '@plimsoll/telemetry'
import { openApiCache, type CacheSettings } from './cache/cache.ts'
import { logContact } from './cache/contact-log.ts'
import { cacheMetrics } from './cache/metrics.ts'
import { JoinedQueryCache } from './cache/query-cache.ts'
import { WarmUp, type WarmUpOptions } from './cache/warm-up.ts'
import { openDatabase, type Database, type DatabaseOptions } from './database/database.ts'
import { createProbe, createProbeQuery, type Clock, type ProbeOptions } from './database/probe.ts'
import { callMetrics, databaseMetrics } from './database/metrics.ts'
import { RequestFigures } from './http/request-figures.ts'
import { loadSignals } from './load/load-signals.ts'
import { Admission } from './memory/admission.ts'
import { memoryMetrics } from './memory/metrics.ts'
import { watchWorkerMemory, type Supervision, type WorkerMemorySettings } from './memory/worker-memory.ts'
import { createCoursesCache } from './resources/courses/cache.ts'
import { createCoursesRepository } from './resources/courses/repository.ts'
import { createCoursesService, type CoursesService } from './resources/courses/service.ts'
import {
  createHealthService,
  type DrainState,
  type HealthService,
  type WorkerIdentity,
} from './resources/health/service.ts'
import { createSystemFigures } from './resources/health/system.ts'

export interface DependenciesOptions {
  readonly version: string
  readonly identity: WorkerIdentity
  readonly database: DatabaseOptions
  readonly probe: ProbeOptions
  readonly cache: CacheSettings
  readonly warmUp: WarmUpOptions
  /** Undefined: nobody watches. */
  readonly memory: WorkerMemorySettings | undefined
  /** Whether answers tell the balancer how loaded the worker is. */
  readonly loadReport: boolean
}

/** What comes from outside: time, randomness, where logs go, whether the worker is being drained, who replaces it. */
export interface Surroundings {
  readonly logger: Logger
  readonly clock: Clock
  readonly random: { next(): number }
  readonly drainState: DrainState
  readonly supervision: Supervision
}

/** What the application is built from. */
export interface Dependencies {
  readonly logger: Logger
  readonly clock: { now(): number }
  readonly random: { next(): number }
  readonly registry: Registry
  readonly figures: RequestFigures
  /** What answers to the balancer say; null when they're to say nothing. */
  readonly reporter: LoadReporter | null
  readonly drainState: DrainState
  /** Who is refused while memory is short. */
  readonly admission: Admission
  readonly database: Database
  readonly cache: Cache
  /** To be run when the worker serves. */
  readonly warmUp: WarmUp
  readonly health: HealthService
  readonly courses: CoursesService
  close(): Promise<void>
}

/** Makes everything; when one part fails, what was made before it is closed again. */
export async function createDependencies(
  options: DependenciesOptions,
  surroundings: Surroundings,
): Promise<Dependencies> {
  const { logger, clock, random, drainState, supervision } = surroundings
  await using closing = new AsyncDisposableStack()

  const registry = createRegistry({ prefix: 'api_' })
  const databaseLogger = categoryLogger(logger, 'database')

  const probeQuery = createProbeQuery({
    ...options.database,
    applicationName: `${options.database.applicationName} probe`,
  })
  closing.defer(() => probeQuery.close())
  const probe = createProbe(options.probe, {
    look: timeoutMs => probeQuery.look(timeoutMs),
    clock,
    random,
    logger: databaseLogger,
  })
  closing.defer(() => probe.close())

  const queryCache = options.cache.enabled ? new JoinedQueryCache() : undefined
  const database = await openDatabase(options.database, {
    logger: databaseLogger,
    clock,
    random,
    observe: callMetrics(registry),
    queryCache,
  })
  closing.defer(() => database.close())
  closing.defer(databaseMetrics(registry, { database, health: () => probe.health() }))
  await probe.start()

  const { directUrl, url } = options.database
  const cacheLogger = categoryLogger(logger, 'cache')
  // Machines tell each other of changes in the database itself: a row of the transaction that made the change can't be lost.
  const log = options.cache.redis === undefined ? undefined : database.openInvalidationLog()
  const cache = await openApiCache(
    options.cache,
    { databaseUrl: directUrl ?? url, version: options.version, log },
    cacheLogger,
  )
  closing.defer(() => cache.close())
  queryCache?.join(cache, log)
  closing.defer(logContact(cacheLogger))
  closing.defer(cacheMetrics(registry, () => cache.stats()))

  const warmUp = new WarmUp(cache, options.warmUp, cacheLogger)
  const admission = new Admission()
  const memory =
    options.memory === undefined
      ? undefined
      : watchWorkerMemory(options.memory, {
          cache,
          stopWarming: () => warmUp.stop(),
          admission,
          supervision,
          logger: categoryLogger(logger, 'memory'),
        })
  if (memory !== undefined) {
    closing.defer(() => memory.close())
    memoryMetrics(registry, () => memory.figures())
  }

  const reporter = options.loadReport
    ? createLoadReporter({
        signals: loadSignals({
          databaseWaiting: () => database.statistics().pool.waiting,
          cache: () => cache.stats(),
          memory: memory?.monitor,
        }),
      })
    : null
  if (reporter !== null) closing.defer(() => reporter.close())
  const figures = new RequestFigures(failed => reporter?.requestEnded(failed))

  const system = createSystemFigures(clock)
  closing.defer(() => system.close())

  const health = createHealthService({
    version: options.version,
    identity: options.identity,
    drainState,
    database,
    probe,
    figures,
    system,
    clock,
  })
  const courses = createCoursesService(createCoursesCache(cache, createCoursesRepository(database)))

  // The first that ends: what it loads goes through everything above.
  closing.defer(() => warmUp.close())

  const owned = closing.move()
  return {
    logger,
    clock,
    random,
    registry,
    figures,
    reporter,
    drainState,
    admission,
    database,
    cache,
    warmUp,
    health,
    courses,
    close: () => owned.disposeAsync(),
  }
}
