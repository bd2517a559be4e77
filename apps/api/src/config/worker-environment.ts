// How the cluster's options reach its workers.
import type { ClusterConfig } from './schemas.ts'
import type { FleetPlan } from '../memory/fleet-plan.ts'

/**
 * The environment by which the cluster passes its configuration on to its workers, from whatever source it came.
 * @param base what else workers shall see; its own settings of the same names are replaced or, where there is no value, removed
 */
export function workerEnvironment(
  config: ClusterConfig,
  plan: Pick<FleetPlan, 'maxWorkers' | 'heap'>,
  base: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  const { environment, features, database, cache, memory, http, auth, limits, retention, log } = config
  const shareMib =
    memory.shareMib ?? (plan.heap === undefined ? undefined : Math.floor(plan.heap.perWorkerBytes / 2 ** 20))
  const text = (value: number | undefined) => (value === undefined ? undefined : String(value))
  return {
    ...base,
    NODE_ENV: environment,
    // Each has its share of what the most of them have together.
    API_WORKERS: String(plan.maxWorkers),
    LOAD_BALANCING: String(features.loadBalancing),
    FEATURE_CACHING: String(features.caching),
    FEATURE_COMPRESSION: String(features.compression),
    FEATURE_SECURITY: String(features.security),
    FEATURE_MONITORING: String(features.monitoring),
    FEATURE_OPTIMIZATION: String(features.optimization),
    FEATURE_CIRCUIT_BREAKER: String(features.circuitBreaker),
    FEATURE_RATE_LIMIT: String(features.rateLimit),
    DATABASE_URL: database.url,
    DATABASE_DIRECT_URL: database.directUrl,
    DB_MIN_CONNECTIONS: text(database.minConnections),
    DB_MAX_CONNECTIONS: text(database.maxConnections),
    DB_CONNECTION_BUDGET: text(database.connectionBudget),
    DB_CONNECTION_TIMEOUT: text(database.connectTimeoutS),
    DB_COMMAND_TIMEOUT: text(database.commandTimeoutS),
    DB_ACQUIRE_TIMEOUT_MS: text(database.acquireTimeoutMs),
    DB_SLOW_QUERY_MS: text(database.slowQueryMs),
    API_DB_PROBE_INTERVAL_MS: text(database.probeIntervalMs),
    CACHE_L2: String(cache.machine),
    CACHE_FOLDER: cache.folder,
    CACHE_MAX_MIB: String(cache.maxMib),
    CACHE_DISK_FOLDER: cache.diskFolder,
    REDIS_HOST: cache.redisHost,
    REDIS_PORT: String(cache.redisPort),
    REDIS_PASSWORD: cache.redisPassword,
    CACHE_WARM: cache.warmKeys.join(','),
    MEMORY_OPTIMIZER: String(memory.optimizer),
    MEMORY_RECYCLE: String(memory.recycle),
    MEMORY_LIMIT_MIB: text(memory.limitMib),
    MEMORY_SHARE_MIB: text(shareMib),
    MEMORY_COLLECT_WHEN_IDLE: String(memory.collectWhenIdle),
    MEMORY_PROFILE_FOLDER: memory.profileFolder,
    API_OPERATOR_TOKEN: http.operatorToken,
    API_LOAD_REPORT: String(http.loadReport),
    API_HANDLER_TIMEOUT_MS: text(http.handlerTimeoutMs),
    API_MAX_BODY_BYTES: text(http.maxBodyBytes),
    API_TRUSTED_PROXIES: http.trustedProxies.join(','),
    API_CORS_ORIGINS: http.corsOrigins.join(','),
    API_TOKEN_KEYS: auth.keys,
    API_TOKEN_KEYS_FILE: auth.keysFile,
    API_TOKEN_ISSUER: auth.issuer,
    API_TOKEN_AUDIENCE: auth.audience,
    API_ACCESS_TOKEN_S: text(auth.accessTokenS),
    API_REFRESH_TOKEN_S: text(auth.refreshTokenS),
    API_SESSION_S: text(auth.sessionS),
    API_HASH_MEMORY_KIB: text(auth.hashMemoryKib),
    API_HASH_PASSES: text(auth.hashPasses),
    API_HASH_SLOTS: text(auth.hashSlots),
    API_LIMIT_EXPENSIVE: text(limits.expensive),
    API_LIMIT_UPLOADS: text(limits.uploads),
    API_LIMIT_AUTHENTICATION: text(limits.authentication),
    API_LIMIT_SIGN_INS_BY_ACCOUNT: text(limits.signInsByAccount),
    API_LIMIT_SIGN_INS_BY_ADDRESS: text(limits.signInsByAddress),
    API_RETENTION_EXPIRED_TOKENS_DAYS: text(retention.expiredTokensDays),
    API_RETENTION_READ_NOTIFICATIONS_DAYS: text(retention.readNotificationsDays),
    API_RETENTION_UNREAD_NOTIFICATIONS_DAYS: text(retention.unreadNotificationsDays),
    API_RETENTION_PITCH_VIEWS_DAYS: text(retention.pitchViewsDays),
    API_RETENTION_AI_INTERACTIONS_DAYS: text(retention.aiInteractionsDays),
    API_RETENTION_ERASED_DEALS_DAYS: text(retention.erasedDealsDays),
    LOG_LEVEL: log.level,
    API_LOG_FILE: log.file,
    API_LOG_ADDRESSES: log.addresses,
  }
}
