// One end of a connection, played by a test: bytes out exactly as the script says, bytes in as they come.
//
// Received bytes wait in a buffer until the script takes them. How the other side left is a state, changed once:
//     open -> ended (it closed its half: FIN)     -> gone
//     open -> reset (RST, or a failed write)      -> gone
// Reads that can no longer be served reject at once; each has a time-out of its own, so a script never hangs the run.
import type { Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { TestingError } from './errors.ts'
import { parseRequest, parseResponse, type HttpRequest, type HttpResponse } from './http-message.ts'

/** What the other side has done with its half of the connection. */
export type PeerState = 'open' | 'ended' | 'reset'

export interface ReadOptions {
  /** Longest wait, in milliseconds. Default 2000. */
  readonly timeoutMs?: number
}

const DEFAULT_TIMEOUT_MS = 2000
/** Of the bytes that had come, this many are shown when a wait fails. */
const SHOWN_BYTES = 200

export class RawPeer {
  /** The socket underneath, for what this class doesn't offer. */
  readonly socket: Socket
  readonly #received = new ReceivedBytes()
  #state: PeerState = 'open'
  #released = false
  readonly #waiting = new Set<() => void>()

  /** Use `rawServer` or `rawClient`, which also close it with the test. */
  constructor(socket: Socket) {
    this.socket = socket
    // Each write leaves in a segment of its own, as far as the kernel lets it.
    socket.setNoDelay(true)
    socket.on('data', (bytes: Buffer) => {
      this.#received.append(bytes)
      this.#wake()
    })
    socket.on('end', () => this.#leave('ended'))
    // ECONNRESET when the other side resets, EPIPE when it was gone before a write.
    socket.on('error', () => this.#leave('reset'))
    socket.on('close', () => this.#wake())
  }

  /** What the other side has done with its half of the connection. */
  get state(): PeerState {
    return this.#state
  }

  /** Bytes that have come and weren't taken yet. */
  get unread(): Buffer {
    return this.#received.all
  }

  /** True when the test's end closes this peer: errors of its script don't count any more. */
  get released(): boolean {
    return this.#released
  }

  /**
   * Sends bytes (a string as Latin-1, one byte per character); resolves when the kernel has them, which waits when its buffers are full. A write that isn't
   * awaited may fail without harm, and so may one that the end of the test cuts off.
   */
  write(bytes: string | Uint8Array): Promise<void> {
    const written = new Promise<void>((resolve, reject) => {
      this.socket.write(toBuffer(bytes), error => (error && !this.#released ? reject(error) : resolve()))
    })
    written.catch(() => {})
    return written
  }

  /** Sends bytes in pieces of `chunkBytes` (default 1), with a pause of `pauseMs` between them (default 0: a turn of the event loop). */
  async writeSlowly(
    bytes: string | Uint8Array,
    options: { readonly chunkBytes?: number; readonly pauseMs?: number } = {},
  ): Promise<void> {
    const { chunkBytes = 1, pauseMs = 0 } = options
    const all = toBuffer(bytes)
    for (let at = 0; at < all.length; at += chunkBytes) {
      await this.write(all.subarray(at, at + chunkBytes))
      if (pauseMs > 0) await sleep(pauseMs)
      else await nextTurn()
    }
  }

  /**
   * Takes bytes up to and including the first match, or that many bytes. Expressions see Latin-1.
   * @throws TESTING_ERR_TIMEOUT, TESTING_ERR_PEER_CLOSED; both show what had come.
   */
  readUntil(wanted: string | RegExp | Uint8Array | number, options: ReadOptions = {}): Promise<Buffer> {
    return this.#read(options, typeof wanted === 'number' ? `${wanted} bytes` : String(wanted), () => {
      const end = endOf(this.#received.all, wanted)
      return end === undefined ? undefined : this.#received.take(end)
    })
  }

  /**
   * Takes everything up to the orderly end of the other side's half.
   * @throws TESTING_ERR_TIMEOUT, or TESTING_ERR_PEER_CLOSED for a reset.
   */
  readAll(options: ReadOptions = {}): Promise<Buffer> {
    return this.#read(options, 'the end', () =>
      this.#state === 'ended' ? this.#received.take(this.#received.all.length) : undefined,
    )
  }

  /**
   * Takes one response. Pass the method of the request that it answers.
   * @throws TESTING_ERR_TIMEOUT, TESTING_ERR_PEER_CLOSED, TESTING_ERR_BAD_MESSAGE
   */
  readResponse(options: ReadOptions & { readonly method?: string } = {}): Promise<HttpResponse> {
    const { method = 'GET' } = options
    return this.#read(options, 'a response', () => {
      const response = parseResponse(this.#received.all, { method, ended: this.#state === 'ended' })
      if (response !== undefined) this.#received.take(response.raw.length)
      return response
    })
  }

  /**
   * Takes one request.
   * @throws TESTING_ERR_TIMEOUT, TESTING_ERR_PEER_CLOSED, TESTING_ERR_BAD_MESSAGE
   */
  readRequest(options: ReadOptions = {}): Promise<HttpRequest> {
    return this.#read(options, 'a request', () => {
      const request = parseRequest(this.#received.all)
      if (request !== undefined) this.#received.take(request.raw.length)
      return request
    })
  }

  /** Waits until the other side has closed its half or reset the connection, and says which; what it sent before is in `unread`. @throws TESTING_ERR_TIMEOUT */
  expectClosed(options: ReadOptions = {}): Promise<'ended' | 'reset'> {
    return this.#read(options, 'the close', () => (this.#state === 'open' ? undefined : this.#state), true)
  }

  /** Closes our half (FIN) and goes on reading. */
  end(): void {
    this.socket.end()
  }

  /** Closes with a reset (RST) where the transport has one; on a Unix socket the other side sees an end. */
  reset(): void {
    // While an end is on its way a reset is refused, and Node leaves the socket open for good.
    if (this.socket.writableEnded) return void this.socket.destroy()
    try {
      this.socket.resetAndDestroy()
    } catch {
      this.socket.destroy()
    }
  }

  /** Stops taking bytes from the kernel, so that the other side feels back-pressure. */
  pause(): void {
    this.socket.pause()
  }

  resume(): void {
    this.socket.resume()
  }

  /** Closes at once; waiting reads reject. Called in teardown. */
  release(): void {
    this.#released = true
    this.socket.destroy()
    this.#wake()
  }

  #leave(how: 'ended' | 'reset'): void {
    // A reset may follow an end, when the other side is gone while we still write; how it left first is what the script asks for.
    if (this.#state === 'open') this.#state = how
    this.#wake()
  }

  #wake(): void {
    for (const look of this.#waiting) look()
  }

  async #read<T>(options: ReadOptions, what: string, attempt: () => T | undefined, alsoWhenClosed = false): Promise<T> {
    const { timeoutMs = DEFAULT_TIMEOUT_MS } = options
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const look = (): void => {
      try {
        const result = attempt()
        if (result !== undefined) resolve(result)
        else if (this.#released || (this.socket.destroyed && this.#state === 'open'))
          reject(this.#closed(what, 'was closed on our side'))
        else if (this.#state !== 'open' && !alsoWhenClosed)
          reject(this.#closed(what, `was ${this.#state} by the other side`))
      } catch (error) {
        reject(error)
      }
    }
    const timer = setTimeout(() => {
      reject(new TestingError('TESTING_ERR_TIMEOUT', `Waited ${timeoutMs} ms for ${what}. ${this.#seen()}`))
    }, timeoutMs)
    this.#waiting.add(look)
    try {
      look()
      return await promise
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(look)
    }
  }

  #closed(what: string, how: string): TestingError {
    return new TestingError('TESTING_ERR_PEER_CLOSED', `The connection ${how} before ${what} came. ${this.#seen()}`)
  }

  #seen(): string {
    const { all } = this.#received
    return all.length === 0
      ? 'Nothing came.'
      : `${all.length} bytes came: ${JSON.stringify(all.toString('latin1', 0, SHOWN_BYTES))}`
  }
}

/**
 * A buffer that grows by doubling, so that a stream of n bytes costs n copies and not n squared.
 *
 *     | taken ...... | all ............ | free ...... |
 *     0              #start             #end          capacity
 *
 * What was taken is given out as a view, so its place is never written again; a full buffer is replaced, not moved together.
 */
class ReceivedBytes {
  #buffer: Buffer = Buffer.alloc(4096)
  #start = 0
  #end = 0

  get all(): Buffer {
    return this.#buffer.subarray(this.#start, this.#end)
  }

  append(bytes: Buffer): void {
    if (this.#end + bytes.length > this.#buffer.length) {
      const { all } = this
      this.#buffer = Buffer.alloc(Math.max(4096, 2 * (all.length + bytes.length)))
      all.copy(this.#buffer)
      this.#start = 0
      this.#end = all.length
    }
    this.#end += bytes.copy(this.#buffer, this.#end)
  }

  take(count: number): Buffer {
    const taken = this.#buffer.subarray(this.#start, this.#start + count)
    this.#start += count
    return taken
  }
}

function endOf(received: Buffer, wanted: string | RegExp | Uint8Array | number): number | undefined {
  if (typeof wanted === 'number') return received.length >= wanted ? wanted : undefined
  if (wanted instanceof RegExp) {
    const text = received.toString('latin1')
    const at = text.search(wanted)
    return at === -1
      ? undefined
      : at + (new RegExp(wanted.source, wanted.flags.replace(/[gy]/g, '')).exec(text)?.[0].length ?? 0)
  }
  const bytes = toBuffer(wanted)
  const at = received.indexOf(bytes)
  return at === -1 ? undefined : at + bytes.length
}

function toBuffer(bytes: string | Uint8Array): Buffer {
  return typeof bytes === 'string'
    ? Buffer.from(bytes, 'latin1')
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
