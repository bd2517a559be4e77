// The composition root: builds every part from the options, joins them, and takes them down in reverse order.
//
//   starting ──start()──► serving ──stop()──► draining ──► stopped
//
// On stop: /health fails at once; for `graceMs` everything is served as before, so that whoever is in front can look away; then no new
// connection is accepted and requests under way have `drainMs` to finish.
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { createLimits } from '@plimsoll/http1'
import { createRegistry, type Logger } from '@plimsoll/telemetry'
import { AdminServer } from './admin/admin-server.ts'
import type { BalancerConfig } from './config/config.ts'
import { EndpointFile } from './discovery/endpoint-file.ts'
import { staticEndpoints } from './discovery/static.ts'
import { parseListenAddress } from './downstream/listen-address.ts'
import { Listener } from './downstream/listener.ts'
import { BALANCER_ERRORS, type BalancerErrorCode } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { RequestIds } from './headers/request-ids.ts'
import { RequestPasses } from './headers/request-passes.ts'
import { ResponsePasses } from './headers/response-passes.ts'
import { TrustedProxies } from './headers/trusted-proxies.ts'
import { ActiveCheck, connectProbe, httpProbe } from './health/active-check.ts'
import { AccessLog } from './observability/access-log.ts'
import { BalancerMetrics } from './observability/metrics.ts'
import { Deadlines } from './deadlines.ts'
import { Proxy } from './proxy.ts'
import { RequestRelay } from './request-relay.ts'
import { OutputSlab } from './transport/output-slab.ts'
import { connectionRoom, limitWarnings, readSystemLimits } from './transport/system-limits.ts'
import { TimerWheel } from './transport/timer-wheel.ts'
import { ConnectionPool } from './upstream/connection-pool.ts'
import type { Endpoint } from './upstream/endpoint.ts'
import { RetryPolicy } from './upstream/retry-policy.ts'
import { UpstreamPool } from './upstream/upstream-pool.ts'

/** What comes from outside besides the options. */
export interface BalancerDependencies {
  readonly logger: Logger
  /** Random numbers from 0 (included) to 1: for jitter and for the prefix of request ids. */
  readonly random: { next(): number }
}

/** Where the balancer really listens: differs from the options where a port was 0. */
export interface BalancerAddresses {
  readonly listen: string
  readonly admin: string
}

export interface Balancer {
  /** @throws the system's error when an address can't be bound; nothing is left running then. */
  start(): Promise<BalancerAddresses>
  /** Resolves with the number of exchanges that had to be cut. May be called again; the first call counts. */
  stop(): Promise<number>
}

/** Precision of all time-outs. */
const TICK_MS = 25

export function createBalancer(config: BalancerConfig, { logger, random }: BalancerDependencies): Balancer {
  let draining = false
  const clock = { now: () => performance.now() }
  const slab = new OutputSlab()
  const onFault = (error: unknown) => {
    logger.error({ err: error, code: 'LB_ERR_INTERNAL' }, 'a fault of the balancer itself: one connection is closed')
  }
  const wheel = new TimerWheel(clock, TICK_MS, onFault)
  const { limits, timeouts } = config
  const { maxHeadBytes, maxHeaders, maxTargetBytes, maxTrailerBytes, maxTrailers, maxChunkExtensionBytes } = limits
  const messageLimits = { maxHeadBytes, maxHeaders, maxTrailerBytes, maxTrailers, maxChunkExtensionBytes }
  const upstreamSurroundings = {
    slab,
    wheel,
    limits: createLimits({ ...messageLimits, maxInterimResponses: limits.maxInterimAnswers }),
    connectMs: timeouts.connectMs,
    idleMs: timeouts.idleUpstreamMs,
    discardMs: timeouts.discardMs,
    onFault,
  }
  const connections = new Map<Endpoint, ConnectionPool>()
  const checks = new Map<Endpoint, ActiveCheck>()
  const probe = config.health.path === '' ? connectProbe() : httpProbe(config.health.path)
  const pool = new UpstreamPool(
    endpoint => {
      connections.set(
        endpoint,
        new ConnectionPool(
          endpoint,
          upstreamSurroundings,
          { maxIdle: limits.maxIdlePerEndpoint, maxAgeMs: limits.maxUpstreamAgeMs },
          clock,
        ),
      )
      const check = new ActiveCheck(endpoint, config.health, probe, random, {
        setHealth: (health, reason) => pool.setHealth(endpoint, health, reason),
        onChecked: seen => metrics.countCheck(seen),
      })
      checks.set(endpoint, check)
      check.start()
    },
    endpoint => {
      checks.get(endpoint)?.stop()
      checks.delete(endpoint)
      connections.get(endpoint)?.close()
      connections.delete(endpoint)
    },
    ({ endpoint, from, to, reason }) => {
      metrics.countTransition(endpoint)
      logger.info({ endpoint: endpoint.id, from, to, reason }, `endpoint ${endpoint.id} is ${to}`)
    },
  )
  const proxy = new Proxy({
    pool,
    clock,
    deadlines: new Deadlines(timeouts, wheel, clock),
    relay: new RequestRelay(config.retry.maxBodyBytes),
    retry: new RetryPolicy({ count: config.retry.count }),
    requestPasses: new RequestPasses(new TrustedProxies(config.trustedProxies), new RequestIds(random)),
    responsePasses: new ResponsePasses(),
    connect: (endpoint, exchange) => (connections.get(endpoint) as ConnectionPool).acquire(exchange, exchange.metStale),
    onConnectFailure: (endpoint, { code, detail }) => {
      // Nobody listens there: waiting for `fall` checks would only fail more requests. One that's slow to accept may be busy: that's for
      // the checks to say.
      if (code === 'LB_ERR_UPSTREAM_CONNECT') pool.setHealth(endpoint, 'down', `a request could not connect: ${detail}`)
      checks.get(endpoint)?.hurry()
    },
    onExhausted,
    onFinished: exchange => {
      metrics.count(exchange)
      accessLog?.write(exchange)
      if (exchange.errorCode !== null) logFailure(logger, exchange, exchange.errorCode)
    },
  })
  let room = Infinity
  const isFull = () => {
    let open = listener.connectionCount
    for (const kept of connections.values()) open += kept.openCount
    return open >= room
  }
  function onExhausted(): void {
    if (!listener.pauseAccepting()) return
    const code = 'LB_ERR_OVERLOADED'
    logger.error({ code, pauseMs: timeouts.acceptPauseMs }, 'no file descriptors left: accepting pauses')
    listener.closeIdle()
    for (const kept of connections.values()) kept.closeIdle()
  }
  const listener: Listener = new Listener(
    {
      slab,
      wheel,
      limits: createLimits({
        ...messageLimits,
        maxTargetBytes,
        maxBodyBytes: limits.maxBodyBytes === 0 ? Infinity : limits.maxBodyBytes,
        targetCharacters: limits.targetCharacters,
      }),
      times: {
        idleMs: timeouts.idleClientMs,
        headMs: timeouts.requestHeadMs,
        minBytesPerSecond: limits.minBytesPerSecond,
        rateWindowMs: timeouts.rateWindowMs,
        halfClosedProbeMs: timeouts.halfClosedProbeMs,
        lingerMs: timeouts.lingerMs,
      },
      handler: proxy,
      onFault,
      trusted: new TrustedProxies(config.trustedProxies),
    },
    {
      maxConnections: limits.maxConnections,
      maxConnectionsPerAddress: limits.maxConnectionsPerAddress,
      backlog: limits.backlog,
      pauseMs: timeouts.acceptPauseMs,
      isFull,
      onExhausted,
    },
  )
  const metrics: BalancerMetrics = new BalancerMetrics(pool, listener, endpoint => connections.get(endpoint) ?? null, {
    version: ownVersion(),
    node: process.versions.node,
  })
  const accessLog = config.log.access === '' ? null : new AccessLog(config.log.access, clock)
  const registry = createRegistry({ prefix: 'lb_' })
  const admin = new AdminServer({
    token: config.adminToken,
    pool,
    isDraining: () => draining,
    metrics: async () => metrics.render() + (await registry.metrics()),
  })
  const given = staticEndpoints(config.upstream)
  const file =
    config.discovery.file === ''
      ? null
      : new EndpointFile({
          path: config.discovery.file,
          pollMs: config.discovery.pollMs,
          onList: list => pool.replace([...given, ...list]),
          onFault: message =>
            logger.warn(
              { code: 'LB_ERR_DISCOVERY_FILE', message },
              'the endpoint file could not be read; the last list stays',
            ),
        })

  async function stopParts(): Promise<number> {
    const cut = await listener.close(config.shutdown.drainMs)
    file?.stop()
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
      const listenAddress = parseListenAddress(config.listen, '::')
      const adminAddress = parseListenAddress(config.admin, '127.0.0.1')
      try {
        await accessLog?.open()
        const adminPort = await admin.listen(adminAddress)
        pool.replace(given)
        await file?.start()
        const system = readSystemLimits()
        for (const { code, message } of limitWarnings(system, limits)) logger.warn({ code }, message)
        room = connectionRoom(system)
        const port = await listener.listen(listenAddress)
        return { listen: authority(listenAddress.host, port), admin: authority(adminAddress.host, adminPort) }
      } catch (error) {
        await stopParts()
        throw error
      }
    },
    stop() {
      stopping ??= (async () => {
        draining = true
        logger.info({ graceMs: config.shutdown.graceMs, drainMs: config.shutdown.drainMs }, 'draining')
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

/** Whoever sends nonsense doesn't fill our log: what clients cause is told at the level for debugging. */
function logFailure(logger: Logger, exchange: Exchange, code: BalancerErrorCode): void {
  const facts = {
    code,
    detail: exchange.errorDetail,
    requestId: exchange.id,
    method: exchange.method,
    status: exchange.status,
    endpoints: exchange.tried.map(endpoint => endpoint.id),
    retries: exchange.retryReasons ?? [],
  }
  const { source } = BALANCER_ERRORS[code]
  if (source === 'client') logger.debug(facts, 'a request was refused')
  else logger.warn(facts, 'a request failed')
}

function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
