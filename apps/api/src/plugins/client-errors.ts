// What is answered to bytes that are no request, so broken that Fastify never sees them.
//
// Node's default answers 400 at once and drops what it was about to answer: a client that pipelines a good request and a bad tail loses the good answer.
// Here the refusal waits until every request of the connection that was understood has its answer, then closes.
//
//   connection:  clean ── broken bytes, nothing owed ──► refused, closed
//                  └───── broken bytes, n answers owed ─► waiting ── last answer sent ──► refused, closed
import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { PROBLEM_MEDIA_TYPE } from '@plimsoll/problem-details'
import { ApiError } from '../errors.ts'
import { problemOf } from '../http/problem-reply.ts'

/** Nothing here goes through Helmet. */
const FIELDS = {
  'content-type': PROBLEM_MEDIA_TYPE,
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
}

interface ConnectionState {
  /** Requests that were understood and not answered yet. */
  owed: number
  refusal: ApiError | undefined
}

/** Answers broken requests of this server; use `ignoreClientError` as Fastify's own handler. */
export function answerClientErrors(server: Server): void {
  const connections = new WeakMap<Socket, ConnectionState>()
  const stateOf = (socket: Socket): ConnectionState => {
    let state = connections.get(socket)
    if (!state) {
      state = { owed: 0, refusal: undefined }
      connections.set(socket, state)
    }
    return state
  }

  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const state = stateOf(request.socket)
    state.owed += 1
    response.on('close', () => {
      state.owed -= 1
      if (state.owed === 0 && state.refusal) refuse(request.socket, state.refusal)
    })
  })

  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const state = stateOf(socket)
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    // The parser reports again for each further piece of the same mess.
    if (state.refusal) return
    state.refusal = refusalFor(error)
    if (state.owed === 0) refuse(socket, state.refusal)
  })

  server.on('checkExpectation', (_request: IncomingMessage, response: ServerResponse) => {
    const refusal = new ApiError('API_ERR_EXPECTATION', 'Send the request without expectation, or with 100-continue.')
    response.writeHead(refusal.status, {
      ...FIELDS,
      connection: 'close',
    })
    response.end(JSON.stringify(problemOf(refusal)))
  })
}

/** Takes the place of Fastify's handler, which would answer a second time. */
export function ignoreClientError(): void {}

function refusalFor(error: NodeJS.ErrnoException): ApiError {
  if (error.code === 'HPE_HEADER_OVERFLOW') {
    return new ApiError('API_ERR_HEADERS_TOO_LARGE', 'Send fewer or shorter header fields, or a shorter address.')
  }
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new ApiError('API_ERR_REQUEST_TIMEOUT', 'Head or body did not arrive in time.')
  }
  return new ApiError('API_ERR_BAD_REQUEST', 'These bytes are not an HTTP/1.1 request.')
}

function refuse(socket: Socket, refusal: ApiError): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const body = JSON.stringify(problemOf(refusal))
  const head = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? ''}`,
    ...Object.entries(FIELDS).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    '',
    body,
  ]
  // Ended, not destroyed: the other side may still be sending, and a reset would take the answer away from it.
  socket.end(head.join('\r\n'))
  socket.setTimeout(1000, () => socket.destroy())
}
