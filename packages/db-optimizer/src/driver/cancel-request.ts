// Cancel requests: a connection of its own for 16 bytes (PostgreSQL, 54.2.7 "Canceling Requests in Progress").
//
// Ours rather than the driver's, because the driver gives up neither on a host that doesn't answer nor on a hundred at once, and calls our socket function for
// each. As libpq did until 17, it isn't encrypted: server and poolers read it before they ask for TLS.
//
// When the server has closed that connection, it has sent the signal. So whoever waits for `sent` and then fences the connection can't be hit by it later.
import { openSocket } from './slot-socket.ts'
import type { ServerAddress } from './postgres-driver.ts'

const LENGTH_BYTES = 16
/** 1234 in the upper half, 5678 in the lower: no protocol version looks like it. */
const CANCEL_REQUEST_CODE = 80_877_102

export interface Backend {
  readonly pid: number
  readonly secret: number
}

/** Sends cancel requests, at most `maxAtOnce` at a time; the others wait, each within its own time-out. */
export class CancelSender {
  readonly #address: ServerAddress
  readonly #maxAtOnce: number
  #running = 0
  readonly #waiting: (() => void)[] = []

  constructor(address: ServerAddress, maxAtOnce: number) {
    this.#address = address
    this.#maxAtOnce = maxAtOnce
  }

  /** Cancel requests that are under way or wait. */
  get pending(): number {
    return this.#running + this.#waiting.length
  }

  /** Resolves with true when the server has taken it, with false when it hasn't within `timeoutMs`; never rejects. */
  async send(backend: Backend, timeoutMs: number): Promise<boolean> {
    const deadlineMs = performance.now() + timeoutMs
    if (!(await this.#turn(timeoutMs))) return false
    try {
      return await cancel(this.#address, backend, Math.max(1, deadlineMs - performance.now()))
    } catch {
      return false
    } finally {
      this.#running -= 1
      this.#waiting.shift()?.()
    }
  }

  #turn(timeoutMs: number): Promise<boolean> {
    if (this.#running < this.#maxAtOnce) {
      this.#running += 1
      return Promise.resolve(true)
    }
    return new Promise(resolve => {
      const start = (): void => {
        clearTimeout(timer)
        this.#running += 1
        resolve(true)
      }
      const timer = setTimeout(() => {
        const index = this.#waiting.indexOf(start)
        if (index !== -1) this.#waiting.splice(index, 1)
        resolve(false)
      }, timeoutMs)
      this.#waiting.push(start)
    })
  }
}

async function cancel(address: ServerAddress, backend: Backend, timeoutMs: number): Promise<boolean> {
  const startedAtMs = performance.now()
  const socket = await openSocket(address, timeoutMs)
  const message = Buffer.alloc(LENGTH_BYTES)
  message.writeInt32BE(LENGTH_BYTES, 0)
  message.writeInt32BE(CANCEL_REQUEST_CODE, 4)
  message.writeInt32BE(backend.pid | 0, 8)
  message.writeInt32BE(backend.secret | 0, 12)
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => resolve(false), Math.max(1, timeoutMs - (performance.now() - startedAtMs)))
  // The server closes without an answer, sometimes with a reset.
  socket.on('error', () => resolve(true))
  socket.on('close', () => resolve(true))
  socket.resume()
  socket.end(message)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    socket.destroy()
  }
}
