// What every request carries from its first hook on: its id in the answer, its deadline, and the caller that its work is done for.
//
// The id itself is chosen before any hook runs (http/request-id.ts, given to Fastify as `genReqId`), so that every log line of the request has it.
import type { FastifyReply, FastifyRequest } from 'fastify'
import fastifyPlugin from 'fastify-plugin'
import { ApiError } from '../errors.ts'
import { RequestCaller } from '../http/caller.ts'
import { Deadlines, type RequestDeadline } from '../http/request-deadline.ts'
import { believeClientField, type TrustPeer } from '../http/peers.ts'
import { sendProblem } from '../http/problem-reply.ts'
import { REQUEST_ID_HEADER } from '../http/request-id.ts'
import { CLIENT_WENT_AWAY } from './request-end.ts'

/** Time left for a request in milliseconds, set by the balancer towards its workers. */
export const DEADLINE_HEADER = 'x-request-deadline-ms'

declare module 'fastify' {
  interface FastifyRequest {
    /** When this request's answer is due, and the signal that says nobody waits for it any more. */
    deadline: RequestDeadline
    /** What services and the cache are handed: the same signal, and a note of where the answer came from. */
    caller: RequestCaller
  }
}

/** RFC 9110, 9.2.1. */
export const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
/** For a rollback or a commit to come back. */
const WRITE_GRACE_MS = 1000

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
    app.decorateRequest('deadline', null as unknown as RequestDeadline)
    app.decorateRequest('caller', null as unknown as RequestCaller)
    const deadlines = new Deadlines(clock)
    app.onRequestEnd((request, _reply, code) => request.deadline.end(code !== CLIENT_WENT_AWAY))

    app.addHook('onRequest', (request: FastifyRequest, reply: FastifyReply, next) => {
      believeClientField(request.raw, trustPeer)
      void reply.header(REQUEST_ID_HEADER, request.id)
      const given = trustPeer(request.raw.socket.remoteAddress, 0) ? request.headers[DEADLINE_HEADER] : undefined
      request.deadline = deadlines.begin(Math.min(handlerTimeoutMs, deadlineMs(given)), error => {
        answerFor(request, reply, error)
      })
      request.caller = new RequestCaller(request.deadline, () => {
        if (waiting === undefined) return
        waiting.began()
        reply.raw.once('close', () => waiting.ended())
      })
      next()
    })
    // A body that's there is sent, however long other hooks take to compress it: a second answer on top of it would be neither.
    app.addHook('onSend', ({ deadline }, _reply, payload, next) => {
      if (typeof payload === 'string' || Buffer.isBuffer(payload)) deadline.answered()
      next(null, payload)
    })
    done()
  },
  { name: 'request-context', dependencies: ['request-end'] },
)

/**
 * The time of a request is up, and its handler hasn't answered. What only reads is answered for at once, and so is what hasn't come whole: nothing was begun. What
 * writes may just have done it, or be undoing it: its own answer says which, and has a moment to come; without one nobody knows, and the client mustn't be told to try again.
 */
function answerFor(request: FastifyRequest, reply: FastifyReply, error: ApiError): void {
  if (request.deadline.isAnswered || reply.raw.headersSent || reply.raw.destroyed) return
  if (SAFE_METHODS.has(request.method) || !request.raw.complete) {
    sendProblem(reply, error)
    return
  }
  setTimeout(() => {
    if (request.deadline.isAnswered || reply.raw.headersSent || reply.raw.destroyed) return
    sendProblem(
      reply,
      new ApiError(
        'API_ERR_OUTCOME_UNKNOWN',
        'The answer was not ready in time, and what was asked for may have been done.',
      ),
    )
  }, WRITE_GRACE_MS)
}

/** Reads the deadline field; what isn't a whole number of milliseconds says nothing. */
function deadlineMs(field: string | readonly string[] | undefined): number {
  return typeof field === 'string' && /^\d{1,9}$/.test(field) ? Number(field) : Number.POSITIVE_INFINITY
}
