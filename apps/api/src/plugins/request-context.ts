// What every request carries from its first hook on: its id in the answer, its deadline, and the caller that its work is done for.
//
// The id itself is chosen before any hook runs (http/request-id.ts, given to Fastify as `genReqId`), so that every log line of the request has it.
import type { FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { RequestCaller } from '../http/caller.ts'
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
    /** What services and the cache are handed: the same signal, and a note of where the answer came from. */
    caller: RequestCaller
  }
}

export interface RequestContextOptions {
  readonly trustPeer: TrustPeer
  /** Longest time for any request, in milliseconds. A believed peer's deadline can only shorten it. */
  readonly handlerTimeoutMs: number
  readonly clock: { now(): number }
  /** Told of requests that wait for something to be loaded, by this worker or by another one; undefined: nobody wants to know. */
  readonly waiting?: { began(): void; ended(): void } | undefined
}

export const requestContext = fastifyPlugin<RequestContextOptions>(
  (app, options, done) => {
    const { trustPeer, handlerTimeoutMs, clock, waiting } = options
    // The getter keeps the object's shape; a route can't run before the hook below has set the value.
    app.decorateRequest('deadline', null as unknown as Deadline)
    app.decorateRequest('caller', null as unknown as RequestCaller)

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
      request.caller = new RequestCaller(request.deadline, () => {
        if (waiting === undefined) return
        waiting.began()
        reply.raw.once('close', () => waiting.ended())
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
