// What a request meets in app.ts, taken apart: each part can be put alone into a bare application, and its cost be measured. `npm run bench -- api --plugins` does it.
//
// The plugins' names are those of `app.printPlugins()`, so what app.ts registers and nobody measures is found out (`unmeasuredPlugins`).
import compress from '@fastify/compress'
import cors from '@fastify/cors'
import swagger from '@fastify/swagger'
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import { createLoadReporter, type LoadReporter } from '@plimsoll/load-report'
import { createServerDrain } from '@plimsoll/supervisor'
import { categoryLogger, createLogger, createRegistry, type Logger, type Registry } from '@plimsoll/telemetry'
import { ENVIRONMENTS } from '../src/config/environments.ts'
import { RequestFigures } from '../src/http/request-figures.ts'
import { requestIds } from '../src/http/request-id.ts'
import { withLateChildren } from '../src/http/request-logger.ts'
import { trustPeers, type TrustPeer } from '../src/http/peers.ts'
import { Admission } from '../src/memory/admission.ts'
import { answerClientErrors, ignoreClientError } from '../src/plugins/client-errors.ts'
import { compressOptions } from '../src/plugins/compression.ts'
import { AccessTokens } from '../src/auth/access-tokens.ts'
import { access } from '../src/plugins/access.ts'
import { draining } from '../src/plugins/draining.ts'
import { helmetHeaders } from '../src/plugins/helmet-headers.ts'
import { httpCaching } from '../src/plugins/http-caching.ts'
import { loadReport } from '../src/plugins/load-report.ts'
import { loadShedding } from '../src/plugins/load-shedding.ts'
import { metrics } from '../src/plugins/metrics.ts'
import { privateAnswers } from '../src/plugins/no-store.ts'
import { openapiOptions } from '../src/plugins/openapi.ts'
import { noLimits } from '../src/limits/limits.ts'
import { rateLimits } from '../src/plugins/rate-limits.ts'
import { requestContext } from '../src/plugins/request-context.ts'
import { requestEnd } from '../src/plugins/request-end.ts'
import { quietLogController, requestLog } from '../src/plugins/request-log.ts'
import { corsOptions, helmetOptions, strictTransport } from '../src/plugins/security.ts'
import { unknownAddresses } from '../src/plugins/unknown-addresses.ts'
import { systemClock, systemRandom } from '../src/programs.ts'
import { Draining } from '../src/worker/drain.ts'

const NO_TOKENS = {
  issuer: 'bench',
  audience: 'bench',
  lifeMs: 1000,
  keyring: { sign: 'bench', keys: new Map([['bench', Buffer.alloc(32, 7)]]) },
  maxVerified: 0,
}

const ENVIRONMENT = 'production'
const RULES = ENVIRONMENTS[ENVIRONMENT]
const HANDLER_TIMEOUT_MS = 30_000

/** What parts are made of. */
export interface Tools {
  readonly logger: Logger
  readonly registry: Registry
  readonly trustPeer: TrustPeer
  readonly reporter: LoadReporter
  readonly figures: RequestFigures
}

/** A logger at production's level, on standard output; a reporter that measures this process. */
export function createTools(): Tools {
  const reporter = createLoadReporter()
  return {
    logger: createLogger({ level: RULES.logLevel, name: 'bench' }),
    registry: createRegistry({ prefix: 'api_' }),
    trustPeer: trustPeers({ unixSocket: true, trustedProxies: [] }),
    reporter,
    figures: new RequestFigures(failed => reporter.requestEnded(failed)),
  }
}

export interface Part {
  readonly name: string
  /** Of the server, of the route, or a plugin by its name. */
  readonly kind: 'server' | 'route' | 'plugin'
  /** Whether it handles the answer's value or body, so that it costs more for a larger one. */
  readonly bySize: boolean
  /** What the server is made with. */
  server?(tools: Tools): FastifyServerOptions
  /** Before the route. */
  register?(app: FastifyInstance, tools: Tools): void
}

/** The route with its checks, service and cache in the place of the one that has its answer at hand; needs a database. */
export const CACHED_READ = 'schema, service, cache'

export const PARTS: readonly Part[] = [
  {
    ...server('log line per request'),
    server: ({ logger }) => ({
      loggerInstance: withLateChildren(logger),
      logController: quietLogController(),
    }),
  },
  {
    ...server('ids, believed peers'),
    server: ({ trustPeer }) => ({
      genReqId: requestIds({ trustPeer, prefix: 'bench-of-plugins' }),
      trustProxy: trustPeer,
    }),
  },
  {
    ...server('client errors'),
    server: () => ({ clientErrorHandler: ignoreClientError }),
    register: app => answerClientErrors(app.server),
  },
  { ...server('drain'), register: app => void createServerDrain(app.server, () => app.close()) },
  { name: CACHED_READ, kind: 'route', bySize: false },
  plugin('request-end', app => void app.register(requestEnd)),
  plugin('request-context', (app, { trustPeer }) => {
    app.register(requestEnd)
    app.register(requestContext, { trustPeer, handlerTimeoutMs: HANDLER_TIMEOUT_MS, clock: systemClock })
  }),
  plugin('draining', app => void app.register(draining, { drainState: new Draining() })),
  plugin('metrics', (app, { registry, figures }) => {
    app.register(requestEnd)
    app.register(metrics, { registry, figures })
  }),
  plugin('load-report', (app, { reporter, trustPeer }) => void app.register(loadReport, { reporter, trustPeer })),
  plugin('load-shedding', (app, { trustPeer }) => {
    app.register(loadShedding, { admission: new Admission(), trustPeer, random: systemRandom })
  }),
  plugin('access', app => {
    // Nobody signs in: the routes are for everybody.
    const sessions = { find: () => Promise.resolve(null) }
    const accessTokens = new AccessTokens({ ...NO_TOKENS, clock: systemClock })
    app.register(access, { environment: ENVIRONMENT, operatorToken: undefined, accessTokens, sessions })
  }),
  plugin('request-log', (app, { logger }) => {
    app.register(requestEnd)
    app.register(requestLog, { securityLogger: categoryLogger(logger, 'security') })
  }),
  plugin('helmet-headers', app => void app.register(helmetHeaders, { options: helmetOptions() })),
  plugin('strict-transport', app => void app.register(strictTransport, { maxAgeS: RULES.hstsMaxAgeS })),
  plugin('@fastify/cors', app => void app.register(cors, corsOptions([], RULES.localOrigins))),
  plugin('private-answers', app => void app.register(privateAnswers)),
  plugin('rate-limits', app => {
    app.register(requestEnd)
    app.register(rateLimits, { limits: noLimits() })
  }),
  { ...plugin('@fastify/compress', app => void app.register(compress, compressOptions())), bySize: true },
  {
    ...plugin('http-caching', app => {
      // It asks where the answer came from, which another plugin knows.
      const caller = { servedFrom: 'memory', freshLeftMs: 600_000 }
      app.decorateRequest('caller', { getter: () => caller as never })
      app.register(httpCaching, { environment: ENVIRONMENT })
    }),
    bySize: true,
  },
  plugin('unknown-addresses', app => void app.register(unknownAddresses)),
  plugin('@fastify/swagger', app => void app.register(swagger, openapiOptions('0'))),
]

function server(name: string): Part {
  return { name, kind: 'server', bySize: false }
}

function plugin(name: string, register: (app: FastifyInstance, tools: Tools) => void): Part {
  return { name, kind: 'plugin', bySize: false, register }
}

/**
 * What the application registers and no part stands for. Routes aren't asked for: in a scope of their own they can't touch another one's requests.
 * @param printed what `app.printPlugins()` gives: a tree, in which a line without indentation is a plugin of the application itself
 */
export function unmeasuredPlugins(printed: string): string[] {
  const measured = new Set(PARTS.map(({ name }) => name))
  return registeredPlugins(printed).filter(name => !measured.has(name) && !/Routes?$/.test(name))
}

/** Parts that stand for a plugin which the application doesn't register any more. */
export function forgottenParts(printed: string): string[] {
  const registered = new Set(registeredPlugins(printed))
  return PARTS.filter(({ kind, name }) => kind === 'plugin' && !registered.has(name)).map(({ name }) => name)
}

/** `bound _after` is Fastify's own. */
function registeredPlugins(printed: string): string[] {
  const names = Array.from(printed.matchAll(/^[├└]─[─┬] (.+?)(?: -- .*)? -?\d+ ms$/gm), ([, name]) => name ?? '')
  return names.filter(name => name !== 'bound _after')
}
