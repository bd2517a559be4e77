// One kept connection to the proxy, with at most one request under way. It sees everything that can happen to an answer, which is why it isn't
// node:http's client: that one can't tell a second answer, a stray byte or a reset before the answer from other failures.
//
//   connecting → idle ⇄ busy → closed
//
// Invariants
// * A request gets exactly one outcome.
// * After anything but a whole, right-framed answer on a connection that stays open, the connection isn't used again.
import { connect, type Socket } from 'node:net'
import { type HttpResponse, parseResponse } from '@plimsoll/testing'
import { classify, type Outcome } from './outcome.ts'
import { type Method, requestBody, WORK_PATH } from './upstream/upstream-protocol.ts'

export interface ClientRequest {
  readonly id: string
  readonly method: Method
  /** Default: WORK_PATH and the id. */
  readonly path?: string
}

interface UnderWay {
  readonly request: ClientRequest
  settle(outcome: Outcome): void
}

export interface ClientConnectionEvents {
  /** It can take a request. */
  idle(connection: ClientConnection): void
  closed(connection: ClientConnection): void
  /** Bytes that nobody asked for. */
  stray(detail: string): void
}

const NOTHING: Buffer = Buffer.alloc(0)

export class ClientConnection {
  readonly #socket: Socket
  readonly #events: ClientConnectionEvents
  #underWay: UnderWay | null = null
  #received = NOTHING
  #connected = false
  #closed = false

  constructor(port: number, events: ClientConnectionEvents) {
    this.#events = events
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true })
    let failure = ''
    this.#socket.on('connect', () => (this.#connected = true))
    this.#socket.on('data', (bytes: Buffer) => this.#take(bytes))
    this.#socket.on('end', () => this.#ended())
    this.#socket.on('error', (error: NodeJS.ErrnoException) => (failure = error.code ?? error.message))
    this.#socket.on('close', () => {
      this.#settle(this.#brokenOutcome(failure))
      this.#close()
    })
  }

  /** For an idle or a new connection. `settle` is called once. */
  send(request: ClientRequest, settle: (outcome: Outcome) => void): void {
    this.#underWay = { request, settle }
    this.#received = NOTHING
    this.#socket.write(requestBytes(request), 'latin1')
  }

  /** Gives the request up, with that outcome, and closes. */
  abandon(outcome: Outcome): void {
    this.#settle(outcome)
    this.#close()
  }

  close(): void {
    this.#close()
  }

  #take(bytes: Buffer): void {
    if (!this.#underWay) {
      this.#events.stray(`bytes without a request: ${shown(bytes)}`)
      this.#close()
      return
    }
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes])
    this.#read(false)
  }

  #ended(): void {
    if (this.#underWay && this.#received.length > 0) this.#read(true)
    // What's left unsettled is settled when the socket has closed.
    this.#socket.end()
  }

  /** Looks whether the answer is whole. */
  #read(ended: boolean): void {
    const underWay = this.#underWay
    if (!underWay) return
    const { id, method } = underWay.request
    try {
      let response: HttpResponse | undefined
      // Interim answers (1xx) come before the final one (RFC 9110, section 15.2).
      for (;;) {
        response = parseResponse(this.#received, { method, ended })
        if (response === undefined || response.status >= 200) break
        this.#received = this.#received.subarray(response.raw.length)
      }
      if (response === undefined) return
      const beyond = this.#received.subarray(response.raw.length)
      if (beyond.length > 0) {
        this.abandon({ kind: 'wrong', detail: `bytes behind the answer to ${method} ${id}: ${shown(beyond)}` })
        return
      }
      this.#settle(classify(response, id, method))
      const keeps = !ended && response.version === 'HTTP/1.1' && !/\bclose\b/i.test(response.header('connection') ?? '')
      if (keeps) this.#events.idle(this)
      else this.#close()
    } catch (error) {
      this.abandon({ kind: 'wrong', detail: (error as Error).message })
    }
  }

  #brokenOutcome(failure: string): Outcome {
    if (!this.#connected) return { kind: 'refused', detail: failure }
    const how = failure === '' ? 'closed' : failure
    return this.#received.length === 0
      ? { kind: 'reset', detail: `${how} before an answer` }
      : { kind: 'cut', detail: `${how} after ${this.#received.length} bytes` }
  }

  #settle(outcome: Outcome): void {
    const underWay = this.#underWay
    this.#underWay = null
    underWay?.settle(outcome)
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#socket.destroy()
    this.#events.closed(this)
  }
}

function requestBytes({ id, method, path = WORK_PATH + id }: ClientRequest): string {
  const head = `${method} ${path} HTTP/1.1\r\nHost: drill.test\r\nUser-Agent: plimsoll-drill\r\n`
  if (method === 'GET') return `${head}\r\n`
  const body = requestBody(id)
  return `${head}Content-Type: text/plain\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

function shown(bytes: Buffer): string {
  return JSON.stringify(bytes.toString('latin1', 0, 80))
}
