// The composition root: every object that lives as long as a worker is made here, in order, and closed in reverse.
//
// Seams: replacing `openDatabase` changes what stands behind every repository; each resource's cache stands between its repository and its service.
import { randomBytes } from 'node:crypto'
import type { Cache } from '@plimsoll/cache'
import { createLoadReporter, type LoadReporter } from '@plimsoll/load-report'
import { categoryLogger, createRegistry, type Logger, type Registry } from '@plimsoll/telemetry'
import { createAuth, type Auth, type AuthOptions } from './auth/auth.ts'
import { createCommonPasswords } from './auth/common-passwords.ts'
import { keepNothing, openApiCache, type CacheSettings } from './cache/cache.ts'
import { logContact } from './cache/contact-log.ts'
import { cacheMetrics } from './cache/metrics.ts'
import { JoinedQueryCache } from './cache/query-cache.ts'
import { WarmUp, type WarmUpOptions } from './cache/warm-up.ts'
import type { Features } from './config/feature-options.ts'
import { openDatabase, type Database, type DatabaseOptions } from './database/database.ts'
import { OutageWatch } from './database/outage-watch.ts'
import { createProbe, createProbeQuery, type Clock, type ProbeOptions } from './database/probe.ts'
import { callMetrics, databaseMetrics } from './database/metrics.ts'
import { withLoggedAddresses, type LoggedAddresses } from './http/logged-address.ts'
import { RequestFigures } from './http/request-figures.ts'
import { noLimits, openLimits, type Limits, type LimitsOptions } from './limits/limits.ts'
import { loadSignals } from './load/load-signals.ts'
import { Admission } from './memory/admission.ts'
import { memoryMetrics } from './memory/metrics.ts'
import { watchWorkerMemory, type Supervision, type WorkerMemorySettings } from './memory/worker-memory.ts'
import { createProfileCache } from './resources/auth/cache.ts'
import { createAuthRepository } from './resources/auth/repository.ts'
import { SecurityLog } from './resources/auth/security-log.ts'
import { createAuthService, type AuthService } from './resources/auth/service.ts'
import { createBlogsCache } from './resources/blogs/cache.ts'
import { createBlogsRepository } from './resources/blogs/repository.ts'
import { createBlogsService, type BlogsService } from './resources/blogs/service.ts'
import { createCoursesCache } from './resources/courses/cache.ts'
import { createCoursesRepository } from './resources/courses/repository.ts'
import { createCoursesService, type CoursesService } from './resources/courses/service.ts'
import { createGamification, type GamificationServices } from './resources/gamification/gamification.ts'
import {
  createHealthService,
  type DrainState,
  type HealthService,
  type WorkerIdentity,
} from './resources/health/service.ts'
import { createSystemFigures } from './resources/health/system.ts'
import type { FleetSource } from './resources/performance/look.ts'
import { createPerformanceRepository } from './resources/performance/repository.ts'
import { createPerformanceService, type PerformanceService } from './resources/performance/service.ts'
import { createUsers } from './resources/users/users.ts'
import type { UsersService } from './resources/users/service.ts'
import { openRetention } from './retention/open-retention.ts'
import type { RetentionDays } from './retention/rules.ts'

export interface DependenciesOptions {
  readonly version: string
  readonly identity: WorkerIdentity
  readonly features: Features
  readonly database: DatabaseOptions
  readonly probe: ProbeOptions
  readonly auth: AuthOptions
  /** Only with caching. */
  readonly cache: CacheSettings
  /** Only with caching and optimization. */
  readonly warmUp: WarmUpOptions
  /** Undefined, or without optimization: nobody watches. */
  readonly memory: WorkerMemorySettings | undefined
  /** Whether answers tell the balancer how loaded the worker is; only with monitoring. */
  readonly loadReport: boolean
  /** Only with rateLimit. */
  readonly limits: LimitsOptions
  /** Undefined: nothing is deleted by its age, and erasures that were interrupted wait for whoever asks again. */
  readonly retention?: RetentionDays | undefined
  /** How log lines have addresses of clients. Undefined: whole. */
  readonly loggedAddresses?: LoggedAddresses | undefined
}

/** What comes from outside: time, randomness, where logs go, whether the worker is being drained, who replaces it. */
export interface Surroundings {
  readonly logger: Logger
  readonly clock: Clock
  readonly random: { next(): number }
  readonly drainState: DrainState
  /** Who replaces this worker, and knows of the whole fleet if there is one. */
  readonly supervision: Supervision & Partial<FleetSource>
}

/** What the application is built from. */
export interface Dependencies {
  /** Which parts there are. */
  readonly features: Features
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
  /** Refuses what needs the database while it's away; undefined where each call is to find out for itself. */
  readonly outage: OutageWatch | undefined
  readonly cache: Cache
  /** To be run when the worker serves; null where nothing is to be warmed. */
  readonly warmUp: WarmUp | null
  readonly auth: Auth
  /** How often somebody may ask for what's costly. */
  readonly limits: Limits
  readonly authService: AuthService
  readonly health: HealthService
  readonly performance: PerformanceService
  readonly courses: CoursesService
  readonly blogs: BlogsService
  readonly gamification: GamificationServices
  readonly users: UsersService
  close(): Promise<void>
}

/** Makes everything; when one part fails, what was made before it is closed again. */
export async function createDependencies(
  options: DependenciesOptions,
  surroundings: Surroundings,
): Promise<Dependencies> {
  const { clock, random, drainState, supervision } = surroundings
  const logger = withLoggedAddresses(surroundings.logger, options.loggedAddresses ?? 'full')
  const { features } = options
  const { caching, monitoring, optimization, circuitBreaker } = features
  await using closing = new AsyncDisposableStack()

  const registry = createRegistry({ prefix: 'api_' })
  const databaseLogger = categoryLogger(logger, 'database')

  const probeQuery = createProbeQuery({
    ...options.database,
    circuitBreaker,
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
  const outage = circuitBreaker ? new OutageWatch({ probe, clock, logger: databaseLogger }) : undefined
  closing.defer(() => outage?.close())

  const queryCache = caching ? new JoinedQueryCache() : undefined
  const database = await openDatabase(
    { ...options.database, batching: optimization, circuitBreaker, statementStatistics: monitoring },
    {
      logger: databaseLogger,
      clock,
      random,
      observe: monitoring ? callMetrics(registry) : () => undefined,
      queryCache,
      outage,
    },
  )
  closing.defer(() => database.close())
  if (monitoring) closing.defer(databaseMetrics(registry, { database, outage, health: () => probe.health() }))
  await probe.start()

  const { directUrl, url } = options.database
  const cacheLogger = categoryLogger(logger, 'cache')
  // Machines tell each other of changes in the database itself: a row of the transaction that made the change can't be lost.
  const log = caching && options.cache.redis !== undefined ? database.openInvalidationLog() : undefined
  const cache = caching
    ? await openApiCache(
        { ...options.cache, circuitBreaker },
        { databaseUrl: directUrl ?? url, version: options.version, log },
        cacheLogger,
      )
    : keepNothing()
  closing.defer(() => cache.close())
  queryCache?.join(cache, log)
  if (caching) closing.defer(logContact(cacheLogger))
  if (monitoring) closing.defer(cacheMetrics(registry, () => cache.stats()))

  const warmUp = caching && optimization ? new WarmUp(cache, options.warmUp, cacheLogger) : null
  const admission = new Admission()
  const memory =
    optimization && options.memory !== undefined
      ? watchWorkerMemory(options.memory, {
          cache,
          stopWarming: () => warmUp?.stop(),
          admission,
          supervision,
          logger: categoryLogger(logger, 'memory'),
        })
      : undefined
  if (memory !== undefined) {
    closing.defer(() => memory.close())
    if (monitoring) memoryMetrics(registry, () => memory.figures())
  }

  const reporter =
    monitoring && options.loadReport
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

  const system = createSystemFigures(clock, memory?.monitor)
  closing.defer(() => system.close())

  const startedAtMs = performance.timeOrigin
  const health = createHealthService({
    version: options.version,
    identity: options.identity,
    startedAtMs,
    features,
    parts: {
      cache,
      caching,
      hasRedis: caching && options.cache.redis !== undefined,
      warmUp,
      memory,
      hasLoadReports: reporter !== null,
    },
    drainState,
    database,
    probe,
    figures,
    system,
    clock,
  })
  const performancePages = createPerformanceService({
    identity: options.identity,
    startedAtMs,
    source: supervision,
    registry,
    database,
    repository: createPerformanceRepository(database),
    probe,
    cache,
    caching,
    health,
    leak: () => memory?.leaks?.verdict(),
    clock,
  })
  const auth = createAuth(options.auth, {
    database,
    cache: caching ? cache : undefined,
    logger: categoryLogger(logger, 'security'),
    clock,
    randomBytes,
  })
  closing.defer(() => auth.close())
  const limits = features.rateLimit
    ? await openLimits(options.limits, options.cache, {
        databaseUrl: directUrl ?? url,
        logger: categoryLogger(logger, 'security'),
        registry: monitoring ? registry : undefined,
      })
    : noLimits()
  closing.defer(() => limits.close())
  const authRepository = createAuthRepository(database)
  const authService = createAuthService({
    auth,
    repository: authRepository,
    profiles: createProfileCache(cache, authRepository),
    commonPasswords: createCommonPasswords(),
    limits: limits.signIns,
    log: new SecurityLog(categoryLogger(logger, 'security')),
  })
  const courses = createCoursesService(createCoursesCache(cache, createCoursesRepository(database)))
  const blogsRepository = createBlogsRepository(database)
  const blogs = createBlogsService({
    cache: createBlogsCache(cache, blogsRepository),
    repository: blogsRepository,
    random,
  })
  const gamification = createGamification({ database, cache, clock })
  const users = createUsers({ database, clock, logger: categoryLogger(logger, 'security') })
  const retention = openRetention(options.retention, {
    database,
    families: auth.families,
    eraser: users.eraser,
    clock,
    random,
    logger: databaseLogger,
    registry: monitoring ? registry : undefined,
  })
  closing.defer(() => retention?.close())

  // The first that ends: what it loads goes through everything above.
  closing.defer(() => warmUp?.close())

  const owned = closing.move()
  return {
    features,
    logger,
    clock,
    random,
    registry,
    figures,
    reporter,
    drainState,
    admission,
    database,
    outage,
    cache,
    warmUp,
    auth,
    limits,
    authService,
    health,
    performance: performancePages,
    courses,
    blogs,
    gamification,
    users: users.service,
    close: () => owned.disposeAsync(),
  }
}
