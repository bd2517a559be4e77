// The supervisor over HTTP: figures, health, and the order to replace workers.
//
//   GET  /metrics                  Prometheus text
//   GET  /health                   200 while at least one worker is ready, 503 otherwise; says why
//   GET  /workers                  every process of the fleet
//   POST /workers/replace          all workers, one after the other        (bearer token)
//   POST /workers/:worker/replace  one worker                              (bearer token)
//
// Invariants
// * What changes something needs the token, compared in constant time, and a Host that is this server's: a page in a browser that
//   has had its own name resolved to 127.0.0.1 (DNS rebinding) is refused before the token is looked at.
// * Every error is a problem document (RFC 9457).
// * A slow or silent client can't hold a connection: request time-outs are set. The answer to a replacement may take as long as that does; who
//   doesn't want to wait says `Prefer: respond-async` (RFC 7240, section 4.1).
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ControlListenError, messageOf, OptionError } from '../errors.ts'
import type { Logger } from '../options.ts'
import type { Supervisor } from '../supervisor.ts'
import { createHostCheck, createTokenCheck } from './access.ts'
import { fleetRoutes } from './fleet-routes.ts'
import { sendProblem } from './answers.ts'

/** One address of the control server. */
export interface ControlRoute {
  readonly method: 'GET' | 'POST'
  /** Exact path; `:name` stands for one segment. */
  readonly path: string
  /** Whether it needs the token. Every POST does, whatever this says. Default false. */
  readonly needsToken?: boolean
  /** Answers the request; what it throws is answered with 500 and logged. */
  readonly handle: (request: ControlRequest, response: ServerResponse) => void | Promise<void>
}

export interface ControlRequest {
  readonly message: IncomingMessage
  /** The path's `:name` segments. */
  readonly parameters: Readonly<Record<string, string>>
}

export interface ControlServerOptions {
  readonly supervisor: Pick<Supervisor, 'metrics' | 'workers' | 'replace'>
  readonly logger: Logger
  /** Bearer token of whatever changes something, at least 16 characters. */
  readonly token: string
  /** Port 0 takes a free one. Only loopback is meant: what's read here needs no token. */
  readonly listen: { readonly host: string; readonly port: number }
  /** Names besides loopback and the bound address by which the server may be addressed for changes. Default none. */
  readonly allowedHosts?: readonly string[]
  /** More addresses of the same server; they come before its own. */
  readonly routes?: readonly ControlRoute[]
}

export interface ControlServer {
  /** Resolves with the bound address. @throws SUPERVISOR_ERR_CONTROL_LISTEN */
  listen(): Promise<AddressInfo>
  /** Stops accepting, gives answers that are under way two seconds, and closes. */
  close(): Promise<void>
}

const HEAD_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 30_000
const MAX_CONNECTIONS = 256
const CLOSE_GRACE_MS = 2000
const MIN_TOKEN_CHARACTERS = 16

/**
 * A control server; it doesn't listen yet.
 * @throws SUPERVISOR_ERR_OPTION when the token is too short
 */
export function createControlServer(options: ControlServerOptions): ControlServer {
  if (options.token.length < MIN_TOKEN_CHARACTERS) {
    throw new OptionError(
      `Option 'token' has ${options.token.length} characters; at least ${MIN_TOKEN_CHARACTERS} are needed.`,
    )
  }
  const { host, port } = options.listen
  const routes = [...(options.routes ?? []), ...fleetRoutes(options.supervisor, options.logger)]
  const answer = createDispatcher(options, routes)
  const server = createServer(
    { headersTimeout: HEAD_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS, connectionsCheckingInterval: 1000 },
    (message, response) => void answer(message, response),
  )
  server.maxConnections = MAX_CONNECTIONS

  return {
    listen() {
      const { promise, resolve, reject } = Promise.withResolvers<AddressInfo>()
      const failed = (error: Error): void => reject(new ControlListenError(host, port, error))
      server.once('error', failed)
      server.listen({ host, port }, () => {
        server.off('error', failed)
        server.on('error', error => options.logger.warn({ error: error.message }, 'The control server can not accept.'))
        resolve(server.address() as AddressInfo)
      })
      return promise
    },
    close: () => closeServer(server),
  }
}

type Dispatcher = (message: IncomingMessage, response: ServerResponse) => Promise<void>

function createDispatcher(options: ControlServerOptions, routes: readonly ControlRoute[]): Dispatcher {
  const isToken = createTokenCheck(options.token)
  const isOwnHost = createHostCheck([options.listen.host, ...(options.allowedHosts ?? [])])

  return async (message, response) => {
    message.resume() // No route reads a body, and one that isn't read would block the connection.
    const path = (message.url ?? '/').split('?', 1)[0] ?? '/'
    const matches = routes.flatMap(route => {
      const parameters = matchPath(route.path, path)
      return parameters === null ? [] : [{ route, parameters }]
    })
    if (matches.length === 0) {
      sendProblem(
        response,
        404,
        'SUPERVISOR_ERR_NOT_FOUND',
        'There is nothing at this address',
        `GET /workers and GET /health say what there is.`,
      )
      return
    }
    const method = message.method === 'HEAD' ? 'GET' : message.method
    const match = matches.find(({ route }) => route.method === method)
    if (match === undefined) {
      // RFC 9110, section 15.5.6: a 405 names what would be allowed.
      const allowed = matches.map(({ route }) => (route.method === 'GET' ? 'GET, HEAD' : route.method)).join(', ')
      response.setHeader('allow', allowed)
      sendProblem(response, 405, 'SUPERVISOR_ERR_METHOD', 'The method is not allowed here', `Allowed: ${allowed}.`)
      return
    }
    const { route, parameters } = match
    if (route.method === 'POST' && !isOwnHost(message.headers.host)) {
      const detail =
        "The Host field names neither loopback nor this server's address; add it to allowedHosts if it's right."
      sendProblem(response, 421, 'SUPERVISOR_ERR_HOST', 'The request is meant for another host', detail)
      return
    }
    if ((route.method === 'POST' || route.needsToken === true) && !isToken(message.headers.authorization)) {
      // RFC 6750, section 3: the challenge names the scheme.
      response.setHeader('www-authenticate', 'Bearer realm="supervisor"')
      const detail = "Send the admin token: 'authorization: Bearer <token>'."
      sendProblem(response, 401, 'SUPERVISOR_ERR_UNAUTHORIZED', 'The token is missing or wrong', detail)
      return
    }
    try {
      await route.handle({ message, parameters }, response)
    } catch (error) {
      options.logger.error({ path: route.path, error: messageOf(error) }, 'A control request failed.')
      if (response.headersSent) response.destroy()
      else sendProblem(response, 500, 'SUPERVISOR_ERR_INTERNAL', 'The request failed', 'The log says why.')
    }
  }
}

/** The path's parameters when it's of the pattern's form; null when it isn't. */
function matchPath(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/')
  const given = path.split('/')
  if (wanted.length !== given.length) return null
  const parameters: Record<string, string> = {}
  for (const [index, part] of wanted.entries()) {
    const value = given[index] ?? ''
    if (part.startsWith(':') && value !== '') parameters[part.slice(1)] = value
    else if (part !== value) return null
  }
  return parameters
}

async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return
  const { promise, resolve } = Promise.withResolvers<void>()
  server.close(() => resolve()) // Closes idle connections too.
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS)
  await promise
  clearTimeout(timer)
}
