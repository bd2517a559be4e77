// One connection to an endpoint for checks: a request, its answer, and maybe more of them later.
//
//   connecting ──► busy ──answer whole, both sides keep it──► free ──ask──► busy …
//        └───────────┴──────────────────┬──────────────────────┘
//                                       ▼
//                                    closed
//
// Invariants
// * One request at a time. Each `ask` settles exactly once, and at once when its signal is aborted.
// * Only a whole answer that passed, within `MAX_BODY_BYTES`, leaves it free. A byte more than that answer, or one that nobody asked for,
//   closes it: the two sides disagree about where messages end.
// * It owns no timer: whoever asks aborts.
import { connect, type Socket } from 'node:net'
import { FRAMING, ResponseParser, type MessageHead, type MessageSink, type Refusal } from '@plimsoll/http1'
import { connectOptions, type UpstreamAddress } from '../upstream/address.ts'
import { MAX_BODY_BYTES, type Expectation } from './expectation.ts'
import { connectFailure, PASSED, type ProbeResult } from './probe.ts'

/** What is asked, and what has to come back. */
export interface CheckRequest {
  /** The whole request as it goes over the wire. */
  readonly bytes: Buffer
  /** The codec's number of its method. */
  readonly method: number
  readonly expectation: Expectation
  /** Shown every final head, whether it passes or not: for what else an endpoint says in it. */
  readonly onHead: (head: MessageHead) => void
  /** Whether the connection may be used again. */
  readonly mayKeep: boolean
}

/** `stale`: a kept connection turned out to be closed before a byte of the answer, so nobody may have been asked. */
type Settled = ProbeResult | { readonly kind: 'stale' }

export class CheckConnection implements MessageSink {
  readonly #request: CheckRequest
  readonly #socket: Socket
  readonly #parser: ResponseParser
  #connected = false
  #settle: ((result: Settled) => void) | null = null
  #answersTotal = 0
  #answerBegun = false
  #answerWhole = false
  #mayKeep = false
  #body: Buffer[] = []
  #bodyBytes = 0
  #cause: NodeJS.ErrnoException | null = null

  constructor(address: UpstreamAddress, request: CheckRequest) {
    this.#request = request
    this.#parser = new ResponseParser(this)
    this.#socket = connect({ ...connectOptions(address), noDelay: true })
    this.#socket.on('connect', () => {
      this.#connected = true
    })
    this.#socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    this.#socket.on('end', () => this.#onEnd())
    this.#socket.on('error', error => {
      this.#cause = error
    })
    this.#socket.on('close', () => this.#fail())
  }

  /** Whether it can be asked. */
  get isFree(): boolean {
    return this.#settle === null && !this.#socket.destroyed
  }

  /** Answers that passed over it. */
  get answersTotal(): number {
    return this.#answersTotal
  }

  /** Sends the request and judges the answer. Only when it's free. */
  ask(signal: AbortSignal): Promise<Settled> {
    return new Promise(resolve => {
      const onAbort = () => {
        if (this.#connected) this.#finish({ kind: 'timeout', message: 'no whole answer in time' }, false)
        else this.#finish({ kind: 'connect', message: 'not open in time' }, false)
      }
      this.#settle = result => {
        signal.removeEventListener('abort', onAbort)
        resolve(result)
      }
      this.#answerBegun = false
      this.#answerWhole = false
      this.#body = []
      this.#bodyBytes = 0
      this.#parser.expect(this.#request.method)
      // Before the connection is open the socket holds it back.
      this.#socket.write(this.#request.bytes)
      signal.addEventListener('abort', onAbort)
      if (signal.aborted) onAbort()
    })
  }

  close(): void {
    this.#socket.destroy()
    this.#fail()
  }

  // ——— what the parser says ———

  onHead(head: MessageHead): void {
    if (head.interim) return
    this.#request.onHead(head)
    this.#mayKeep = this.#request.mayKeep && head.keepAlive && head.framing !== FRAMING.untilClose
    const fault = this.#request.expectation.judgeHead(head)
    if (fault !== null) this.#finish({ kind: 'answer', message: fault }, false)
  }

  onBody(buffer: Buffer, start: number, end: number): void {
    this.#bodyBytes += end - start
    if (this.#request.expectation.readsBody) this.#body.push(buffer.subarray(start, end))
    if (this.#bodyBytes > MAX_BODY_BYTES) this.#judgeBody(false)
  }

  onTrailers(): void {
    // Nothing is expected of them.
  }

  onEnd(): void {
    this.#answerWhole = true
  }

  onRefusal(refusal: Refusal): void {
    this.#finish({ kind: 'answer', message: `answered no HTTP: ${refusal.message} (${refusal.code})` }, false)
  }

  // ——— what the socket says ———

  #onData(chunk: Buffer): void {
    if (this.#settle === null) return void this.#socket.destroy()
    this.#answerBegun = true
    try {
      const consumed = this.#parser.execute(chunk, 0, chunk.length)
      if (this.#answerWhole) this.#judgeBody(this.#mayKeep && consumed === chunk.length)
    } catch (error) {
      // A fault of ours costs this check, not the process.
      this.#finish({ kind: 'answer', message: `answered what could not be read: ${(error as Error).message}` }, false)
    }
  }

  #onEnd(): void {
    // A body that ends with the connection is whole now; anything else has been cut.
    if (this.#settle !== null && !this.#answerWhole) this.#parser.finish()
    if (this.#answerWhole) this.#judgeBody(false)
    this.close()
  }

  #judgeBody(mayKeep: boolean): void {
    const body = Buffer.concat(this.#body).subarray(0, MAX_BODY_BYTES)
    const fault = this.#request.expectation.judgeBody(body)
    this.#finish(fault === null ? PASSED : { kind: 'answer', message: fault }, mayKeep && fault === null)
  }

  /** The connection is gone: says so to whoever waits. */
  #fail(): void {
    if (!this.#connected) return this.#finish(connectFailure(this.#cause), false)
    if (this.#answersTotal > 0 && !this.#answerBegun) return this.#finish({ kind: 'stale' }, false)
    const when = this.#answerBegun ? 'in the middle of its answer' : 'before it answered'
    const how = this.#cause === null ? '' : ` (${this.#cause.code ?? this.#cause.message})`
    this.#finish({ kind: 'answer', message: `closed the connection ${when}${how}` }, false)
  }

  /** The one place where an `ask` ends. */
  #finish(result: Settled, keep: boolean): void {
    const settle = this.#settle
    if (settle === null) return
    this.#settle = null
    this.#body = []
    if (keep) {
      this.#answersTotal++
    } else {
      this.#parser.abandon()
      this.#socket.destroy()
    }
    settle(result)
  }
}
