// Accepts the clients' connections: counts them, bounds them, closes them.
//
//   closed ──listen──► accepting ◄──resume── paused (no file descriptors left)
//                          └─announceEnd─► leaving ──close──► draining ──► closed
//
// Invariants
// * Connections above the limits get a short answer and are closed; those below never notice. The same goes for connections for which
//   no file descriptors are left: the system would drop them without a word.
// * While draining no connection is accepted, idle ones are closed, and answers under way say that the connection ends.
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { ClientConnection } from './client-connection.ts'
import type { ListenAddress } from './listen-address.ts'
import { plainAddress } from '../headers/trusted-proxies.ts'
import type { Endpoint } from '../upstream/endpoint.ts'
import type { ClientSurroundings } from './request-handler.ts'

export interface ListenerOptions {
  /** Connections at once; 0 for no limit. */
  readonly maxConnections: number
  /** Connections at once of one address; 0 for no limit. */
  readonly maxConnectionsPerAddress: number
  readonly backlog: number
  /** How long no connection is accepted after the process ran out of file descriptors. */
  readonly pauseMs: number
  /** Whether there's no file descriptor for one more connection. */
  isFull(): boolean
  /** The system had no descriptor for a connection all the same. */
  onExhausted(): void
}

/** So many refused connections are read from for a while, so that their answer isn't lost to a reset; more are closed at once. */
const MAX_LINGERING_REFUSED = 16
const REFUSED_LINGER_MS = 500

export class Listener {
  #options: ListenerOptions
  readonly #surroundings: Mutable<ClientSurroundings>
  readonly #clients = new Set<ClientConnection>()
  readonly #perAddress = new Map<string, number>()
  #server: Server | null = null
  #address: ListenAddress | null = null
  #draining = false
  #leaving = false
  #paused: NodeJS.Timeout | null = null
  #onEmpty: (() => void) | null = null
  #lingeringRefused = 0
  /** Connections refused because of a limit, and pauses of accepting. */
  refusedTotal = 0
  pausesTotal = 0
  acceptedTotal = 0

  constructor(
    surroundings: Omit<ClientSurroundings, 'isEnding' | 'isDraining' | 'onClosed'>,
    options: ListenerOptions,
  ) {
    this.#options = options
    this.#surroundings = {
      ...surroundings,
      isEnding: hasMore => this.#draining || (this.#leaving && !hasMore),
      isDraining: () => this.#draining,
      onClosed: client => this.#onClosed(client),
    }
  }

  /**
   * Other numbers and another pipeline from now on: connections that are open take them with their next request, but keep the limits of
   * messages that their parser began with.
   */
  configure(
    surroundings: Pick<ClientSurroundings, 'handler' | 'limits' | 'times' | 'trusted'>,
    options: Pick<ListenerOptions, 'maxConnections' | 'maxConnectionsPerAddress' | 'pauseMs'>,
  ): void {
    Object.assign(this.#surroundings, surroundings)
    this.#options = { ...this.#options, ...options }
  }

  get connectionCount(): number {
    return this.#clients.size
  }

  /** Exchanges under way; counted when asked, for a scrape. */
  get activeExchanges(): number {
    let count = 0
    for (const client of this.#clients) if (client.state === 'exchange' || client.state === 'tunnel') count++
    return count
  }

  /** Starts to accept; resolves with the bound port. @throws the system's error, for example EADDRINUSE. */
  async listen(address: ListenAddress): Promise<number> {
    const port = await this.#open(address)
    // A port of 0 stays the one that was given first.
    this.#address = { host: address.host, port }
    return port
  }

  /** Stops accepting for a while: the kernel refuses connections, so that whoever is in front looks elsewhere. False if it has stopped already. */
  pauseAccepting(): boolean {
    if (this.#paused !== null || this.#draining || this.#address === null) return false
    this.pausesTotal++
    this.#server?.close()
    this.#server = null
    const again = () => {
      this.#paused = null
      if (this.#draining || this.#address === null) return
      this.#open(this.#address).catch(() => {
        this.#paused = setTimeout(again, this.#options.pauseMs)
      })
    }
    this.#paused = setTimeout(again, this.#options.pauseMs)
    return true
  }

  /**
   * From now on answers say that their connection ends, so that clients come back elsewhere; new connections are still accepted, and
   * requests that have come are answered.
   */
  announceEnd(): void {
    this.#leaving = true
  }

  /** Tells the clients of long-lived streams to leave: of all, or of those from one endpoint. */
  tellStreams(endpoint: Endpoint | null): void {
    for (const { exchange } of this.#clients)
      if (endpoint === null || exchange?.endpoint === endpoint) exchange?.stream?.leave()
    this.#surroundings.slab.flush()
  }

  /** Closes the connections on which nothing is under way. */
  closeIdle(): void {
    for (const client of this.#clients) client.closeIfIdle()
  }

  /** Stops accepting, lets what is under way finish for at most `drainMs`, then cuts what is left. Resolves with how many exchanges were cut. */
  async close(drainMs: number): Promise<number> {
    this.#draining = true
    if (this.#paused) clearTimeout(this.#paused)
    this.#server?.close()
    this.#server = null
    this.closeIdle()
    this.tellStreams(null)
    let cut = 0
    if (this.#clients.size > 0) {
      const empty = Promise.withResolvers<void>()
      this.#onEmpty = empty.resolve
      const deadline = setTimeout(() => {
        for (const client of this.#clients) {
          if (client.state === 'exchange' || client.state === 'tunnel') cut++
          const stream = client.exchange?.stream
          if (stream) this.#surroundings.streams.onCut(stream.kind, stream.isTold)
          client.cut()
        }
      }, drainMs)
      await empty.promise
      clearTimeout(deadline)
    }
    return cut
  }

  #open(address: ListenAddress): Promise<number> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, socket => this.#accept(socket))
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host: address.host, port: address.port, backlog: this.#options.backlog }, () => {
        server.off('error', reject)
        // Nothing is to be done about a connection that failed before it was ours, unless the next one would fail as well.
        server.on('error', (error: NodeJS.ErrnoException) => {
          if (error.code === 'EMFILE' || error.code === 'ENFILE') this.#options.onExhausted()
        })
        this.#server = server
        resolve((server.address() as AddressInfo).port)
      })
    })
  }

  #accept(socket: Socket): void {
    const address = plainAddress(socket.remoteAddress ?? '')
    const ofAddress = this.#perAddress.get(address) ?? 0
    const { maxConnections, maxConnectionsPerAddress } = this.#options
    if (
      (maxConnections > 0 && this.#clients.size >= maxConnections) ||
      (maxConnectionsPerAddress > 0 && ofAddress >= maxConnectionsPerAddress) ||
      this.#options.isFull()
    ) {
      this.#refuse(socket)
      return
    }
    this.acceptedTotal++
    this.#perAddress.set(address, ofAddress + 1)
    this.#clients.add(new ClientConnection(socket, address, this.#surroundings))
  }

  #refuse(socket: Socket): void {
    this.refusedTotal++
    socket.on('error', () => {})
    if (this.#lingeringRefused >= MAX_LINGERING_REFUSED || this.#options.isFull()) {
      socket.end(TOO_MANY, () => socket.destroy())
      return
    }
    this.#lingeringRefused++
    const deadline = setTimeout(() => socket.destroy(), REFUSED_LINGER_MS)
    socket.once('close', () => {
      this.#lingeringRefused--
      clearTimeout(deadline)
    })
    socket.once('end', () => socket.destroySoon())
    socket.resume()
    socket.end(TOO_MANY)
  }

  #onClosed(client: ClientConnection): void {
    this.#clients.delete(client)
    const left = (this.#perAddress.get(client.identity.peerAddress) ?? 1) - 1
    if (left === 0) this.#perAddress.delete(client.identity.peerAddress)
    else this.#perAddress.set(client.identity.peerAddress, left)
    if (this.#clients.size === 0) this.#onEmpty?.()
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const TOO_MANY_BODY =
  '{"type":"urn:plimsoll:problem:lb-err-too-many-connections","title":"Too many connections","status":503,"code":"LB_ERR_TOO_MANY_CONNECTIONS","source":"balancer","retryAfterS":1}'
const TOO_MANY = `HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nContent-Length: ${TOO_MANY_BODY.length}\r\nRetry-After: 1\r\nConnection: close\r\n\r\n${TOO_MANY_BODY}`
