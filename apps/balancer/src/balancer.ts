// The composition root: builds every part from the options, joins them, and takes them down in reverse order.
//
//   starting ──start()──► serving ──stop()──► draining ──► stopped
//
// On stop: /health fails at once; for `graceMs` connections are still accepted, so that whoever is in front can look away, but answers end
// them; then no new connection is accepted and requests under way have `drainMs` to finish.
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { FastRandom } from '@plimsoll/load-balancing'
import { createRegistry, type Logger } from '@plimsoll/telemetry'
import { RateLimiter } from './admission/rate-limiter.ts'
import { AdminListeners } from './admin/admin-listeners.ts'
import { resolveAdminToken } from './admin/admin-token.ts'
import type { BalancerConfig } from './config/config.ts'
import { parseHashKey } from './config/hash-options.ts'
import { adminControl } from './control.ts'
import { Discovery } from './discovery/discovery.ts'
import { parseListenAddress } from './downstream/listen-address.ts'
import { Listener } from './downstream/listener.ts'
import { hashKeyFor } from './headers/hash-key.ts'
import { RequestIds } from './headers/request-ids.ts'
import { RequestPasses } from './headers/request-passes.ts'
import { ResponsePasses } from './headers/response-passes.ts'
import { TrustedProxies } from './headers/trusted-proxies.ts'
import { ActiveCheck } from './health/active-check.ts'
import { createProbe } from './health/create-probe.ts'
import { EndpointWatch } from './health/endpoint-watch.ts'
import { OutlierDetector } from './health/outlier-detector.ts'
import { StallDetector } from './health/stall-detector.ts'
import { AccessLog } from './observability/access-log.ts'
import { DecisionRecorder } from './observability/decision-recorder.ts'
import { logFailure } from './observability/failure-log.ts'
import { BalancerMetrics } from './observability/metrics.ts'
import { Deadlines } from './deadlines.ts'
import {
  acceptOptions,
  budgetOptions,
  changedFixedOptions,
  clientOptions,
  outlierOptions,
  poolSettings,
  rateLimiterOptions,
  reportOptions,
  retryOptions,
  upstreamOptions,
} from './policies.ts'
import { Proxy } from './proxy.ts'
import { DatabaseFreePaths } from './reports/database-free.ts'
import { ReportIntake } from './reports/report-intake.ts'
import { ReportShares } from './reports/report-shares.ts'
import { RequestRelay } from './request-relay.ts'
import { StreamTally } from './streams/stream-tally.ts'
import { OutputSlab } from './transport/output-slab.ts'
import { connectionRoom, limitWarnings, readSystemLimits } from './transport/system-limits.ts'
import { TimerWheel } from './transport/timer-wheel.ts'
import { ConnectionPool } from './upstream/connection-pool.ts'
import type { Endpoint } from './upstream/endpoint.ts'
import { RetryBudget } from './upstream/retry-budget.ts'
import { RetryPolicy } from './upstream/retry-policy.ts'
import { TryReports } from './upstream/try-reports.ts'
import { UpstreamPool } from './upstream/upstream-pool.ts'

/** What comes from outside besides the options. */
export interface BalancerDependencies {
  readonly logger: Logger
  /** Random numbers from 0 (included) to 1: for jitter and for the prefix of request ids. */
  readonly random: { next(): number }
  /** Reads the configuration again, for a reload. Throws with a sentence about what's wrong. Without it there are no reloads. */
  readonly readConfig?: () => BalancerConfig
}

/** What became of a reload. `refused`: nothing has changed, and `problems` says why, an option each. */
export interface ReloadOutcome {
  readonly outcome: 'applied' | 'unchanged' | 'refused'
  readonly problems: readonly string[]
}

/** Where the balancer really listens: differs from the options where a port was 0. */
export interface BalancerAddresses {
  readonly listen: string
  readonly admin: string
  /** Null when there's none. */
  readonly adminReadOnly: string | null
  /** The admin API's token when none was given: to be shown once to whoever started it. Null when one was given. */
  readonly generatedAdminToken: string | null
}

export interface Balancer {
  /** @throws the system's error when an address can't be bound; nothing is left running then. */
  start(): Promise<BalancerAddresses>
  /** Reads the configuration again and takes it as one change, without a lost request; or leaves everything as it was. */
  reload(): ReloadOutcome
  /** Resolves with the number of exchanges that had to be cut. May be called again; the first call counts. */
  stop(): Promise<number>
}

/** Precision of all time-outs. */
const TICK_MS = 25

export function createBalancer(initial: BalancerConfig, dependencies: BalancerDependencies): Balancer {
  const { logger, random } = dependencies
  let config = initial
  let draining = false
  const clock = { now: () => performance.now() }
  const pickerSources = { random: new FastRandom(Math.floor(random.next() * 2 ** 32)), clock }
  const slab = new OutputSlab()
  const onFault = (error: unknown) => {
    logger.error({ err: error, code: 'LB_ERR_INTERNAL' }, 'a fault of the balancer itself: one connection is closed')
  }
  const wheel = new TimerWheel(clock, TICK_MS, onFault)
  const ids = new RequestIds(random)
  const streams = new StreamTally()
  const version = ownVersion()

  // ——— endpoints: who there is, and what is seen of them ———

  const connections = new Map<Endpoint, ConnectionPool>()
  const checks = new Map<Endpoint, ActiveCheck>()
  const surroundings = { slab, wheel, onFault, ...upstreamOptions(config) }
  const pool: UpstreamPool = new UpstreamPool(poolSettings(config, pickerSources), clock, {
    onJoin(endpoint) {
      const { maxIdlePerEndpoint, maxUpstreamAgeMs } = config.limits
      const kept = { maxIdle: maxIdlePerEndpoint, maxAgeMs: maxUpstreamAgeMs }
      connections.set(endpoint, new ConnectionPool(endpoint, surroundings, kept, clock))
      startCheck(endpoint)
    },
    onLeave(endpoint) {
      checks.get(endpoint)?.stop()
      checks.delete(endpoint)
      connections.get(endpoint)?.close()
      connections.delete(endpoint)
    },
    onDrain(endpoint) {
      connections.get(endpoint)?.closeIdle()
      listener.tellStreams(endpoint)
    },
    onHealthChanged({ endpoint, from, to, reason }) {
      metrics.countTransition(endpoint)
      logger.info({ endpoint: endpoint.id, from, to, reason }, `endpoint ${endpoint.id} is ${to}`)
    },
    onPanic(panic) {
      const facts = { code: 'LB_WARN_PANIC', candidates: pool.availableCount, known: pool.endpoints.length }
      if (panic) logger.warn(facts, 'too few endpoints may take requests: all that accept connections are used')
      else logger.info(facts, 'enough endpoints may take requests again')
    },
  })
  const outliers = new OutlierDetector(pool, outlierOptions(config), clock, {
    onEjected(endpoint, { cause, reason }, forMs) {
      metrics.countEjection(cause)
      checks.get(endpoint)?.restartRow()
      checks.get(endpoint)?.hurry()
      logger.warn(
        { code: 'LB_WARN_EJECTED', endpoint: endpoint.id, cause, reason, forMs: Math.round(forMs) },
        `endpoint ${endpoint.id} is ejected`,
      )
    },
    onSuppressed: (_endpoint, { cause }) => metrics.countSuppressed(cause),
    onReturned: endpoint => logger.info({ endpoint: endpoint.id }, `endpoint ${endpoint.id} is back`),
  })
  const stalls = new StallDetector(config.stall, (endpoint, silentMs) => {
    const waiting = endpoint.waitingRequests
    const reason = `silent for ${Math.round(silentMs)} ms while ${waiting} requests wait`
    outliers.eject(endpoint, { cause: 'stalled', reason })
  })
  const loadReports = new ReportIntake(pool, reportOptions(config), clock)
  const shares = new ReportShares(pool, reportOptions(config), clock)
  const watch = new EndpointWatch(pool, outliers, stalls, shares, wheel, clock)

  function startCheck(endpoint: Endpoint): void {
    const probe = createProbe(endpoint.address, config.health, head => loadReports.take(endpoint, head))
    const check: ActiveCheck = new ActiveCheck(endpoint, config.health, probe, random, {
      setHealth: (health, reason, kind) => {
        endpoint.acceptsConnections = kind !== 'connect'
        pool.setHealth(endpoint, health, reason)
      },
      onChecked: (seen, passesInRow) => {
        metrics.countCheck(seen)
        outliers.onPassed(endpoint, passesInRow)
      },
    })
    checks.get(endpoint)?.stop()
    checks.set(endpoint, check)
    check.start()
  }

  // ——— the pipeline: made anew by a reload; exchanges under way stay with the one that they began with ———

  const decisionsKept = { size: Math.max(1, config.log.decisions), epochMs: Date.now() - clock.now() }
  const decisions = new DecisionRecorder(decisionsKept, pool, clock)
  let rateLimiter: RateLimiter | null = null
  const budget = new RetryBudget(budgetOptions(config), clock)
  const reports = new TryReports(pool, outliers, clock)
  const pipeline = (): Proxy => {
    const limits = rateLimiterOptions(config)
    rateLimiter = limits === null ? null : new RateLimiter(limits, clock, rateLimiter)
    const hashKey = config.strategy === 'consistent-hash' ? parseHashKey(config.hash.key) : null
    const databaseFree = new DatabaseFreePaths(config.reports.databaseFree)
    return new Proxy({
      pool,
      clock,
      random,
      streams,
      budget,
      reports,
      loadReports,
      deadlines: new Deadlines({ ...config.timeouts, hedgeAfterMs: config.retry.hedgeAfterMs }, wheel, clock),
      relay: new RequestRelay(config.retry.maxBodyBytes),
      retry: new RetryPolicy(retryOptions(config), random),
      requestPasses: new RequestPasses(new TrustedProxies(config.trustedProxies), ids),
      responsePasses: new ResponsePasses(),
      rateLimiter,
      onRateLimited: ({ rule }) => metrics.countRateLimited(rule),
      sendsDeadline: config.timeouts.sendDeadline,
      hashKeyOf: (exchange, head) => (hashKey === null ? undefined : hashKeyFor(hashKey, exchange, head)),
      needsDatabase: head => databaseFree.needsDatabase(head),
      connect: (endpoint, receiver, fresh, careful) =>
        (connections.get(endpoint) as ConnectionPool).acquire(receiver, fresh, careful),
      decisions: config.log.decisions === 0 ? null : decisions,
      onConnectFailure: (endpoint, { code, detail }) => {
        // Nobody listens there: waiting for `fall` checks would only fail more requests. One that's slow to accept may be busy: that's
        // for the checks to say.
        if (code === 'LB_ERR_UPSTREAM_CONNECT') {
          endpoint.acceptsConnections = false
          pool.setHealth(endpoint, 'down', `a request could not connect: ${detail}`)
        }
        checks.get(endpoint)?.hurry()
      },
      onExhausted,
      onFinished: exchange => {
        metrics.count(exchange)
        accessLog?.write(exchange)
        logFailure(logger, exchange)
      },
    })
  }

  // ——— clients ———

  let room = Infinity
  const isFull = () => {
    let open = listener.connectionCount
    for (const kept of connections.values()) open += kept.openCount
    return open >= room
  }
  function onExhausted(): void {
    if (!listener.pauseAccepting()) return
    const code = 'LB_ERR_OVERLOADED'
    logger.error({ code, pauseMs: config.timeouts.acceptPauseMs }, 'no file descriptors left: accepting pauses')
    listener.closeIdle()
    for (const kept of connections.values()) kept.closeIdle()
  }
  const listener: Listener = new Listener(
    { slab, wheel, onFault, streams, handler: pipeline(), ...clientOptions(config) },
    { backlog: config.limits.backlog, isFull, onExhausted, ...acceptOptions(config) },
  )

  // ——— what's seen from outside ———

  const metrics: BalancerMetrics = new BalancerMetrics(
    {
      pool,
      listener,
      budget,
      streams,
      reports: {
        counts: loadReports.counts,
        isPanicking: () => shares.isPanicking,
        of: endpoint => (shares.isFresh(endpoint) ? endpoint.report.last : null),
      },
      rateLimits: () => rateLimiter?.usage() ?? [],
      connections: endpoint => connections.get(endpoint) ?? null,
      now: () => clock.now(),
    },
    { version, node: process.versions.node },
  )
  const accessLog = config.log.access === '' ? null : new AccessLog(config.log.access, clock)
  const registry = createRegistry({ prefix: 'lb_' })
  const { token, generated } = resolveAdminToken(config.adminToken, randomBytes)
  const control = adminControl({
    pool,
    clock,
    decisions,
    isFresh: endpoint => shares.isFresh(endpoint),
    isDraining: () => draining,
    metrics: async () => metrics.render() + (await registry.metrics()),
    config: () => config,
    reload: async () => reload(),
  })
  const admin = new AdminListeners({ control, token, hosts: config.adminHosts, version, logger, clock })

  // ——— discovery ———

  const discovery = new Discovery({
    random,
    onList: list => pool.replace(list),
    onFault: (code, message) =>
      logger.warn({ code, message }, 'a source of endpoints could not be read; its last list stays'),
  })

  /** Everything changes between two events, so no request sees one half of it. */
  function apply(next: BalancerConfig): void {
    const before = config
    config = next
    Object.assign(surroundings, upstreamOptions(next))
    pool.configure(poolSettings(next, pickerSources))
    outliers.configure(outlierOptions(next))
    stalls.configure(next.stall)
    loadReports.configure(reportOptions(next))
    shares.configure(reportOptions(next))
    budget.configure(budgetOptions(next))
    const kept = { maxIdle: next.limits.maxIdlePerEndpoint, maxAgeMs: next.limits.maxUpstreamAgeMs }
    for (const one of connections.values()) one.configure(kept)
    listener.configure({ handler: pipeline(), ...clientOptions(next) }, acceptOptions(next))
    if (JSON.stringify(before.health) !== JSON.stringify(next.health))
      for (const endpoint of pool.endpoints) startCheck(endpoint)
    discovery.apply(next).catch(onFault)
  }

  function reload(): ReloadOutcome {
    const { next, problems } = readNext()
    if (next === null) {
      metrics.countReload(false)
      logger.error({ code: 'LB_ERR_RELOAD', problems }, 'the configuration stays as it was')
      return { outcome: 'refused', problems }
    }
    const unchanged = JSON.stringify(next) === JSON.stringify(config)
    if (!unchanged) apply(next)
    metrics.countReload(true)
    const endpoints = pool.endpoints.length
    logger.info({ endpoints }, unchanged ? 'the configuration is the same as before' : 'the configuration was reloaded')
    return { outcome: unchanged ? 'unchanged' : 'applied', problems: [] }
  }

  function readNext(): { next: BalancerConfig | null; problems: readonly string[] } {
    if (draining) return { next: null, problems: ['the balancer is stopping'] }
    if (!dependencies.readConfig) return { next: null, problems: ['this balancer was not told where to read from'] }
    try {
      const next = dependencies.readConfig()
      const fixed = changedFixedOptions(config, next)
      if (fixed.length === 0) return { next, problems: [] }
      return { next: null, problems: fixed.map(path => `${path}: only a restart can change this option`) }
    } catch (error) {
      return { next: null, problems: (error as Error).message.split('\n') }
    }
  }

  async function stopParts(): Promise<number> {
    const cut = await listener.close(config.shutdown.drainMs)
    discovery.stop()
    watch.stop()
    const left = [...connections.values()]
    pool.replace([])
    for (const kept of left) kept.destroy()
    await admin.close()
    await accessLog?.close()
    wheel.stop()
    return cut
  }

  let stopping: Promise<number> | null = null
  return {
    async start() {
      wheel.start()
      watch.start()
      const listenAddress = parseListenAddress(config.listen, '::')
      const adminAddress = parseListenAddress(config.admin, '127.0.0.1')
      try {
        await accessLog?.open()
        const readOnlyAddress =
          config.adminReadOnly === '' ? null : parseListenAddress(config.adminReadOnly, '127.0.0.1')
        const ports = await admin.listen(adminAddress, readOnlyAddress)
        await discovery.apply(config)
        const system = readSystemLimits()
        for (const { code, message } of limitWarnings(system, config.limits)) logger.warn({ code }, message)
        room = connectionRoom(system)
        const port = await listener.listen(listenAddress)
        return {
          listen: authority(listenAddress.host, port),
          admin: authority(adminAddress.host, ports.admin),
          adminReadOnly:
            readOnlyAddress === null || ports.readOnly === null
              ? null
              : authority(readOnlyAddress.host, ports.readOnly),
          generatedAdminToken: generated ? token : null,
        }
      } catch (error) {
        await stopParts()
        throw error
      }
    },
    reload,
    stop() {
      stopping ??= (async () => {
        draining = true
        logger.info({ graceMs: config.shutdown.graceMs, drainMs: config.shutdown.drainMs }, 'draining')
        listener.announceEnd()
        await wait(config.shutdown.graceMs)
        const cut = await stopParts()
        logger.info({ cut }, 'stopped')
        return cut
      })()
      return stopping
    },
  }
}

function ownVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}

function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
