// The composition root: builds every part from the options, joins them, and takes them down in reverse order.
//
//   starting ──start()──► serving ──stop()──► draining ──► stopped
//
// On stop: /health fails at once; for `graceMs` everything is served as before, so that whoever is in front can look away; then no new
// connection is accepted and requests under way have `drainMs` to finish.
import { setTimeout as wait } from 'node:timers/promises'
import { createRegistry, type Logger } from '@plimsoll/telemetry'
import { AdminServer } from './admin/admin-server.ts'
import { channels, type EndpointHealthChanged, type ExchangeFinished } from './channels.ts'
import type { BalancerConfig } from './config.ts'
import { EndpointFile } from './discovery/endpoint-file.ts'
import { staticEndpoints } from './discovery/static.ts'
import { parseListenAddress } from './downstream/listen-address.ts'
import { Listener } from './downstream/listener.ts'
import { ActiveCheck, connectProbe, httpProbe } from './health/active-check.ts'
import { BalancerMetrics } from './observability/metrics.ts'
import { Proxy } from './proxy.ts'
import type { Endpoint, EndpointDescription } from './upstream/endpoint.ts'
import { Forwarder } from './upstream/forwarder.ts'
import { UpstreamPool } from './upstream/upstream-pool.ts'

/** What comes from outside besides the options. */
export interface BalancerDependencies {
  readonly logger: Logger
  /** Random numbers from 0 (included) to 1, for jitter. */
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
  /** Resolves with the number of requests that had to be cut. May be called again; the first call counts. */
  stop(): Promise<number>
}

export function createBalancer(config: BalancerConfig, { logger, random }: BalancerDependencies): Balancer {
  let draining = false
  const checks = new Map<Endpoint, ActiveCheck>()
  const probe = config.health.path === '' ? connectProbe() : httpProbe(config.health.path)
  const forwarder = new Forwarder({
    connectMs: config.timeouts.connectMs,
    idleUpstreamMs: config.timeouts.idleUpstreamMs,
  })

  const pool = new UpstreamPool(
    endpoint => {
      const check = new ActiveCheck(endpoint, config.health, probe, random, (health, reason) =>
        pool.setHealth(endpoint, health, reason),
      )
      checks.set(endpoint, check)
      check.start()
    },
    endpoint => {
      checks.get(endpoint)?.stop()
      checks.delete(endpoint)
      forwarder.forget(endpoint)
    },
  )
  const proxy = new Proxy(
    pool,
    forwarder,
    { retryCount: config.retry.count, ...config.timeouts },
    (endpoint, detail) => {
      // Nobody listens there: waiting for `fall` checks would only fail more requests.
      pool.setHealth(endpoint, 'down', `a request could not connect: ${detail}`)
      checks.get(endpoint)?.hurry()
    },
  )
  const listener = new Listener(proxy, config.timeouts)
  const metrics = new BalancerMetrics(pool, () => listener.activeRequests)
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
          onList: (list: EndpointDescription[]) => pool.replace([...given, ...list]),
          onFault: message =>
            logger.warn(
              { code: 'LB_ERR_DISCOVERY_FILE', message },
              'the endpoint file could not be read; the last list stays',
            ),
        })

  const onHealth = (message: unknown) => {
    const { endpoint, from, to, reason } = message as EndpointHealthChanged
    logger.info({ endpoint: endpoint.id, from, to, reason }, `endpoint ${endpoint.id} is ${to}`)
  }
  const onFinished = (message: unknown) => {
    const { exchange } = message as ExchangeFinished
    if (exchange.errorCode === null) return
    logger.warn(
      {
        code: exchange.errorCode,
        requestId: exchange.id,
        method: exchange.method,
        status: exchange.status,
        endpoints: exchange.tried.map(e => e.id),
        retries: exchange.retries,
      },
      'a request failed',
    )
  }

  async function stopParts(): Promise<number> {
    const cut = await listener.close(config.shutdown.drainMs)
    file?.stop()
    pool.replace([])
    forwarder.close()
    await admin.close()
    metrics.stop()
    channels.endpointHealthChanged.unsubscribe(onHealth)
    channels.exchangeFinished.unsubscribe(onFinished)
    return cut
  }

  let stopping: Promise<number> | null = null
  return {
    async start() {
      channels.endpointHealthChanged.subscribe(onHealth)
      channels.exchangeFinished.subscribe(onFinished)
      metrics.start()
      const listenAddress = parseListenAddress(config.listen, '::')
      const adminAddress = parseListenAddress(config.admin, '127.0.0.1')
      const adminPort = await admin.listen(adminAddress)
      pool.replace(given)
      await file?.start()
      try {
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

function authority(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
