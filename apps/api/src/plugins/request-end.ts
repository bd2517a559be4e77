// The end of each request, told once to everybody who asked at the start: `app.onRequestEnd(listener)`.
//
//   hooks ─▶ handler ─▶ answer sent ──────────────┐
//     └── the client goes away, at any time ──────┴─▶ the answer's 'close': listeners, in the order in which they asked
//
// It's the answer's 'close' that counts: it comes exactly once, for every method, also for a client that goes away; Fastify's onResponse hook doesn't run for those. One
// listener per request for all of them: each costs an array of listeners and a closure.
import type { FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'

/** The client was gone before its answer was sent whole: a status that nobody sends, as nginx uses it. */
export const CLIENT_WENT_AWAY = 499

/**
 * @param code the answer's status, or CLIENT_WENT_AWAY
 * @param route the pattern that was registered; undefined: no route has the address. Fastify makes it out anew each time that it's asked, so it's asked once
 */
export type RequestEndListener = (
  request: FastifyRequest,
  reply: FastifyReply,
  code: number,
  route: string | undefined,
) => void

declare module 'fastify' {
  interface FastifyInstance {
    /** Before the server is ready. Requests that no hook runs for, because their address can't be read, aren't told of. */
    onRequestEnd: (listener: RequestEndListener) => void
  }
}

export const requestEnd = fastifyPlugin(
  (app, _options, done) => {
    const listeners: RequestEndListener[] = []
    app.decorate('onRequestEnd', listener => void listeners.push(listener))
    app.addHook('onRequest', (request, reply, next) => {
      const response = reply.raw
      response.on('close', () => {
        const code = response.writableEnded ? response.statusCode : CLIENT_WENT_AWAY
        const route = request.routeOptions.url
        for (const listener of listeners) {
          try {
            listener(request, reply, code, route)
          } catch (error) {
            // Nobody is above this one: it would end the process, and with it the requests of others.
            request.log.error({ err: error }, 'a listener for the end of a request has failed')
          }
        }
      })
      next()
    })
    done()
  },
  { name: 'request-end' },
)
