// One JSON line per finished exchange, off the hot path: lines are gathered and written in large pieces, without waiting.
//
//   {"time":"2026-11-21T07:00:00.123Z","id":"k3x9…-7","client":"192.0.2.7","method":"GET","target":"/api/courses","version":"1.1",
//    "status":200,"bytesIn":0,"bytesOut":1234,"endpoint":"0-1","tries":1,"retries":[],"notRetried":null,"queueMs":0.1,"connectMs":0.2,"firstByteMs":2.3,
//    "totalMs":2.4,"end":"answered","error":null}
//
// `time` is the end of the exchange. The durations count from the complete head of the request: `queueMs` until an endpoint was picked
// for the last try, `firstByteMs` until the first byte of the answer, `totalMs` until the end; `connectMs` is how long that try waited
// for its connection. What never happened is null.
import { pino } from 'pino'
import type { Exchange } from '../exchange.ts'
import type { Clock } from '../transport/timer-wheel.ts'

/** Lines are written when so much has come together, or a second has passed. */
const GATHERED_BYTES = 64 * 1024
const FLUSH_MS = 1000
/** Time for the last lines to be written. */
const LAST_LINES_MS = 1000
/** A disk that stalls costs lines above this much, never memory without end. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024

type Destination = ReturnType<typeof pino.destination>

export class AccessLog {
  readonly #path: string
  readonly #clock: Clock
  /** Difference between the wall clock and the monotonic one. */
  readonly #epochMs: number
  #destination: Destination | null = null
  #timer: NodeJS.Timeout | null = null

  /** `path` "-" is standard output. */
  constructor(path: string, clock: Clock) {
    this.#path = path
    this.#clock = clock
    this.#epochMs = Date.now() - clock.now()
  }

  /** @throws the system's error when the file can't be opened. */
  async open(): Promise<void> {
    const destination = pino.destination({
      dest: this.#path === '-' ? 1 : this.#path,
      sync: false,
      minLength: GATHERED_BYTES,
      maxWrite: 2 * GATHERED_BYTES,
      maxLength: MAX_WAITING_BYTES,
      mkdir: true,
    })
    if (this.#path !== '-') {
      await new Promise<void>((resolve, reject) => {
        destination.once('ready', () => resolve())
        destination.once('error', reject)
      })
    }
    // A full disk costs lines of the log, never a request.
    destination.on('error', () => {})
    this.#destination = destination
    this.#timer = setInterval(() => destination.flush(), FLUSH_MS)
  }

  async close(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer)
    const destination = this.#destination
    if (!destination) return
    await new Promise<void>(resolve => {
      // A disk that's full never takes the last lines.
      const deadline = setTimeout(() => {
        destination.destroy()
        resolve()
      }, LAST_LINES_MS)
      destination.once('close', () => {
        clearTimeout(deadline)
        resolve()
      })
      destination.end()
    })
  }

  write(exchange: Exchange): void {
    this.#destination?.write(`${accessLine(exchange, this.#epochMs + this.#clock.now())}\n`)
  }
}

/** The line of one exchange, without its end. */
export function accessLine(exchange: Exchange, nowMs: number): string {
  const { startedAtMs, pickedAtMs, sentAtMs, firstByteAtMs, endedAtMs } = exchange
  return JSON.stringify({
    time: new Date(nowMs).toISOString(),
    id: exchange.id,
    client: exchange.clientAddress,
    method: exchange.method,
    target: exchange.target,
    version: `1.${exchange.versionMinor}`,
    status: exchange.status,
    bytesIn: exchange.requestBodyBytes,
    bytesOut: exchange.answerBodyBytes,
    endpoint: exchange.endpoint?.id ?? null,
    tries: exchange.tried.length,
    retries: exchange.retryReasons ?? [],
    notRetried: exchange.notRetriedBecause,
    queueMs: since(startedAtMs, pickedAtMs),
    connectMs: sentAtMs < pickedAtMs ? null : since(pickedAtMs, sentAtMs),
    firstByteMs: since(startedAtMs, firstByteAtMs),
    totalMs: since(startedAtMs, endedAtMs),
    end: exchange.end,
    error: exchange.errorCode,
  })
}

function since(fromMs: number, toMs: number): number | null {
  return toMs === 0 ? null : Math.round((toMs - fromMs) * 1000) / 1000
}
