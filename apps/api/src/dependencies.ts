// The composition root: every object that lives as long as a worker is made here, in order, and closed in reverse.
//
// Seams: replacing `openDatabase` changes what stands behind every repository; each resource's cache stands between its repository and its service.
import type { Cache } from '@plimsoll/cache'
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
}

/** What comes from outside: time, randomness, where logs go, whether the worker is being drained. */
export interface Surroundings {
  readonly logger: Logger
  readonly clock: Clock
  readonly random: { next(): number }
  readonly drainState: DrainState
}

/** What the application is built from. */
export interface Dependencies {
  readonly logger: Logger
  readonly clock: { now(): number }
  readonly registry: Registry
  readonly figures: RequestFigures
  readonly drainState: DrainState
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
  const { logger, clock, random, drainState } = surroundings
  await using closing = new AsyncDisposableStack()

  const registry = createRegistry({ prefix: 'api_' })
  const figures = new RequestFigures()
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

  // The last that's made and the first that ends: what it loads goes through everything above.
  const warmUp = new WarmUp(cache, options.warmUp, cacheLogger)
  closing.defer(() => warmUp.close())

  const owned = closing.move()
  return {
    logger,
    clock,
    registry,
    figures,
    drainState,
    database,
    cache,
    warmUp,
    health,
    courses,
    close: () => owned.disposeAsync(),
  }
}
