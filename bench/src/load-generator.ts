// The load: keep-alive connections on raw sockets, each with one request under way at all times, each answer checked against its request.
// A program of its own, started over IPC, so that its CPU time isn't the suite's; it ends with whoever started it.
//
//   waiting ──run──► connecting ──all open──► warming up ──► measuring ──► draining ──all answered──► waiting
//
// Invariants
// * An answer counts when its status is 200, its body begins with its request's number and has the right length, and nothing follows it.
// * A connection that got a wrong answer sends nothing more; a run with one is not a result.
import { connect, type Socket } from 'node:net'
import {
  ID_DIGITS,
  idOffset,
  type LoadMessage,
  type LoadResult,
  requestHead,
  type RunLoad,
  SIZES,
} from './load-protocol.ts'

const HEAD_END = Buffer.from('\r\n\r\n')
const STATUS_OK = Buffer.from('HTTP/1.1 200')
const NOTHING = Buffer.alloc(0)
const CODE_0 = 0x30
const MAX_IDS_PER_CONNECTION = 10_000_000
const BUCKET_US = 5
const BUCKETS = 400_000
const DRAIN_TIMEOUT_MS = 5000
/** One for all connections: what a read brought is used up before the next read. */
const readBuffer = Buffer.allocUnsafe(65_536)

class LoadRun {
  readonly order: RunLoad
  readonly bodyBytes: number
  readonly head: Buffer
  readonly idAt: number
  /** By 5 µs up to 2 s; the last bucket holds all that took longer. */
  readonly latencies = new Uint32Array(BUCKETS)
  phase: 'connecting' | 'warming up' | 'measuring' | 'draining' = 'connecting'
  requests = 0
  underWay = 0
  wrong = 0
  firstWrong: string | null = null
  onIdle: () => void = () => {}

  constructor(order: RunLoad) {
    this.order = order
    this.bodyBytes = SIZES[order.workload.size]
    this.head = Buffer.from(requestHead(order.workload))
    this.idAt = idOffset(order.workload.method)
  }

  answered(tookMs: number): void {
    if (this.phase !== 'measuring') return
    this.requests++
    const bucket = Math.min(BUCKETS - 1, Math.floor((tookMs * 1000) / BUCKET_US))
    this.latencies[bucket] = (this.latencies[bucket] ?? 0) + 1
  }

  fault(what: string): void {
    this.wrong++
    this.firstWrong ??= what
  }

  percentileUs(share: number): number {
    let left = Math.ceil(this.requests * share)
    for (let i = 0; i < BUCKETS; i++) {
      left -= this.latencies[i] ?? 0
      if (left <= 0) return (i + 1) * BUCKET_US
    }
    return BUCKETS * BUCKET_US
  }
}

class Connection {
  readonly #run: LoadRun
  readonly #request: Buffer
  readonly #firstId: number
  readonly #socket: Socket
  readonly opened: Promise<void>
  #sent = 0
  #sentAtMs = 0
  #busy = false
  #dead = false
  /** A head that isn't whole yet, else empty. */
  #partial = NOTHING
  /** Bytes of the body that are still to come, once the head is there. */
  #bodyLeft = -1
  #framingChecked = false

  constructor(run: LoadRun, index: number) {
    this.#run = run
    this.#firstId = index * MAX_IDS_PER_CONNECTION
    this.#request = Buffer.concat([run.head, Buffer.alloc(run.order.workload.bodyBytes, 'y')])
    const opened = Promise.withResolvers<void>()
    this.opened = opened.promise
    this.#socket = connect({
      host: '127.0.0.1',
      port: run.order.port,
      noDelay: true,
      onread: {
        buffer: readBuffer,
        callback: bytesRead => {
          this.#take(bytesRead === readBuffer.length ? readBuffer : readBuffer.subarray(0, bytesRead))
          return true
        },
      },
    })
    this.#socket.once('connect', () => opened.resolve())
    this.#socket.once('error', error => opened.reject(error))
    this.#socket.on('error', error => this.#fault(`the connection failed: ${error.message}`))
    this.#socket.on('close', () => this.#fault('the connection was closed'))
  }

  send(): void {
    const { idAt, order } = this.#run
    const id = this.#firstId + (this.#sent % MAX_IDS_PER_CONNECTION)
    writeId(this.#request, idAt, id)
    if (order.workload.bodyBytes > 0) writeId(this.#request, this.#run.head.length, id)
    this.#sent++
    this.#busy = true
    this.#run.underWay++
    this.#sentAtMs = performance.now()
    // The bytes were all sent when the answer is here, so the buffer can be used again then.
    this.#socket.write(this.#request)
  }

  end(): void {
    this.#dead = true
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    if (this.#dead) return
    if (!this.#busy) {
      this.#fault(`bytes without a request: ${shown(chunk)}`)
      return
    }
    let left = this.#bodyLeft
    if (left === -1) {
      const bytes = this.#partial.length === 0 ? chunk : Buffer.concat([this.#partial, chunk])
      const headEnd = bytes.indexOf(HEAD_END)
      const bodyAt = headEnd + HEAD_END.length
      if (headEnd === -1 || bytes.length < bodyAt + ID_DIGITS) {
        this.#partial = Buffer.from(bytes)
        return
      }
      this.#partial = NOTHING
      const problem = this.#problem(bytes, headEnd, bodyAt)
      if (problem !== null) {
        this.#fault(`${problem}: ${shown(bytes)}`)
        return
      }
      left = this.#run.bodyBytes - (bytes.length - bodyAt)
    } else left -= chunk.length
    if (left < 0) this.#fault(`${-left} bytes too many in an answer`)
    else if (left > 0) this.#bodyLeft = left
    else this.#done()
  }

  #done(): void {
    this.#bodyLeft = -1
    this.#busy = false
    this.#run.underWay--
    this.#run.answered(performance.now() - this.#sentAtMs)
    if (this.#run.phase !== 'draining') this.send()
    else if (this.#run.underWay === 0) this.#run.onIdle()
  }

  /** What's wrong with an answer of which the head and the number are there; null when it's right. */
  #problem(bytes: Buffer, headEnd: number, bodyAt: number): string | null {
    if (bytes.compare(STATUS_OK, 0, STATUS_OK.length, 0, STATUS_OK.length) !== 0) return 'not a 200'
    const { idAt } = this.#run
    if (bytes.compare(this.#request, idAt, idAt + ID_DIGITS, bodyAt, bodyAt + ID_DIGITS) !== 0) {
      return `the answer to another request than ${this.#request.toString('latin1', idAt, idAt + ID_DIGITS)}`
    }
    if (this.#framingChecked) return null
    this.#framingChecked = true
    const declared = /\r\ncontent-length: *(\d+)/i.exec(bytes.toString('latin1', 0, headEnd))?.[1]
    return Number(declared) === this.#run.bodyBytes ? null : `no content-length of ${this.#run.bodyBytes}`
  }

  #fault(what: string): void {
    if (this.#dead) return
    this.#run.fault(what)
    if (this.#busy) this.#run.underWay--
    this.end()
    if (this.#run.phase === 'draining' && this.#run.underWay === 0) this.#run.onIdle()
  }
}

async function runLoad(order: RunLoad): Promise<LoadResult> {
  const run = new LoadRun(order)
  const connections = Array.from({ length: order.workload.connections }, (_, i) => new Connection(run, i))
  try {
    await Promise.all(connections.map(connection => connection.opened))
    run.phase = 'warming up'
    for (const connection of connections) connection.send()
    await pause(order.warmupMs)
    run.phase = 'measuring'
    report({ kind: 'measuring' })
    const startedAtMs = performance.now()
    await pause(order.measureMs)
    run.phase = 'draining'
    const seconds = (performance.now() - startedAtMs) / 1000
    report({ kind: 'measured' })
    const idle = new Promise<void>(resolve => (run.onIdle = resolve))
    const timer = Promise.withResolvers<void>()
    const timeout = setTimeout(timer.resolve, DRAIN_TIMEOUT_MS)
    if (run.underWay > 0) await Promise.race([idle, timer.promise])
    clearTimeout(timeout)
    if (run.underWay > 0) run.fault(`${run.underWay} requests got no answer`)
    const { requests, wrong, firstWrong } = run
    return { requests, seconds, wrong, firstWrong, p50Us: run.percentileUs(0.5), p99Us: run.percentileUs(0.99) }
  } finally {
    for (const connection of connections) connection.end()
  }
}

/** Ten digits, without making a string. */
function writeId(bytes: Buffer, at: number, id: number): void {
  let rest = id
  for (let i = at + ID_DIGITS - 1; i >= at; i--) {
    bytes[i] = CODE_0 + (rest % 10)
    rest = Math.floor(rest / 10)
  }
}

function shown(bytes: Buffer): string {
  return JSON.stringify(bytes.toString('latin1', 0, 200))
}

function pause(ms: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, ms))
}

function report(message: LoadMessage): void {
  process.send?.(message)
}

process.on('message', (order: RunLoad) => {
  void runLoad(order).then(
    result => report({ kind: 'done', ...result }),
    (error: unknown) => report({ kind: 'failed', reason: (error as Error).message }),
  )
})
process.once('disconnect', () => process.exit(0))
report({ kind: 'waiting' })
