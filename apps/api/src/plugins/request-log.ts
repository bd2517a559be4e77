// One log line per request, when it has ended, and one for each refusal that security cares about.
//
// The line holds the path without its query and no header: what identifies people or grants access doesn't belong in a log. A refusal says which user it was, if one was
// signed in. Checks of the balancer come every two seconds per worker and are logged at `trace`.
//
// What clients wrote themselves, the path and an address that a proxy passed on, is visible ASCII in the log: no control character, line separator or change of
// direction gets to whatever shows the line.
import { LogController } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import type { Logger } from '@plimsoll/telemetry'

const MAX_PATH_LENGTH = 256
/** IPv6 with an IPv4 address at its end, and the name of an interface. */
const MAX_ADDRESS_LENGTH = 64
const CHECKED_BY_THE_BALANCER: ReadonlySet<string> = new Set(['/health/live', '/health/ready'])
/** Statuses that are written to the security log, with who was refused what. */
const REFUSALS: ReadonlySet<number> = new Set([401, 403, 429])

/** Switches Fastify's own two lines per request off; this plugin writes one. */
export function quietLogController(): LogController {
  return new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' })
}

export interface RequestLogOptions {
  readonly securityLogger: Logger
}

export const requestLog = fastifyPlugin<RequestLogOptions>(
  (app, options, done) => {
    const { securityLogger } = options
    app.onRequestEnd((request, reply, status, route) => {
      const isRefusal = REFUSALS.has(status)
      const isCheck = route !== undefined && CHECKED_BY_THE_BALANCER.has(route)
      const isLogged = isCheck ? app.log.level === 'trace' : isInfoOn(app.log.level)
      if (!isRefusal && !isLogged) return
      const line = {
        method: request.method,
        path: visible(pathOf(request.url)),
        route,
        status,
        durationMs: Math.round(reply.elapsedTime * 1000) / 1000,
        ip: addressOf(request),
      }
      if (isRefusal) {
        const userId = request.user?.userId
        securityLogger.warn(
          { requestId: request.id, ...line, ...(userId === undefined ? {} : { userId }) },
          'request refused',
        )
      }
      if (isLogged) request.log[isCheck ? 'trace' : 'info'](line, 'request')
    })
    done()
  },
  { name: 'request-log', dependencies: ['request-end'] },
)

function isInfoOn(level: string): boolean {
  return level === 'info' || level === 'debug' || level === 'trace'
}

function pathOf(url: string): string {
  const query = url.indexOf('?')
  return (query === -1 ? url : url.slice(0, query)).slice(0, MAX_PATH_LENGTH)
}

/** Typed by Fastify as always there; on a Unix socket without forwarding fields it isn't. */
function addressOf({ ip }: { readonly ip: string | undefined }): string | undefined {
  return ip === undefined ? undefined : visible(ip).slice(0, MAX_ADDRESS_LENGTH)
}

/** Percent-encodes what isn't visible ASCII, as a client should have done. */
function visible(text: string): string {
  return text.replace(/[^!-~]/g, sign => `%${sign.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`)
}
