// The socket under a connection: opened by us, so that there's one deadline for it, and its end is told once, whoever removes its listeners.
//
// postgres.js calls `socket.removeAllListeners()` when it's done with a socket and when it puts TLS on it, so a 'close' listener of ours would be lost; and an error
// that comes after that, such as a reset, would end the process.
import { Socket } from 'node:net'
import type { ServerAddress } from './postgres-driver.ts'

export class SlotSocket extends Socket {
  /** For TLS: the driver takes the server's name from here. */
  host: string | undefined
  #onGone: ((error: Error | null) => void) | undefined

  /** `onGone` is called when the socket is destroyed, by whomever; at once if it already is. */
  whenGone(onGone: (error: Error | null) => void): void {
    this.#onGone = onGone
    if (this.destroyed) onGone(this.errored)
  }

  /** Whoever removes its listeners, an error is never left without one. */
  override removeAllListeners(event?: string | symbol): this {
    // With an argument, even undefined, only that event's would go.
    if (event === undefined) super.removeAllListeners()
    else super.removeAllListeners(event)
    if (event === undefined || event === 'error') this.on('error', ignore)
    return this
  }

  // oxlint-disable-next-line eslint/no-underscore-dangle -- the name that node:stream calls
  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    // oxlint-disable-next-line eslint/no-underscore-dangle -- see above
    super._destroy(error, (result = null) => {
      callback(result)
      this.#onGone?.(error)
    })
  }
}

function ignore(): void {}

/** @throws the system's error, or one with code CONNECT_TIMEOUT */
export function openSocket(address: ServerAddress, timeoutMs: number): Promise<SlotSocket> {
  return new Promise((resolve, reject) => {
    const socket = new SlotSocket()
    const timer = setTimeout(() => {
      const error = new Error(`no connection after ${timeoutMs} ms`)
      socket.destroy(Object.assign(error, { code: 'CONNECT_TIMEOUT' }))
    }, timeoutMs)
    const onError = (error: Error): void => {
      clearTimeout(timer)
      reject(error)
    }
    socket.on('error', ignore)
    socket.once('error', onError)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.off('error', onError)
      // Statements are small and waited for: Nagle's algorithm would only hold them back.
      socket.setNoDelay(true)
      resolve(socket)
    })
    if ('path' in address) socket.connect({ path: address.path })
    else {
      socket.host = address.host
      socket.connect({ host: address.host, port: address.port })
    }
  })
}
