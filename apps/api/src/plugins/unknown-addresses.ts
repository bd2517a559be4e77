// What is answered when no route has the method and path: 404, or 405 where the path has other methods, which `allow` lists (RFC 9110, section 15.5.6). OPTIONS is
// answered for every path that has a method: 204 with the same list (section 9.3.7); preflights of listed origins have been answered by CORS before.
//
// The body isn't read: it would only be thrown away.
import type { FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { ApiError } from '../errors.ts'
import { AllowedMethods } from '../http/allowed-methods.ts'
import { sendProblem } from '../http/problem-reply.ts'

/** Register it after the plugins whose header fields belong on every answer, and before the first route. */
export const unknownAddresses = fastifyPlugin(
  (app, _options, done) => {
    const allowed = new AllowedMethods()
    app.addHook('onRoute', route => {
      for (const method of [route.method].flat()) allowed.add(method, route.url)
    })

    const answer = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
      const methods = allowed.of(request.url)
      // The method is there, and what it was asked for isn't: a file of the documentation page.
      if (methods.length === 0 || methods.includes(request.method)) {
        return sendProblem(
          reply,
          new ApiError('API_ERR_ROUTE_NOT_FOUND', 'No route has this path; /openapi.json lists them all.'),
        )
      }
      void reply.header('allow', [...methods, 'OPTIONS'].join(', '))
      if (request.method === 'OPTIONS') return reply.code(204).header('cache-control', 'no-store').send()
      return sendProblem(
        reply,
        new ApiError('API_ERR_METHOD_NOT_ALLOWED', 'This path has other methods; `allow` lists them.'),
      )
    }

    // A scope of its own: the handler is everybody's, the hook is for what no route has, and comes before anything looks at the body.
    app.register((scope, _options, done) => {
      scope.addHook('onRequest', (request, reply) => {
        answer(request, reply)
      })
      // Also for what a plugin passes on: CORS its OPTIONS, the documentation page a file that it doesn't have.
      scope.setNotFoundHandler(answer)
      done()
    })
    done()
  },
  { name: 'unknown-addresses' },
)
