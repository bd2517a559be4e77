// One connection with one request under way at most. A service may close it between two requests; the next one opens it again.
//
//   closed ──open()──► idle ──ask()──► waiting ──answer──► idle
//                       └── closed by the other side ──► closed ◄── failed, silent: ask() rejects
import { connect, type Socket } from 'node:net'
import { type Answer, AnswerReader, fieldOf } from './answer-reader.ts'
import type { Address } from './asker-protocol.ts'

/** One that takes longer is a fault. */
const ANSWER_TIMEOUT_MS = 30_000

interface Waiting {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

export class Connection {
  readonly #address: Address
  #socket: Socket | null = null
  #reader = new AnswerReader()
  #waiting: Waiting | null = null

  constructor(address: Address) {
    this.#address = address
  }

  /** Does nothing when it's open. @throws Error when nobody listens */
  async open(): Promise<void> {
    if (this.#socket !== null) return
    const socket = connect('path' in this.#address ? this.#address : { ...this.#address, noDelay: true })
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    this.#socket = socket
    this.#reader = new AnswerReader()
    socket.setTimeout(ANSWER_TIMEOUT_MS)
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('timeout', () => {
      if (this.#waiting !== null) socket.destroy(new Error(`no answer within ${ANSWER_TIMEOUT_MS / 1000} s`))
    })
    socket.on('error', error => this.#lose(socket, error))
    socket.on('close', () => this.#lose(socket, new Error('the connection was closed')))
  }

  /** @param request whole, in ASCII. @throws Error when there's no answer to it */
  ask(request: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#socket === null) {
        reject(new Error('the connection is closed'))
        return
      }
      this.#waiting = { resolve, reject }
      this.#socket.write(request, 'latin1')
    })
  }

  close(): void {
    this.#end()
  }

  #take(chunk: Buffer): void {
    try {
      if (this.#waiting === null) throw new Error('bytes that nobody asked for')
      const answer = this.#reader.take(chunk)
      if (answer === null) return
      const { resolve } = this.#waiting
      this.#waiting = null
      // Else the next request may go out just as the end comes in.
      if (fieldOf(answer.head, 'connection') === 'close') this.#end()
      resolve(answer)
    } catch (error) {
      this.#socket?.destroy(error as Error)
    }
  }

  #end(): void {
    this.#socket?.destroy()
    this.#socket = null
  }

  #lose(socket: Socket, error: Error): void {
    if (socket !== this.#socket) return
    this.#socket = null
    this.#waiting?.reject(error)
    this.#waiting = null
  }
}
