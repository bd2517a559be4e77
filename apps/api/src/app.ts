// The application: every register() in the order in which its hooks run. Read this file first.
import { fastify, type FastifyInstance } from 'fastify'
import compress from '@fastify/compress'
import cors from '@fastify/cors'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { categoryLogger } from '@plimsoll/telemetry'
import { ENVIRONMENTS } from './config/environments.ts'
import type { Dependencies } from './dependencies.ts'
import { readJsonBodies } from './http/json-body.ts'
import { trustPeers } from './http/peers.ts'
import { requestIds } from './http/request-id.ts'
import { withLateChildren } from './http/request-logger.ts'
import { compileValidator } from './http/validation.ts'
import { access } from './plugins/access.ts'
import { answerClientErrors, ignoreClientError } from './plugins/client-errors.ts'
import { codingTags } from './plugins/coding-tags.ts'
import { compressOptions } from './plugins/compression.ts'
import { draining } from './plugins/draining.ts'
import { helmetHeaders, sayHelmetFields } from './plugins/helmet-headers.ts'
import { httpCaching } from './plugins/http-caching.ts'
import { loadReport } from './plugins/load-report.ts'
import { loadShedding } from './plugins/load-shedding.ts'
import { answerError } from './plugins/error-handler.ts'
import { metrics } from './plugins/metrics.ts'
import { metricsRoute } from './plugins/metrics-route.ts'
import { privateAnswers, storeNothing } from './plugins/no-store.ts'
import {
  documentationPageOptions,
  openapiOptions,
  openapiRoutes,
  ProblemSchema,
  requireDocumentation,
} from './plugins/openapi.ts'
import { rateLimits } from './plugins/rate-limits.ts'
import { requestContext } from './plugins/request-context.ts'
import { requestEnd } from './plugins/request-end.ts'
import { quietLogController, requestLog } from './plugins/request-log.ts'
import { corsOptions, helmetOptions, strictTransport, type Environment } from './plugins/security.ts'
import { unknownAddresses } from './plugins/unknown-addresses.ts'
import { authRoutes } from './resources/auth/routes.ts'
import { blogsRoutes } from './resources/blogs/routes.ts'
import { coursesRoutes } from './resources/courses/routes.ts'
import { gamificationRoutes } from './resources/gamification/routes.ts'
import { healthRoutes } from './resources/health/routes.ts'
import { performanceRoutes } from './resources/performance/routes.ts'
import { usersRoutes } from './resources/users/routes.ts'

export interface AppOptions {
  readonly version: string
  readonly environment: Environment
  /** Whether the server will listen on a Unix socket: then its peers are the balancer. */
  readonly unixSocket: boolean
  /** Addresses and networks of proxies in front, for a worker that listens on TCP or a balancer behind another. */
  readonly trustedProxies: readonly string[]
  readonly corsOrigins: readonly string[]
  /** Text that no other process has, at least 8 characters; ids of requests begin with it. */
  readonly requestIdPrefix: string
  /** Longest time for the answer to any request, in milliseconds. */
  readonly handlerTimeoutMs: number
  /** Largest body, in bytes; routes may set their own. */
  readonly maxBodyBytes: number
  /** What operators send as bearer token; undefined: in development this machine is believed, else nobody. */
  readonly operatorToken: string | undefined
  /** Whether `GET /metrics` is served here: only for a worker that runs by itself, without a supervisor to collect the figures. */
  readonly metricsRoute: boolean
}

/** Longer than the balancer keeps an idle connection (60 s), so that it is never the worker who closes one just as a request comes. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000
/** Time for the request line and header fields. */
const HEAD_TIMEOUT_MS = 10_000
/** Time for the whole request, body included. */
const REQUEST_TIMEOUT_MS = 30_000
/** How often Node looks for requests beyond those two; its own default is 30 s. */
const TIMEOUT_CHECK_INTERVAL_MS = 5000
const MAX_HEAD_BYTES = 16 * 1024
/** Longest path parameter; ids and slugs are far shorter. */
const MAX_PARAMETER_LENGTH = 128

/** Builds the application on its dependencies. It doesn't listen, and doesn't close them. */
export function createApp(dependencies: Dependencies, options: AppOptions): FastifyInstance {
  const { features, logger, clock, registry, figures, reporter, drainState, admission, random } = dependencies
  const { environment } = options
  const rules = ENVIRONMENTS[environment]
  const trustPeer = trustPeers(options)

  const app: FastifyInstance = fastify({
    loggerInstance: withLateChildren(logger),
    logController: quietLogController(),
    genReqId: requestIds({ trustPeer, prefix: options.requestIdPrefix }),
    trustProxy: trustPeer,
    http: {
      headersTimeout: HEAD_TIMEOUT_MS,
      maxHeaderSize: MAX_HEAD_BYTES,
      connectionsCheckingInterval: TIMEOUT_CHECK_INTERVAL_MS,
    },
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    bodyLimit: options.maxBodyBytes,
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    // While closing, what still comes over an open connection is answered, with `connection: close`: a drain loses nothing.
    return503OnClosing: false,
    // `request.deadline` is the time limit; Fastify's own ends when a body has been read.
    frameworkErrors: (error, request, reply) => {
      sayHelmetFields(reply)
      answerError(error, request, reply)
    },
    clientErrorHandler: ignoreClientError,
  })
  answerClientErrors(app.server)
  app.setValidatorCompiler(compileValidator)
  readJsonBodies(app)
  app.addSchema(ProblemSchema)
  requireDocumentation(app)
  app.setErrorHandler(answerError)

  app.register(requestEnd)
  app.register(requestContext, {
    trustPeer,
    handlerTimeoutMs: options.handlerTimeoutMs,
    clock,
    waiting: dependencies.outage,
  })
  app.register(draining, { drainState })
  if (features.monitoring) app.register(metrics, { registry, figures })
  if (reporter !== null) app.register(loadReport, { reporter, trustPeer })
  if (features.optimization) app.register(loadShedding, { admission, trustPeer, random })
  app.register(access, {
    environment,
    operatorToken: options.operatorToken,
    accessTokens: dependencies.auth.accessTokens,
    sessions: dependencies.auth.sessions,
  })
  app.register(requestLog, { securityLogger: categoryLogger(logger, 'security') })
  if (features.security) {
    app.register(helmetHeaders, { options: helmetOptions() })
    if (rules.hstsMaxAgeS > 0) app.register(strictTransport, { maxAgeS: rules.hstsMaxAgeS })
    app.register(cors, corsOptions(options.corsOrigins, rules.localOrigins))
  }
  app.register(features.caching ? privateAnswers : storeNothing)
  if (features.rateLimit) app.register(rateLimits, { limits: dependencies.limits })
  if (features.compression) app.register(compress, compressOptions())
  if (features.caching) app.register(httpCaching, { environment })
  else if (features.compression) app.register(codingTags)
  app.register(unknownAddresses)
  app.register(swagger, openapiOptions(options.version))

  app.register(openapiRoutes)
  if (rules.documentationPage) app.register(swaggerUi, documentationPageOptions())
  if (options.metricsRoute) app.register(metricsRoute, { registry })
  app.register(healthRoutes, { service: dependencies.health })
  if (features.monitoring) app.register(performanceRoutes, { service: dependencies.performance })
  app.register(authRoutes, { service: dependencies.authService })
  app.register(coursesRoutes, { service: dependencies.courses })
  app.register(blogsRoutes, { service: dependencies.blogs })
  app.register(gamificationRoutes, { services: dependencies.gamification })
  app.register(usersRoutes, { service: dependencies.users })
  return app
}
