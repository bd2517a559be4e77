// An upstream that can be injured. A healthy one is as decent as servers get, so that what fails in a drill was the proxy's to save.
//
//   listening ⇄ refusing        by the fault "refuse": the port is closed, the process lives
//   listening → draining → closed   by drain()
//
// Invariants
// * A request is recorded as executed when all of it is here, before anything of its answer is sent, whatever the fault: a server that hangs,
//   answers 500 or resets may have done its work, so a proxy that sends a POST again makes it happen twice.
// * While it takes no new connections, each answer says `Connection: close` (RFC 9112, section 9.6), and what is idle stays open for a
//   while. Closing idle connections at once is what costs requests: one that was sent in that instant is lost, and a POST can't be repeated.
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer, type Server as Listener, type Socket } from 'node:net'
import { answerBody, type Fault, HEALTH_PATH, INJURED_CODE, type Method, WORK_PATH } from './upstream-protocol.ts'

export interface UpstreamServerOptions {
  readonly name: string
  /** On 127.0.0.1; 0 takes a free one. */
  readonly port: number
  /** Called once per executed request. */
  readonly record: (method: string, id: string) => void
  /** Time that a drip takes. Default 1500 ms. */
  readonly dripMs?: number
  /** How long what is idle stays open once no new connection is taken; also the longest drain. Default 700 ms. */
  readonly drainMs?: number
}

const DRIPS = 10
/** Between half a body and its reset: time for a proxy to pass the head on. */
const RESET_AFTER_MS = 15
/** Longer than any proxy keeps an idle connection, so that it's never us who close one in normal times. */
const KEEP_ALIVE_TIMEOUT_MS = 120_000
const BODY_SEPARATOR = ' '

export class UpstreamServer {
  readonly #name: string
  readonly #record: (method: string, id: string) => void
  readonly #dripMs: number
  readonly #drainMs: number
  readonly #http: Server
  /** Open connections, with the number of requests under way on each. */
  readonly #connections = new Map<Socket, number>()
  #listener: Listener | null = null
  #port: number
  #fault: Fault = 'none'
  #draining = false
  #idleTimer: NodeJS.Timeout | null = null
  #onEmpty: () => void = () => {}

  constructor(options: UpstreamServerOptions) {
    this.#name = options.name
    this.#port = options.port
    this.#record = options.record
    this.#dripMs = options.dripMs ?? 1500
    this.#drainMs = options.drainMs ?? 700
    this.#http = createHttpServer({ keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS }, (request, response) => {
      this.#take(request, response)
    })
  }

  /** The bound port. @throws the system's error when the port is taken */
  async listen(): Promise<number> {
    // A listener apart from the HTTP server, whose close() would also close what is idle.
    const listener = createServer({ noDelay: true }, socket => this.#accept(socket))
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject)
      listener.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#listener = listener
    const address = listener.address()
    if (address !== null && typeof address === 'object') this.#port = address.port
    return this.#port
  }

  /** Resolves when the fault is in force. */
  async injure(fault: Fault): Promise<void> {
    const before = this.#fault
    this.#fault = fault
    if (fault === 'refuse') this.#stopListening()
    else if (before === 'refuse') await this.#listenAgain()
  }

  /** Fails readiness, takes no more connections, answers what comes on the open ones. Resolves when all are closed, after `drainMs` at the latest. */
  async drain(): Promise<void> {
    this.#draining = true
    this.#stopListening()
    if (this.#connections.size > 0) {
      const empty = Promise.withResolvers<void>()
      const timer = setTimeout(() => empty.resolve(), this.#drainMs)
      this.#onEmpty = () => empty.resolve()
      await empty.promise
      clearTimeout(timer)
    }
    this.close()
  }

  /** At once. */
  close(): void {
    this.#stopListening()
    if (this.#idleTimer) clearTimeout(this.#idleTimer)
    this.#http.close()
    for (const socket of this.#connections.keys()) socket.destroy()
  }

  #accept(socket: Socket): void {
    this.#connections.set(socket, 0)
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#connections.delete(socket)
      if (this.#connections.size === 0) this.#onEmpty()
    })
    // https://nodejs.org/api/http.html#event-connection: connections may be given to an HTTP server this way.
    this.#http.emit('connection', socket)
  }

  #stopListening(): void {
    if (!this.#listener) return
    this.#listener.close()
    this.#listener = null
    this.#idleTimer = setTimeout(() => {
      for (const [socket, underWay] of this.#connections) if (underWay === 0) socket.end()
    }, this.#drainMs)
  }

  async #listenAgain(): Promise<void> {
    if (this.#idleTimer) clearTimeout(this.#idleTimer)
    await this.listen()
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request
    this.#connections.set(socket, (this.#connections.get(socket) ?? 0) + 1)
    response.once('close', () => {
      const underWay = this.#connections.get(socket)
      if (underWay !== undefined) this.#connections.set(socket, underWay - 1)
    })
    if (!this.#listener) response.setHeader('connection', 'close')
    let body = ''
    request.setEncoding('latin1').on('data', (text: string) => (body += text))
    request.on('error', () => {})
    request.on('end', () => this.#execute(request, response, body))
  }

  #execute(request: IncomingMessage, response: ServerResponse, body: string): void {
    const { method = '', url = '' } = request
    if (url === HEALTH_PATH) {
      if (this.#fault !== 'hang') response.writeHead(this.#draining ? 503 : 200, { 'content-length': 0 }).end()
      return
    }
    const id = url.slice(WORK_PATH.length)
    if (!url.startsWith(WORK_PATH) || (method !== 'GET' && method !== 'POST')) {
      response.writeHead(404).end()
      return
    }
    if (method === 'POST' && !body.startsWith(id + BODY_SEPARATOR)) {
      response.writeHead(422).end('the body of another request')
      return
    }
    this.#record(method, id)
    this.#answer(response, id, method)
  }

  #answer(response: ServerResponse, id: string, method: Method): void {
    const body = answerBody(id, method, this.#name)
    switch (this.#fault) {
      case 'none':
      case 'refuse':
        answerWhole(response, body)
        return
      case 'hang':
        return
      case 'answer-500': {
        const problem = JSON.stringify({ code: INJURED_CODE })
        response.writeHead(500, { 'content-type': 'application/json', 'content-length': problem.length }).end(problem)
        return
      }
      case 'reset':
        writeHead(response, body)
        response.write(body.slice(0, body.length / 2))
        setTimeout(() => response.socket?.resetAndDestroy(), RESET_AFTER_MS)
        return
      case 'drip':
        this.#drip(response, body)
        return
      default:
        this.#fault satisfies never
    }
  }

  #drip(response: ServerResponse, body: string): void {
    writeHead(response, body)
    response.flushHeaders()
    const pieceLength = Math.ceil(body.length / DRIPS)
    let sent = 0
    const timer = setInterval(() => {
      response.write(body.slice(sent, sent + pieceLength))
      sent += pieceLength
      if (sent < body.length) return
      clearInterval(timer)
      response.end()
    }, this.#dripMs / DRIPS)
    response.once('close', () => clearInterval(timer))
  }
}

function answerWhole(response: ServerResponse, body: string): void {
  writeHead(response, body)
  response.end(body)
}

function writeHead(response: ServerResponse, body: string): void {
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length })
}
