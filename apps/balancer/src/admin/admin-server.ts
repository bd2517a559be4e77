// Health, metrics and the admin API, on an address of its own that's kept off public networks.
//
//   GET /health            who may take requests and why not; 503 while draining or when nobody can
//   GET /metrics           Prometheus
//   GET /admin/upstreams   every endpoint in full (bearer token)
import { timingSafeEqual, createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PROBLEM_MEDIA_TYPE, problem } from '@plimsoll/problem-details'
import type { ListenAddress } from '../downstream/listen-address.ts'
import type { UpstreamPool } from '../upstream/upstream-pool.ts'

export interface AdminOptions {
  /** Empty: the routes below /admin answer 403. */
  readonly token: string
  readonly pool: UpstreamPool
  readonly isDraining: () => boolean
  readonly metrics: () => Promise<string>
}

type Route = (response: ServerResponse) => Promise<void> | void

export class AdminServer {
  readonly #options: AdminOptions
  readonly #server: Server
  readonly #routes: Readonly<Record<string, Route>>

  constructor(options: AdminOptions) {
    this.#options = options
    this.#routes = {
      '/health': response => this.#health(response),
      '/metrics': response => this.#metrics(response),
      '/admin/upstreams': response => this.#upstreams(response),
    }
    this.#server = createServer(
      { headersTimeout: 5000, requestTimeout: 10_000 },
      (request, response) => void this.#serve(request, response),
    )
  }

  listen(address: ListenAddress): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(address.port, address.host, () => {
        this.#server.off('error', reject)
        resolve((this.#server.address() as AddressInfo).port)
      })
    })
  }

  close(): Promise<void> {
    return new Promise(resolve => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?')[0] ?? ''
    const route = Object.hasOwn(this.#routes, path) ? this.#routes[path] : undefined
    if (!route)
      return refuse(
        response,
        404,
        'LB_ERR_ADMIN_NOT_FOUND',
        'No such route',
        `There is: ${Object.keys(this.#routes).join(', ')}.`,
      )
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD')
      return refuse(response, 405, 'LB_ERR_ADMIN_METHOD', 'Method not allowed', `${path} answers GET and HEAD.`)
    }
    if (path.startsWith('/admin/')) {
      if (this.#options.token === '')
        return refuse(
          response,
          403,
          'LB_ERR_ADMIN_DISABLED',
          'The admin API is off',
          'Set an admin token (--admin-token or ADMIN_TOKEN).',
        )
      if (!this.#authorized(request)) {
        response.setHeader('www-authenticate', 'Bearer realm="plimsoll admin"')
        return refuse(
          response,
          401,
          'LB_ERR_ADMIN_UNAUTHORIZED',
          'A valid bearer token is needed',
          'Send "authorization: Bearer TOKEN" with the token that the balancer was started with.',
        )
      }
    }
    try {
      await route(response)
    } catch (error) {
      if (!response.headersSent)
        refuse(
          response,
          500,
          'LB_ERR_INTERNAL',
          'A fault of the balancer itself',
          error instanceof Error ? error.message : 'unknown',
        )
      else response.destroy()
    }
  }

  #authorized(request: IncomingMessage): boolean {
    const given = /^Bearer ([\x21-\x7e]+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? ''
    return timingSafeEqual(digest(given), digest(this.#options.token))
  }

  #health(response: ServerResponse): void {
    const { pool, isDraining } = this.#options
    const draining = isDraining()
    const serving = pool.availableCount > 0 && !draining
    sendJson(response, serving ? 200 : 503, {
      status: draining ? 'draining' : serving ? 'serving' : 'no endpoint available',
      available: pool.availableCount,
      endpoints: pool.endpoints.map(endpoint => ({
        id: endpoint.id,
        available: endpoint.mayTakeRequests,
        why: endpoint.unavailableReason,
      })),
    })
  }

  async #metrics(response: ServerResponse): Promise<void> {
    const text = await this.#options.metrics()
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'cache-control': 'no-store' })
    response.end(text)
  }

  #upstreams(response: ServerResponse): void {
    sendJson(
      response,
      200,
      this.#options.pool.endpoints.map(endpoint => ({
        id: endpoint.id,
        url: endpoint.url,
        weight: endpoint.weight,
        administrative: endpoint.administrative,
        health: endpoint.health,
        available: endpoint.mayTakeRequests,
        why: endpoint.unavailableReason,
        activeRequests: endpoint.activeRequests,
        requestsTotal: endpoint.requestsTotal,
        failuresTotal: endpoint.failuresTotal,
      })),
    )
  }
}

/** Equal length for the comparison in constant time. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
  response.end(`${JSON.stringify(body, null, 2)}\n`)
}

function refuse(response: ServerResponse, status: number, code: string, title: string, detail: string): void {
  response.writeHead(status, { 'content-type': PROBLEM_MEDIA_TYPE, 'cache-control': 'no-store' })
  response.end(JSON.stringify(problem({ status, code, title, detail })))
}
