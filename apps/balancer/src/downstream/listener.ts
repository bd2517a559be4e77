// The side that clients connect to: accepts connections, reads requests, hands each to the pipeline, sends our own answers.
//
// This first listener stands on node:http. Invariants:
// * Every request that was read is answered, or its connection is cut.
// * While draining, answers carry `connection: close`, idle connections are closed, and those under way may finish until the deadline.
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PROBLEM_MEDIA_TYPE, problem } from '@plimsoll/problem-details'
import type { BalancerError } from '../errors.ts'
import { Exchange } from '../exchange.ts'
import type { ClientMessage } from '../upstream/forwarder.ts'
import type { ListenAddress } from './listen-address.ts'

/** What the listener needs of the pipeline. */
export interface ExchangeHandler {
  handle(exchange: Exchange, client: ClientMessage): Promise<BalancerError | null>
  finish(exchange: Exchange): void
}

export interface ListenerOptions {
  readonly requestHeadMs: number
  readonly idleClientMs: number
}

export class Listener {
  readonly #handler: ExchangeHandler
  readonly #server: Server
  #activeRequests = 0
  #draining = false

  constructor(handler: ExchangeHandler, options: ListenerOptions) {
    this.#handler = handler
    this.#server = createServer(
      {
        headersTimeout: options.requestHeadMs,
        requestTimeout: 0,
        keepAliveTimeout: options.idleClientMs,
        maxHeaderSize: 16_384,
        noDelay: true,
      },
      (incoming, outgoing) => void this.#serve(incoming, outgoing),
    )
    this.#server.maxHeadersCount = 100
  }

  get activeRequests(): number {
    return this.#activeRequests
  }

  /** Starts to accept; resolves with the bound port. @throws the system's error, for example EADDRINUSE. */
  listen(address: ListenAddress): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host: address.host, port: address.port, backlog: 1024 }, () => {
        this.#server.off('error', reject)
        resolve((this.#server.address() as AddressInfo).port)
      })
    })
  }

  /** Stops accepting, lets what is under way finish for at most `drainMs`, then cuts what is left. Resolves with how many were cut. */
  async close(drainMs: number): Promise<number> {
    this.#draining = true
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    this.#server.closeIdleConnections()
    let cut = 0
    const deadline = setTimeout(() => {
      cut = this.#activeRequests
      this.#server.closeAllConnections()
    }, drainMs)
    await closed
    clearTimeout(deadline)
    return cut
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const exchange = new Exchange(
      randomUUID(),
      incoming.method ?? '',
      incoming.url ?? '',
      incoming.socket.remoteAddress ?? '',
      performance.now(),
    )
    this.#activeRequests++
    if (this.#draining) outgoing.setHeader('connection', 'close')
    incoming.on('error', () => {})
    outgoing.on('error', () => {})
    const hasBody =
      incoming.headers['transfer-encoding'] !== undefined || Number(incoming.headers['content-length'] ?? 0) > 0
    try {
      const error = await this.#handler.handle(exchange, { incoming, outgoing, hasBody })
      if (error) this.#refuse(exchange, incoming, outgoing, error)
    } finally {
      this.#activeRequests--
      this.#handler.finish(exchange)
    }
  }

  #refuse(exchange: Exchange, incoming: IncomingMessage, outgoing: ServerResponse, error: BalancerError): void {
    if (outgoing.headersSent || outgoing.destroyed) {
      outgoing.destroy()
      return
    }
    const body = problem(error.toProblem(exchange.target, exchange.id))
    exchange.status = body.status
    const fields: Record<string, string> = {
      'content-type': PROBLEM_MEDIA_TYPE,
      'cache-control': 'no-store',
      'x-request-id': exchange.id,
    }
    if (error.retryAfterS !== null) fields['retry-after'] = String(error.retryAfterS)
    // A body that nobody read would be taken for the next request.
    if (!incoming.complete) fields['connection'] = 'close'
    outgoing.writeHead(body.status, fields)
    outgoing.end(JSON.stringify(body))
  }
}
