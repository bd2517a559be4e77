// What is answered to bytes that are no request, so broken that no route ever sees them.
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { PROBLEM_MEDIA_TYPE } from '@plimsoll/problem-details'
import { AdminError } from './admin-errors.ts'
import { problemOf } from './problem-reply.ts'
import { SECURITY_HEADERS } from './security-headers.ts'

/** How long the other side may take to read the answer. */
const LINGER_MS = 1000

/** Fastify's `clientErrorHandler`. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  // Behind an answer, a refusal could be taken for the answer to something else. What was written still goes out.
  if (socket.bytesWritten > 0) {
    socket.destroySoon()
    return
  }
  const refusal = refusalFor(error)
  const body = JSON.stringify(problemOf(refusal))
  const fields = Object.entries(SECURITY_HEADERS).map(([name, value]) => `${name}: ${value}`)
  const head = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status] ?? ''}`,
    `content-type: ${PROBLEM_MEDIA_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    ...fields,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  socket.setTimeout(LINGER_MS, () => socket.destroy())
}

function refusalFor(error: NodeJS.ErrnoException): AdminError {
  if (error.code === 'HPE_HEADER_OVERFLOW')
    return new AdminError('LB_ERR_ADMIN_HEAD_TOO_LARGE', 'Request line and fields together are over 8 KiB.')
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return new AdminError('LB_ERR_ADMIN_TIMEOUT', 'Head or body did not arrive in time.')
  return new AdminError('LB_ERR_ADMIN_BAD_REQUEST', 'These bytes are not an HTTP/1.1 request.')
}
