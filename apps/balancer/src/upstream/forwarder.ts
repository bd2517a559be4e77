// Sends one request to one endpoint and its answer back to the client.
//
// This first forwarder stands on node:http. What the pipeline relies on is only `forward` and its outcome, so that an engine of our
// own can take its place.
//
// Invariants
// * `sent: false` is said only when no byte of the request can have reached the endpoint; the body has not been touched then.
// * Once a byte of the answer has gone to the client, the outcome is `answered` or `cut`: never anything that could be tried again.
// * A client that leaves ends the upstream's request at once, and an upstream that breaks off ends the client's connection.
import { Agent, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { requestFields, responseFields } from '../headers/forwarding.ts'
import { requestOptions } from './address.ts'
import type { Endpoint } from './endpoint.ts'
import type { BalancerErrorCode } from '../errors.ts'
import type { Exchange } from '../exchange.ts'

export type Outcome =
  | { readonly kind: 'answered' }
  /** The answer broke off after its first byte; the client's connection was cut so that it can see that. */
  | { readonly kind: 'cut'; readonly detail: string }
  | { readonly kind: 'client-left' }
  | {
      readonly kind: 'failed'
      readonly code: BalancerErrorCode
      readonly sent: boolean
      readonly detail: string
      readonly cause: unknown
    }

export interface ForwarderOptions {
  readonly connectMs: number
  readonly idleUpstreamMs: number
}

/** The client's side of one exchange. */
export interface ClientMessage {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly hasBody: boolean
}

export class Forwarder {
  readonly #options: ForwarderOptions
  readonly #agents = new Map<Endpoint, Agent>()

  constructor(options: ForwarderOptions) {
    this.#options = options
  }

  /** Closes the kept connections of an endpoint that has left; requests under way finish. */
  forget(endpoint: Endpoint): void {
    this.#agents.get(endpoint)?.destroy()
    this.#agents.delete(endpoint)
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy()
    this.#agents.clear()
  }

  forward(exchange: Exchange, endpoint: Endpoint, client: ClientMessage, tryMs: number): Promise<Outcome> {
    const { incoming, outgoing, hasBody } = client
    return new Promise(resolve => {
      let settled = false
      let connected = false
      let timedOut: 'connect' | 'try' | null = null
      const upstreamRequest = request({
        ...requestOptions(endpoint.address),
        agent: this.#agent(endpoint),
        method: exchange.method,
        path: exchange.target,
        headers: requestFields(incoming.rawHeaders, {
          address: exchange.clientAddress,
          protocol: 'http',
          requestId: exchange.id,
        }),
        setHost: false,
      })
      const timer = setTimeout(() => abort('try'), tryMs)
      let connectTimer: NodeJS.Timeout | null = null
      const settle = (outcome: Outcome) => {
        if (settled) return
        settled = true
        clearTimeout(timer)
        if (connectTimer) clearTimeout(connectTimer)
        outgoing.off('close', onClientClose)
        resolve(outcome)
      }
      const abort = (phase: 'connect' | 'try') => {
        timedOut = phase
        upstreamRequest.destroy()
      }
      const onClientClose = () => {
        if (outgoing.writableFinished) return
        settle({ kind: 'client-left' })
        upstreamRequest.destroy()
      }
      outgoing.on('close', onClientClose)

      upstreamRequest.on('socket', socket => {
        const send = () => {
          connected = true
          if (connectTimer) clearTimeout(connectTimer)
          if (hasBody) incoming.pipe(upstreamRequest)
          else upstreamRequest.end()
        }
        if (!socket.connecting) return send()
        connectTimer = setTimeout(() => abort('connect'), this.#options.connectMs)
        socket.once('connect', send)
        // The head is flushed by node:http once it's connected; a body that's being waited for must not hold it back.
      })

      upstreamRequest.on('response', answer => {
        exchange.firstByteAtMs = performance.now()
        const status = answer.statusCode ?? 0
        if (status < 200 || status > 599) {
          settle({
            kind: 'failed',
            code: 'LB_ERR_UPSTREAM_INVALID',
            sent: true,
            detail: `Endpoint ${endpoint.id} answered with status ${status}.`,
            cause: null,
          })
          upstreamRequest.destroy()
          return
        }
        exchange.status = status
        clearTimeout(timer)
        outgoing.writeHead(status, answer.statusMessage ?? '', responseFields(answer.rawHeaders, exchange.id))
        answer.on('error', () => {})
        answer.on('close', () => {
          if (answer.complete) return
          settle({ kind: 'cut', detail: `Endpoint ${endpoint.id} broke off in the middle of its answer.` })
          outgoing.destroy()
        })
        outgoing.on('finish', () => settle({ kind: 'answered' }))
        answer.pipe(outgoing)
      })

      upstreamRequest.on('error', cause => {
        if (hasBody) incoming.unpipe(upstreamRequest)
        if (exchange.firstByteAtMs > 0 && exchange.status > 0) {
          settle({ kind: 'cut', detail: `Endpoint ${endpoint.id} broke off in the middle of its answer.` })
          outgoing.destroy()
          return
        }
        settle(failure(endpoint, cause, connected, timedOut, tryMs, this.#options.connectMs))
      })
    })
  }

  #agent(endpoint: Endpoint): Agent {
    let agent = this.#agents.get(endpoint)
    if (!agent) {
      agent = new Agent({
        keepAlive: true,
        scheduling: 'lifo',
        maxFreeSockets: 256,
        timeout: this.#options.idleUpstreamMs,
      })
      this.#agents.set(endpoint, agent)
    }
    return agent
  }
}

function failure(
  endpoint: Endpoint,
  cause: Error,
  connected: boolean,
  timedOut: 'connect' | 'try' | null,
  tryMs: number,
  connectMs: number,
): Outcome {
  if (timedOut === 'connect' || (timedOut === null && !connected)) {
    const why = timedOut
      ? `no connection within ${connectMs} ms`
      : ((cause as NodeJS.ErrnoException).code ?? cause.message)
    return {
      kind: 'failed',
      code: 'LB_ERR_UPSTREAM_CONNECT',
      sent: false,
      detail: `Endpoint ${endpoint.id}: ${why}.`,
      cause,
    }
  }
  if (timedOut === 'try') {
    return {
      kind: 'failed',
      code: 'LB_ERR_UPSTREAM_TIMEOUT',
      sent: connected,
      detail: `Endpoint ${endpoint.id} gave no answer within ${tryMs} ms.`,
      cause,
    }
  }
  const invalid = ((cause as NodeJS.ErrnoException).code ?? '').startsWith('HPE_')
  return invalid
    ? {
        kind: 'failed',
        code: 'LB_ERR_UPSTREAM_INVALID',
        sent: true,
        detail: `Endpoint ${endpoint.id} sent an answer that is not valid HTTP.`,
        cause,
      }
    : {
        kind: 'failed',
        code: 'LB_ERR_UPSTREAM_CLOSED',
        sent: true,
        detail: `Endpoint ${endpoint.id} closed the connection before it answered.`,
        cause,
      }
}
