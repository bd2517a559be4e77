import t from 'tap'
import { randomBytes } from 'node:crypto'
import { loadConfig } from '@plimsoll/config'
import { planHeap } from '@plimsoll/supervisor'
import { clusterProgram, clusterProgramWithin, databaseProgram, workerProgram } from '../../src/config/config.ts'
import { ENVIRONMENTS } from '../../src/config/environments.ts'
import { ALL_FEATURES, switchedOff } from '../../src/config/feature-options.ts'
import type { ClusterConfig } from '../../src/config/schemas.ts'
import {
  authOptions,
  commandDatabase,
  logLevel,
  mostWorkers,
  poolLimits,
  runFolder,
  slowQueryMs,
  workerCount,
  workerPool,
} from '../../src/config/settings.ts'
import { workerEnvironment } from '../../src/config/worker-environment.ts'

/** How much memory the tests run with has no say in what they're told. */
const programOnLargeMachine = clusterProgramWithin(() => ({ limitBytes: 2 ** 40, source: 'machine' }))
const DATABASE_URL = 'postgres://plimsoll:Qm4-tRx7_w2K@127.0.0.1:5432/plimsoll'
/** What production has to be given. */
const API_TOKEN_KEYS = JSON.stringify({ sign: 'k1', keys: { k1: randomBytes(32).toString('base64url') } })

function cluster(env: Record<string, string> = {}, argv: string[] = []): ClusterConfig {
  const loaded = loadConfig(programOnLargeMachine, { env: { DATABASE_URL, API_TOKEN_KEYS, ...env }, argv })
  if (loaded.kind !== 'run') throw new Error(`unexpected ${loaded.kind}`)
  return loaded.config
}

await t.test('only the database has to be named', async t => {
  t.match(cluster(), {
    environment: 'development',
    adminPort: 9902,
    database: { url: DATABASE_URL, connectTimeoutS: 10, commandTimeoutS: 30, acquireTimeoutMs: 5000 },
  })
  t.throws(() => loadConfig(clusterProgram, { env: {}, argv: [] }), {
    code: 'CONFIG_ERR_MISSING_VALUE',
    message: /DATABASE_URL/,
  })
})

await t.test('the variables keep the names and the seconds that they are known for', async t => {
  const config = cluster({
    API_WORKERS: '3',
    API_ADMIN_PORT: '0',
    API_RUN_FOLDER: '/run/api',
    API_CONTROL_TOKEN: 'a-token-of-some-length',
    LOG_LEVEL: 'error',
    NODE_ENV: 'staging',
    DB_MIN_CONNECTIONS: '1',
    DB_MAX_CONNECTIONS: '4',
    DB_CONNECTION_TIMEOUT: '5',
    DB_COMMAND_TIMEOUT: '60',
    DB_ACQUIRE_TIMEOUT_MS: '1500',
    DB_SLOW_QUERY_MS: '250',
    DATABASE_DIRECT_URL: 'postgres://plimsoll:pass-word@127.0.0.1:5433/plimsoll',
    API_TRUSTED_PROXIES: '10.0.0.0/8,192.0.2.1',
    API_CORS_ORIGINS: 'https://a.example,https://*.b.example',
  })
  t.match(config, {
    workers: 3,
    adminPort: 0,
    runFolder: '/run/api',
    environment: 'staging',
    log: { level: 'error' },
    database: {
      directUrl: 'postgres://plimsoll:pass-word@127.0.0.1:5433/plimsoll',
      minConnections: 1,
      maxConnections: 4,
      connectTimeoutS: 5,
      commandTimeoutS: 60,
      acquireTimeoutMs: 1500,
      slowQueryMs: 250,
    },
    http: { trustedProxies: ['10.0.0.0/8', '192.0.2.1'], corsOrigins: ['https://a.example', 'https://*.b.example'] },
  })
})

await t.test('what makes no sense is refused by name, and without the password', async t => {
  const refused = (env: Record<string, string>, pattern: RegExp) => {
    const error = t.throws(() => cluster(env), { message: pattern }) as Error
    t.notMatch(error.message, /Qm4-tRx7_w2K|pass-word/)
  }
  refused({ DATABASE_URL: 'mysql://root:pass-word@host/db' }, /DATABASE_URL/)
  refused({ API_WORKERS: '0' }, /API_WORKERS/)
  refused({ API_CONTROL_TOKEN: 'short' }, /API_CONTROL_TOKEN/)
  refused({ NODE_ENV: 'test' }, /NODE_ENV/)
  refused({ API_TRUSTED_PROXIES: '1' }, /http\.trustedProxies: "1"/)
  refused({ API_CORS_ORIGINS: '*' }, /http\.corsOrigins: "\*"/)
  refused({ DATABASE_DIRECT_URL: 'mysql://root:pass-word@host/db' }, /DATABASE_DIRECT_URL/)
  refused({ DB_ACQUIRE_TIMEOUT_MS: '0' }, /DB_ACQUIRE_TIMEOUT_MS/)
  refused({ API_WORKERS: '45' }, /connectionBudget \(90\) is below 92.*workers \(45/)
  refused({ API_WORKERS: '22', DATABASE_DIRECT_URL: DATABASE_URL }, /connectionBudget \(90\) is below 92/)
  t.equal(cluster({ API_WORKERS: '45', DB_CONNECTION_BUDGET: '92' }).workers, 45)
  refused({ DB_MIN_CONNECTIONS: '30', DB_MAX_CONNECTIONS: '20' }, /minConnections \(30\).*maxConnections \(20\)/)
  refused({ REDIS_HOST: 'r', CACHE_DISK_FOLDER: '/d' }, /cache\.diskFolder and cache\.redisHost contradict/)
  refused({ REDIS_HOST: 'r', CACHE_L2: 'false' }, /cache\.machine is off, but cache\.redisHost is set/)
  refused({ CACHE_DISK_FOLDER: '/d', CACHE_L2: 'false' }, /cache\.machine is off, but cache\.diskFolder is set/)
})

await t.test('all parts are there in every environment, and each has a switch of its own', async t => {
  const names = {
    loadBalancing: 'LOAD_BALANCING',
    caching: 'FEATURE_CACHING',
    compression: 'FEATURE_COMPRESSION',
    security: 'FEATURE_SECURITY',
    monitoring: 'FEATURE_MONITORING',
    optimization: 'FEATURE_OPTIMIZATION',
    circuitBreaker: 'FEATURE_CIRCUIT_BREAKER',
    rateLimit: 'FEATURE_RATE_LIMIT',
  } as const
  for (const environment of Object.keys(ENVIRONMENTS)) t.same(cluster({ NODE_ENV: environment }).features, ALL_FEATURES)
  t.same(Object.keys(ALL_FEATURES), Object.keys(names))
  for (const [name, variable] of Object.entries(names)) {
    const { features } = cluster({ [variable]: 'false' })
    t.same(features, { ...ALL_FEATURES, [name]: false })
    t.same(switchedOff(features), [name])
  }
})

await t.test('without load balancing there is one worker, and who asks for more is told of both', async t => {
  const single = cluster({ LOAD_BALANCING: 'false' })
  t.equal(workerCount(single, 16), 1)
  t.equal(mostWorkers(single), 1)
  t.equal(workerCount(cluster({ LOAD_BALANCING: 'false', API_WORKERS: '1', API_MAX_WORKERS: '1' })), 1)
  t.throws(() => cluster({ LOAD_BALANCING: 'false', API_WORKERS: '4' }), {
    code: 'CONFIG_ERR_CONTRADICTION',
    message: /features\.loadBalancing is off.* workers is 4.*features\.loadBalancing: env, workers: env/,
  })
  t.throws(() => cluster({ LOAD_BALANCING: 'false' }, ['--max-workers', '3']), {
    message: /features\.loadBalancing is off.* maxWorkers is 3.*maxWorkers: flag/,
  })
})

await t.test('a fleet that does not fit into its memory is refused by the check, as by the start', async t => {
  const check = (argv: readonly string[], containerMib = Infinity) =>
    loadConfig(
      clusterProgramWithin(() => ({
        limitBytes: containerMib * 2 ** 20,
        source: containerMib === Infinity ? 'machine' : 'cgroup-v2',
      })),
      { env: { DATABASE_URL }, argv: ['--check-config', ...argv] },
    ).kind
  const tooSmall = { code: 'CONFIG_ERR_CONTRADICTION', message: /512 MiB are too little for 8 workers.*'workers' to 2/ }
  t.throws(() => check(['--workers', '8', '--memory.limit-mib', '512']), tooSmall)
  t.throws(() => check(['--workers', '8'], 512), tooSmall, 'the container says it as well')
  t.throws(() => check(['--workers', '2', '--max-workers', '8'], 512), { message: /maxWorkers: flag/ })
  t.throws(() => check([], 192), { message: /Not even one fits/ })
  t.equal(check(['--workers', '2', '--memory.limit-mib', '512']), 'check')
  t.equal(check([], 512), 'check', 'a number that follows from the cores is lowered')
})

await t.test('production refuses what would open a door, and others do not', async t => {
  const doors: [Record<string, string>, string[], RegExp][] = [
    [
      { API_CORS_ORIGINS: 'https://a.example,http://b.example' },
      [],
      /http\.corsOrigins: "http:\/\/b\.example" is not for prod/,
    ],
    [
      { API_TRUSTED_PROXIES: '10.0.0.0/8,0.0.0.0/0' },
      [],
      /http\.trustedProxies: "0\.0\.0\.0\/0" is not for production/,
    ],
    [{ API_CORS_ORIGINS: 'https://*.org' }, [], /http\.corsOrigins: "https:\/\/\*\.org" is not for production/],
    [{ API_TOKEN_KEYS: '' }, [], /auth\.keys or auth\.keysFile has to be given in production/],
    [{ DATABASE_URL: 'postgres://plimsoll:secret@127.0.0.1/plimsoll' }, [], /database\.url is not for production/],
    [{ REDIS_HOST: 'r', REDIS_PASSWORD: 'changeme' }, [], /cache\.redisPassword is not for production/],
    [{ API_OPERATOR_TOKEN: 'a-token-of-some-length' }, [], /http\.operatorToken is not for production/],
    [{ API_CONTROL_TOKEN: 'a-token-of-some-length' }, [], /controlToken is not for production/],
    [{}, ['--inspect-port', '9229'], /inspectPort \(9229\) is not for production/],
  ]
  for (const [env, argv, message] of doors) {
    t.throws(() => cluster({ NODE_ENV: 'production', ...env }, argv), { code: 'CONFIG_ERR_CONTRADICTION', message })
    for (const environment of ['development', 'staging'])
      t.equal(cluster({ NODE_ENV: environment, ...env }, argv).environment, environment)
  }
  const worker = (env: Record<string, string>) =>
    loadConfig(workerProgram, { env: { DATABASE_URL, API_TOKEN_KEYS, NODE_ENV: 'production', ...env }, argv: [] })
  t.throws(() => worker({ API_TRUSTED_PROXIES: '::/0' }), { message: /"::\/0" is not for production/ })
  t.equal(worker({ API_TRUSTED_PROXIES: '10.0.0.0/8,fc00::/7', API_CORS_ORIGINS: 'https://*.a.example' }).kind, 'run')
})

await t.test('the environment decides what nobody has set', async t => {
  t.equal(logLevel(cluster()), 'debug')
  t.equal(logLevel(cluster({ NODE_ENV: 'staging' })), 'info')
  t.equal(logLevel(cluster({ NODE_ENV: 'production' })), 'warn')
  t.equal(logLevel(cluster({ NODE_ENV: 'production', LOG_LEVEL: 'trace' })), 'trace')
  t.same(poolLimits(cluster()), { minConnections: 2, maxConnections: 10 })
  t.same(poolLimits(cluster({ NODE_ENV: 'production' })), { minConnections: 5, maxConnections: 20 })
  t.same(poolLimits(cluster({ NODE_ENV: 'production', DB_MAX_CONNECTIONS: '3' })), {
    minConnections: 3,
    maxConnections: 3,
  })
  t.equal(slowQueryMs(cluster()), 100)
  t.equal(slowQueryMs(cluster({ NODE_ENV: 'staging' })), 500)
  t.equal(slowQueryMs(cluster({ NODE_ENV: 'production', DB_SLOW_QUERY_MS: '0' })), 0)
  t.equal(workerCount(cluster(), 1), 2)
  t.equal(workerCount(cluster(), 16), 16)
  t.equal(workerCount(cluster(), 512), 44, 'no more than there are connections for')
  t.equal(workerCount(cluster({ DB_CONNECTION_BUDGET: '4' }), 16), 1)
  t.equal(workerCount(cluster({ API_WORKERS: '1' })), 1)
  t.match(runFolder(cluster(), 501), /plimsoll-api-501$/)
  t.equal(runFolder(cluster({ API_RUN_FOLDER: '/run/x' }), 501), '/run/x')
})

await t.test('a worker reads from its environment what the cluster was given, from whatever source', async t => {
  const argv =
    '--database.max-connections 7 --database.min-connections 0 --http.handler-timeout-ms 1234 --http.trusted-proxies 10.0.0.0/8 --http.trusted-proxies ::1'
  const config = cluster({ NODE_ENV: 'production', DB_MAX_CONNECTIONS: '9', API_CORS_ORIGINS: 'https://a.example' }, [
    ...argv.split(' '),
    '--no-http.cors-origins',
    '--database.direct-url',
    'postgres://direct',
    '--database.slow-query-ms',
    '77',
    '--database.acquire-timeout-ms',
    '88',
    '--log.level',
    'error',
    '--workers',
    '5',
    '--cache.redis-host',
    'redis.example',
    '--cache.max-mib',
    '16',
    '--no-features.caching',
    '--no-features.rate-limit',
    '--no-features.circuit-breaker',
    '--memory.limit-mib',
    '1024',
    '--no-memory.recycle',
    '--memory.profile-folder',
    '/profiles',
    '--no-http.load-report',
    '--cache.warm-keys',
    'courses 5',
    '--limits.uploads',
    '3',
    '--retention.pitch-views-days',
    '12',
    '--log.addresses',
    'truncated',
  ])
  const heap = planHeap({ limitBytes: 1024 * 2 ** 20, workers: 6 })
  const env = workerEnvironment(
    config,
    { maxWorkers: 6, heap },
    {
      DATABASE_URL: 'postgres://other',
      DB_MAX_CONNECTIONS: '9',
      API_CORS_ORIGINS: 'https://a.example',
      PATH: '/bin',
    },
  )
  t.equal(env['PATH'], '/bin')
  const loaded = loadConfig(workerProgram, { env, argv: [] })
  if (loaded.kind !== 'run') throw new Error(`unexpected ${loaded.kind}`)
  const { listen, ...worker } = loaded.config
  t.type(listen, 'string')
  t.same(worker, {
    environment: config.environment,
    features: config.features,
    workers: 6,
    database: config.database,
    cache: config.cache,
    memory: { ...config.memory, shareMib: Math.floor(heap.perWorkerBytes / 2 ** 20) },
    http: config.http,
    auth: config.auth,
    limits: config.limits,
    retention: config.retention,
    log: config.log,
  })
})

await t.test('the pool of a worker is its share: of the budget, and of the routes', async t => {
  t.same(workerPool(cluster(), 4), { min: 2, max: 10 })
  t.same(workerPool(cluster({ NODE_ENV: 'production' }), 8), { min: 5, max: 9 })
  t.same(workerPool(cluster({ NODE_ENV: 'production', DATABASE_DIRECT_URL: DATABASE_URL }), 8), { min: 4, max: 4 })
})

await t.test('commands go past the pooler', async t => {
  t.same(commandDatabase({ url: 'a', connectTimeoutS: 1 }), { url: 'a', connectTimeoutS: 1 })
  t.same(commandDatabase({ url: 'a', directUrl: 'b', connectTimeoutS: 1 }), { url: 'b', connectTimeoutS: 1 })
})

await t.test('help is there for each program', async t => {
  const sources = { env: {}, argv: ['--help'] }
  const help = { kind: 'help', text: /DATABASE_URL/ }
  t.match(loadConfig(clusterProgram, sources), help)
  t.match(loadConfig(workerProgram, sources), help)
  t.match(loadConfig(databaseProgram, sources), help)
})

await t.test('the hashes of a machine take all cores but one, however many workers there are', t => {
  const share = (cores: number, workers: number) => {
    const { hashSlots, hashRest } = authOptions(cluster(), workers, cores)
    // Of the time, each slot is busy for 1 / (1 + rest).
    return { hashSlots, cores: (workers * hashSlots) / (1 + hashRest) }
  }
  t.match(share(2, 2), { hashSlots: 1, cores: 1 })
  t.match(share(4, 4), { hashSlots: 1, cores: 3 })
  t.match(share(8, 2), { hashSlots: 3, cores: 6 })
  t.match(share(16, 1), { hashSlots: 3, cores: 3 }, 'one thread of four is left for others')
  t.match(share(1, 2), { hashSlots: 1, cores: 0.5 })
  t.end()
})
