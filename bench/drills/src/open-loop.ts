// The generator: sends each request at its time on a kept connection, whatever became of those before it.
//
//   run(phase 1) → run(phase 2) → … → settled() → close()
//
// Invariants
// * The time at which a request is due never depends on an answer. When all connections are taken it waits for one, and its lateness shows in
//   the lag, as does a machine that gave this process no time. Latency counts from the due time.
// * Each request gets one outcome, by its deadline and the grace at the latest.
import { setTimeout as sleep } from 'node:timers/promises'
import { ClientConnection } from './client-connection.ts'
import type { Outcome } from './outcome.ts'
import type { ScheduledRequest } from './schedule.ts'
import type { Method } from './upstream/upstream-protocol.ts'

/** A request and what became of it; the times are of the monotonic clock, in milliseconds. */
export interface RequestRecord {
  readonly id: string
  readonly method: Method
  /** Default: WORK_PATH and the id. */
  readonly path?: string
  /** Index of the phase in which it was due. */
  readonly phase: number
  /** From the start of its phase. */
  readonly atMs: number
  readonly dueAtMs: number
  /** 0 until it's sent. */
  sentAtMs: number
  /** 0 until it's settled. */
  settledAtMs: number
  outcome: Outcome | null
}

export interface OpenLoopOptions {
  readonly port: number
  /** By when a request has to be answered, from its sending. */
  readonly deadlineMs: number
  /** Beyond the deadline, before it counts as hung: a proxy that answers 504 at its deadline isn't hanging. Default 1000 ms. */
  readonly graceMs?: number
  /** Default 2048. */
  readonly maxConnections?: number
  readonly signal: AbortSignal
}

const SWEEP_INTERVAL_MS = 50

export class OpenLoop {
  /** All requests so far, in the order of sending. */
  readonly records: RequestRecord[] = []
  /** Bytes that came without a request. */
  readonly stray: string[] = []
  readonly #port: number
  readonly #hungAfterMs: number
  readonly #maxConnections: number
  readonly #signal: AbortSignal
  readonly #idle: ClientConnection[] = []
  readonly #open = new Set<ClientConnection>()
  /** Due, but without a connection. */
  readonly #waiting: RequestRecord[] = []
  /** Sent and not settled, in the order of sending. */
  readonly #underWay = new Map<RequestRecord, ClientConnection>()
  readonly #sweep: NodeJS.Timeout
  #unsettled = 0

  constructor(options: OpenLoopOptions) {
    this.#port = options.port
    this.#hungAfterMs = options.deadlineMs + (options.graceMs ?? 1000)
    this.#maxConnections = options.maxConnections ?? 2048
    this.#signal = options.signal
    this.#sweep = setInterval(() => this.#endHung(), SWEEP_INTERVAL_MS)
  }

  /** Sends a phase; resolves when `durationMs` are over and all of it was due. `onSent` is called behind each. @throws AbortError, its cause the signal's reason */
  async run(
    phase: number,
    requests: readonly ScheduledRequest[],
    durationMs: number,
    onSent: () => void = () => {},
  ): Promise<void> {
    const startedAtMs = performance.now()
    const records = requests.map(({ atMs, ...request }): RequestRecord => ({
      ...request,
      phase,
      atMs,
      dueAtMs: startedAtMs + atMs,
      sentAtMs: 0,
      settledAtMs: 0,
      outcome: null,
    }))
    for (const record of records) {
      const waitMs = record.dueAtMs - performance.now()
      // What is due within a millisecond, the timers' step, goes now.
      if (waitMs > 0.5) await sleep(waitMs, undefined, { signal: this.#signal })
      this.#begin(record)
      onSent()
    }
    const restMs = startedAtMs + durationMs - performance.now()
    if (restMs > 0) await sleep(restMs, undefined, { signal: this.#signal })
  }

  /** Ids of the requests without an outcome, of one method. */
  underWay(method: Method): string[] {
    const ofMethod = this.#underWay.keys().filter(record => record.method === method)
    return Array.from(ofMethod, record => record.id)
  }

  /** How many have no outcome. */
  get unsettled(): number {
    return this.#unsettled
  }

  /** Resolves when every request has its outcome, which their deadline bounds. */
  async settled(): Promise<void> {
    while (this.#unsettled > 0) await sleep(SWEEP_INTERVAL_MS, undefined, { signal: this.#signal })
  }

  close(): void {
    clearInterval(this.#sweep)
    for (const connection of this.#open) connection.close()
  }

  #begin(record: RequestRecord): void {
    this.records.push(record)
    this.#unsettled++
    const connection = this.#idle.pop() ?? this.#connect()
    if (connection) this.#send(connection, record)
    else this.#waiting.push(record)
  }

  #connect(): ClientConnection | null {
    if (this.#open.size >= this.#maxConnections) return null
    const connection = new ClientConnection(this.#port, {
      idle: one => this.#serveNext(one),
      closed: one => {
        this.#open.delete(one)
        const at = this.#idle.indexOf(one)
        if (at !== -1) this.#idle.splice(at, 1)
        this.#replace()
      },
      stray: detail => this.stray.push(detail),
    })
    this.#open.add(connection)
    return connection
  }

  #send(connection: ClientConnection, record: RequestRecord): void {
    record.sentAtMs = performance.now()
    this.#underWay.set(record, connection)
    connection.send(record, outcome => {
      record.outcome = outcome
      record.settledAtMs = performance.now()
      this.#underWay.delete(record)
      this.#unsettled--
    })
  }

  #serveNext(connection: ClientConnection): void {
    const next = this.#waiting.shift()
    if (next) this.#send(connection, next)
    else this.#idle.push(connection)
  }

  /** A closed connection makes room for one that somebody waits for. */
  #replace(): void {
    if (this.#waiting.length === 0 || this.#signal.aborted) return
    const connection = this.#connect()
    if (connection) this.#serveNext(connection)
  }

  #endHung(): void {
    const hungSinceMs = performance.now() - this.#hungAfterMs
    for (const [record, connection] of this.#underWay) {
      if (record.sentAtMs > hungSinceMs) return
      connection.abandon({ kind: 'hung', detail: `no whole answer within ${this.#hungAfterMs} ms` })
    }
  }
}
