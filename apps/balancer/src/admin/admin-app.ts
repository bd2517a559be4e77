// The admin API as a Fastify application: every hook and route, in the order in which they run. Read this file first.
//
//   request ─► security headers ─► Host ─► Origin ─► route? ─► below /admin: throttle, token ─► media type ─► body ─► rules ─► handler
//                                  421      403     404, 405            429       401              415     413, 400    400
//
// Invariants
// * What's below /admin is registered inside one plugin whose hook asks for the token: whatever spelling of a path the router takes for
//   such a route, and an unknown path there too, goes through it. No route is guarded by comparing paths.
// * GET and HEAD change nothing.
// * Every answer, however early it's made, has the security headers; every error is problem details; nothing internal is in one.
import swagger from '@fastify/swagger'
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { AdminControl, StatusSource } from './admin-control.ts'
import { AdminError } from './admin-errors.ts'
import { bearerToken, tokenChecker } from './admin-token.ts'
import { answerClientError } from './client-errors.ts'
import { FailureThrottle } from './failure-throttle.ts'
import { HostGuard, isOwnOrigin } from './host-guard.ts'
import { openapiOptions, ProblemSchema, requireDocumentation } from './openapi.ts'
import { sendProblem, toAdminError } from './problem-reply.ts'
import { RouteMethods } from './route-methods.ts'
import { configurationRoutes } from './routes/configuration.ts'
import { decisionRoutes } from './routes/decisions.ts'
import { documentationRoutes } from './routes/documentation.ts'
import { endpointRoutes } from './routes/endpoints.ts'
import { statusRoutes } from './routes/status.ts'
import { SECURITY_HEADERS } from './security-headers.ts'
import { VALIDATOR_OPTIONS } from './validation.ts'

/** Where the API writes what happened; a pino logger is one. */
export interface AdminLogger {
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

export interface AdminAppOptions {
  readonly control: AdminControl
  /** Bearer token of everything below /admin; not empty. */
  readonly token: string
  /** Names that Host may have besides IP addresses and localhost. */
  readonly hosts: readonly string[]
  /** Version of the balancer, for the document. */
  readonly version: string
  readonly logger: AdminLogger
  /** Monotonic milliseconds. */
  readonly clock: { now(): number }
}

const MAX_HEAD_BYTES = 8 * 1024
const MAX_BODY_BYTES = 16 * 1024
/** The engine needs the descriptors more. */
const MAX_CONNECTIONS = 256
/** An id is a URL, or `unix:` and a path of at most 107 bytes. */
const MAX_ID_LENGTH = 512
/** Ten wrong tokens from one address, then nothing but 429 until the minute is over. */
const THROTTLE = { maxFailures: 10, windowMs: 60_000, maxAddresses: 1000 }

/** The whole API. It doesn't listen. */
export function createAdminApp(options: AdminAppOptions): FastifyInstance {
  const { control, logger } = options
  const { app, answerUnknown } = createBase(logger)
  guardAgainstBrowsers(app, new HostGuard(options.hosts))
  app.register(swagger, openapiOptions(options.version))
  app.register(statusRoutes, { status: control.status })
  app.register(
    (admin, _options, done) => {
      requireToken(admin, options)
      requireJson(admin)
      admin.setNotFoundHandler(answerUnknown)
      admin.register(endpointRoutes, {
        endpoints: control.endpoints,
        onChange: (request, facts) => logger.info({ ...facts, address: request.ip }, 'an operator changed an endpoint'),
      })
      admin.register(decisionRoutes, { decisions: control.decisions })
      admin.register(configurationRoutes, {
        configuration: control.configuration,
        onReload: (request, result) =>
          logger.info({ ...result, address: request.ip }, 'an operator asked for a reload'),
      })
      admin.register(documentationRoutes)
      done()
    },
    { prefix: '/admin' },
  )
  return app
}

/** Health and metrics alone, for any Host, without a token: for an address that probes and Prometheus can reach. */
export function createReadOnlyApp(status: StatusSource, logger: AdminLogger): FastifyInstance {
  const { app } = createBase(logger)
  app.register(statusRoutes, { status })
  return app
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => FastifyReply

/** What both have in common: limits, headers, errors. */
function createBase(logger: AdminLogger): { app: FastifyInstance; answerUnknown: Handler } {
  const answerError = (error: unknown, request: FastifyRequest, reply: FastifyReply) => {
    const answer = toAdminError(error)
    if (answer.status >= 500)
      logger.error(
        { err: answer.cause, code: answer.code, method: request.method, route: request.routeOptions.url },
        'the admin API failed to answer a request',
      )
    return sendProblem(reply, answer)
  }
  const app: FastifyInstance = fastify({
    http: {
      headersTimeout: 5000,
      maxHeaderSize: MAX_HEAD_BYTES,
      connectionsCheckingInterval: 2000,
      // Node's own refusal would be no problem; `strangerIn` has one.
      requireHostHeader: false,
    },
    requestTimeout: 10_000,
    bodyLimit: MAX_BODY_BYTES,
    forceCloseConnections: true,
    return503OnClosing: false,
    routerOptions: { maxParamLength: MAX_ID_LENGTH },
    ajv: VALIDATOR_OPTIONS,
    frameworkErrors: (error, request, reply) => {
      answerError(error, request, reply)
    },
    clientErrorHandler: answerClientError,
  })
  app.server.maxConnections = MAX_CONNECTIONS
  // Before Fastify sees the request, so that what it refuses by itself has them too.
  app.server.prependListener('request', (_request, response) => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value)
  })
  // An answer is read by eyes as often as by programs.
  app.setSerializerCompiler(() => data => `${JSON.stringify(data, null, 2)}\n`)
  app.addSchema(ProblemSchema)
  takeJsonOnly(app)
  requireDocumentation(app)
  const methods = new RouteMethods()
  app.addHook('onRoute', ({ url, method }) => methods.add(url, method))
  const answerUnknown: Handler = (request, reply) => sendProblem(reply, unknownRoute(request, methods))
  app.setErrorHandler(answerError)
  app.setNotFoundHandler(answerUnknown)
  return { app, answerUnknown }
}

/** One parser; an empty body is none, so that a POST needs no `{}`. Keys that could poison a prototype are refused. */
function takeJsonOnly(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body: string, done) => {
    if (body === '') done(null)
    else void parse(request, body, done)
  })
}

function unknownRoute(request: FastifyRequest, methods: RouteMethods): AdminError {
  const allow = methods.allow(request.url.split('?', 1)[0] ?? '')
  if (allow === null)
    return new AdminError(
      'LB_ERR_ADMIN_NOT_FOUND',
      'GET /admin/openapi.json lists the routes, GET /health needs no token.',
    )
  return new AdminError('LB_ERR_ADMIN_METHOD', `This path answers ${allow}.`, { allow })
}

function guardAgainstBrowsers(app: FastifyInstance, guard: HostGuard): void {
  app.addHook('onRequest', (request, _reply, next) => {
    next(strangerIn(request, guard))
  })
}

/** Why the request's Host or Origin isn't ours. */
function strangerIn({ raw }: FastifyRequest, guard: HostGuard): AdminError | undefined {
  const hosts = raw.headersDistinct['host'] ?? []
  // HTTP/1.0 has no Host, and no browser leaves it out.
  if (hosts.length > 1 || (hosts.length === 0 && raw.httpVersion !== '1.0'))
    return new AdminError('LB_ERR_ADMIN_BAD_REQUEST', 'A request has exactly one Host (RFC 9112, 3.2).')
  // RFC 9112, 3.2.2: the authority of an absolute target counts, and not Host. Browsers send none; so neither may be a stranger's.
  const inTarget = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(raw.url ?? '')?.[1]
  const authorities = [...hosts, ...(inTarget === undefined ? [] : [inTarget])]
  if (!authorities.every(authority => guard.accepts(authority)))
    return new AdminError(
      'LB_ERR_ADMIN_HOST',
      'Ask by IP address or as localhost, or list the name with --admin-hosts.',
    )
  const { origin } = raw.headers
  if (origin !== undefined && !authorities.some(authority => isOwnOrigin(origin, authority)))
    return new AdminError('LB_ERR_ADMIN_ORIGIN', 'The page that asks is not one of this address.')
  return undefined
}

function requireToken(app: FastifyInstance, { token, clock, logger }: AdminAppOptions): void {
  const isRight = tokenChecker(token)
  const throttle = new FailureThrottle(THROTTLE, clock)
  app.addHook('onRequest', (request, _reply, next) => {
    const { ip } = request
    const blockedMs = throttle.blockedMs(ip)
    if (blockedMs > 0) {
      const retryAfterS = Math.ceil(blockedMs / 1000)
      return next(new AdminError('LB_ERR_ADMIN_THROTTLED', `Come back in ${retryAfterS} s.`, { retryAfterS }))
    }
    const given = bearerToken(request.headers.authorization)
    if (given !== null && isRight(given)) return next()
    if (given !== null) {
      throttle.recordFailure(ip)
      logger.warn(
        { code: 'LB_ERR_ADMIN_UNAUTHORIZED', address: ip, blocked: throttle.blockedMs(ip) > 0 },
        'a wrong token for the admin API',
      )
    }
    return next(
      new AdminError(
        'LB_ERR_ADMIN_UNAUTHORIZED',
        'Send "authorization: Bearer TOKEN" with the token of this balancer.',
      ),
    )
  })
}

/** What changes something says that it's JSON, which no form of a page can; also when there's no body. */
function requireJson(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, next) => {
    const { method, is404, headers } = request
    if (is404 || method === 'GET' || method === 'HEAD') return next()
    const isJson = /^application\/json[ \t]*(?:;|$)/i.test(headers['content-type'] ?? '')
    if (isJson && headers['content-encoding'] === undefined) return next()
    return next(
      new AdminError('LB_ERR_ADMIN_MEDIA_TYPE', 'Send "content-type: application/json", and no content encoding.'),
    )
  })
}
