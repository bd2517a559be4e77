// What every request carries from its first hook on: its id in the answer, and its deadline.
//
// The id itself is chosen before any hook runs (http/request-id.ts, given to Fastify as `genReqId`), so that every log line of the request has it.
import type { FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { RequestDeadline, type Deadline } from '../http/request-deadline.ts'
import type { TrustPeer } from '../http/peers.ts'
import { sendProblem } from '../http/problem-reply.ts'
import { REQUEST_ID_HEADER } from '../http/request-id.ts'

/** Time left for a request in milliseconds, set by the balancer towards its workers. */
export const DEADLINE_HEADER = 'x-request-deadline-ms'

declare module 'fastify' {
  interface FastifyRequest {
    /** When this request's answer is due, and the signal that says nobody waits for it any more. */
    deadline: Deadline
  }
}

export interface RequestContextOptions {
  readonly trustPeer: TrustPeer
  /** Longest time for any request, in milliseconds. A believed peer's deadline can only shorten it. */
  readonly handlerTimeoutMs: number
  readonly clock: { now(): number }
}

export const requestContext = fastifyPlugin<RequestContextOptions>(
  (app, options, done) => {
    const { trustPeer, handlerTimeoutMs, clock } = options
    // The getter keeps the object's shape; a route can't run before the hook below has set the value.
    app.decorateRequest('deadline', null as unknown as Deadline)

    app.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, next) => {
      void reply.header(REQUEST_ID_HEADER, request.id)
      const given = trustPeer(request.raw.socket.remoteAddress, 0) ? request.headers[DEADLINE_HEADER] : undefined
      request.deadline = new RequestDeadline(reply.raw, {
        timeoutMs: Math.min(handlerTimeoutMs, deadlineMs(given)),
        clock,
        onExpired: error => {
          sendProblem(reply, error)
        },
      })
      next()
    })
    done()
  },
  { name: 'request-context' },
)

/** Reads the deadline field; what isn't a whole number of milliseconds says nothing. */
function deadlineMs(field: string | readonly string[] | undefined): number {
  return typeof field === 'string' && /^\d{1,9}$/.test(field) ? Number(field) : Number.POSITIVE_INFINITY
}
