// The id under which a request is known to the client, the balancer and the log.
//
// The balancer's id is kept when the peer is believed and the id is harmless: 8 to 64 characters that need no escaping in a header, a log or a shell.
// Everything else gets an id of ours, unique per process: a random prefix drawn once, and a counter.
import type { IncomingMessage } from 'node:http'
import type { TrustPeer } from './peers.ts'

export const REQUEST_ID_HEADER = 'x-request-id'

const HARMLESS_ID = /^[A-Za-z0-9._~-]{8,64}$/

export interface RequestIdOptions {
  readonly trustPeer: TrustPeer
  /** Unique text of this process, 8 characters or more. */
  readonly prefix: string
}

/** Makes the function that Fastify asks for each request's id. */
export function requestIds(options: RequestIdOptions): (request: IncomingMessage) => string {
  let count = 0
  return request => {
    const given = request.headers[REQUEST_ID_HEADER]
    if (typeof given === 'string' && options.trustPeer(request.socket.remoteAddress, 0) && HARMLESS_ID.test(given))
      return given
    count += 1
    return `${options.prefix}-${count.toString(36)}`
  }
}
