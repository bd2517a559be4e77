// The connection that listens: a slot outside any pool, with a heartbeat.
//
//     open() ──► quiet ──sync(): the lists differ──► LISTEN/UNLISTEN under way ──answer──► confirmed, quiet
//                  │                                              │
//                  └──heartbeatIntervalMs──► select 1 under way ──┤ no sign of life for heartbeatTimeoutMs, or the slot's death
//                                                                 ▼
//                                                                lost          close() ends it from anywhere, and nothing is told any more
//
// Invariants
// * One statement at a time. All differences between what's wanted and what the server listens to go in one: one round trip, and all or nothing, since the
//   server runs a simple query as one transaction.
// * A message is told after its channel was confirmed. The driver gives messages at once and answers a microtask later, so those that come in the packet of the
//   answer are held until whoever waited for it has run; and so is everything behind them, to keep the order.
// * Half-open connections end: TCP would need minutes to notice. Messages are a sign of life as well, since an answer may stand behind many of them.
import type { DiscardReason } from '../channels.ts'
import { quoteIdentifier } from '../batching/quote-identifier.ts'
import { CancelSender } from '../driver/cancel-request.ts'
import type { DriverQuery, PostgresDriver } from '../driver/postgres-driver.ts'
import type { SlotFailure } from '../driver/slot-failure.ts'
import { Slot } from '../driver/slot.ts'
import { queryError, type DbError } from '../errors.ts'
import type { RetryTimers } from '../retry/pause.ts'

export interface ListenConnectionSettings {
  /** Of the pool it stands beside, for messages and events. */
  readonly name: string
  /** For the socket, authentication and the first answer together. */
  readonly connectTimeoutMs: number
  /** From an answer to the next `select 1`. */
  readonly heartbeatIntervalMs: number
  /** Longest silence of the server while a statement is under way. */
  readonly heartbeatTimeoutMs: number
}

/** What a connection tells its owner; nothing of it may throw. */
export interface ListenConnectionEvents {
  message(channel: string, payload: string): void
  /** The server listens to these now. */
  confirmed(channels: readonly string[]): void
  /** The server refused the statement with these; nothing has changed. */
  refused(channels: readonly string[], error: DbError): void
  /** Nothing is under way: time to `sync` or `close`. */
  quiet(): void
  /** It's gone; nothing follows. `code` is Node's or the driver's. */
  lost(reason: DiscardReason, code: string): void
}

/** Changes to the server's list. */
interface Batch {
  readonly listen: ReadonlySet<string>
  readonly unlisten: ReadonlySet<string>
}

interface Statement {
  readonly sentAtMs: number
  /** Undefined for a heartbeat. */
  readonly batch: Batch | undefined
}

export class ListenConnection {
  readonly #settings: ListenConnectionSettings
  readonly #timers: RetryTimers
  readonly #events: ListenConnectionEvents
  readonly #listening = new Set<string>()
  readonly #gone = Promise.withResolvers<void>()
  #slot!: Slot
  #statement: Statement | undefined
  /** The heartbeat's, or that of the statement under way. */
  #timer: unknown
  #held: (readonly [channel: string, payload: string])[] = []
  #heardAtMs = -Infinity
  #provenAtMs: number
  #over = false

  private constructor(settings: ListenConnectionSettings, timers: RetryTimers, events: ListenConnectionEvents) {
    this.#settings = settings
    this.#timers = timers
    this.#events = events
    this.#provenAtMs = timers.now()
  }

  /** @throws SlotOpenError */
  static async open(
    id: number,
    driver: PostgresDriver,
    settings: ListenConnectionSettings,
    timers: RetryTimers,
    events: ListenConnectionEvents,
  ): Promise<ListenConnection> {
    const connection = new ListenConnection(settings, timers, events)
    // Cancels and fences are for callers who share a connection: a statement of this one that gets no answer ends it.
    const { name, connectTimeoutMs, heartbeatTimeoutMs } = settings
    const slotSettings = { connectTimeoutMs, cancelGraceMs: heartbeatTimeoutMs, fenceTimeoutMs: heartbeatTimeoutMs }
    connection.#slot = await Slot.open(id, driver, slotSettings, new CancelSender(driver.address, 1), {
      dead: (slot, reason) => connection.#dead(slot, reason),
      poolName: name,
      returned: () => {},
      cancelled: () => {},
      notified: (channel, payload) => connection.#notified(channel, payload),
    })
    connection.#slot.take()
    return connection
  }

  get backendPid(): number {
    return this.#slot.backendPid
  }

  /** Whether a statement is under way. */
  get busy(): boolean {
    return this.#statement !== undefined
  }

  /**
   * When the last answered statement was sent. The server sends what it has to tell before it answers: messages whose sender was done by then have arrived.
   */
  get provenAtMs(): number {
    return this.#provenAtMs
  }

  /** Whether the server has confirmed it, and won't be told otherwise by what is under way. */
  listens(channel: string): boolean {
    return this.#listening.has(channel) && this.#statement?.batch?.unlisten.has(channel) !== true
  }

  /** Makes the server listen to the keys of `wanted` and nothing else. While a statement is under way it does nothing: `quiet` follows. */
  sync(wanted: ReadonlyMap<string, unknown>): void {
    if (this.#over || this.#statement !== undefined) return
    const listen = new Set([...wanted.keys()].filter(channel => !this.#listening.has(channel)))
    const unlisten = new Set([...this.#listening].filter(channel => !wanted.has(channel)))
    if (listen.size + unlisten.size === 0) {
      this.#timer ??= this.#timers.setTimeout(
        () => this.#send('select 1', undefined),
        this.#settings.heartbeatIntervalMs,
      )
      return
    }
    const commands = [
      ...Array.from(unlisten, channel => `unlisten ${quoteIdentifier(channel)}`),
      ...Array.from(listen, channel => `listen ${quoteIdentifier(channel)}`),
    ]
    this.#send(commands.join('; '), { listen, unlisten })
  }

  /** Says goodbye; with a statement under way it ends at once. Resolves when it's gone. */
  close(reason: DiscardReason): Promise<void> {
    this.#over = true
    this.#disarm()
    this.#slot.close(reason)
    return this.#gone.promise
  }

  #send(text: string, batch: Batch | undefined): void {
    const statement = { sentAtMs: this.#timers.now(), batch }
    this.#statement = statement
    this.#disarm()
    this.#slot.run(
      sql => sql.unsafe(text) as unknown as DriverQuery,
      Infinity,
      failure => this.#answered(statement, failure),
    )
    this.#watch(statement, this.#settings.heartbeatTimeoutMs)
  }

  #answered({ sentAtMs, batch }: Statement, failure: SlotFailure | null): void {
    // The slot's death was told already.
    if (this.#over) return
    this.#statement = undefined
    this.#disarm()
    if (failure !== null && (failure.kind !== 'server' || batch?.listen.size === 0)) {
      // Nobody to refuse it to, so what this session does can't be known any more.
      return this.#slot.discard('session-changed')
    }
    this.#provenAtMs = sentAtMs
    if (batch !== undefined) this.#settled(batch, failure)
    // Later than this turn's microtasks: whoever awaited the answer hears of it before the first message.
    if (this.#held.length > 0) setImmediate(() => this.#release())
    if (!this.#over) this.#events.quiet()
  }

  #settled({ listen, unlisten }: Batch, failure: Extract<SlotFailure, { kind: 'server' }> | null): void {
    if (failure !== null) return this.#events.refused([...listen], queryError(failure.error, 'listen'))
    for (const channel of unlisten) this.#listening.delete(channel)
    for (const channel of listen) this.#listening.add(channel)
    if (listen.size > 0) this.#events.confirmed([...listen])
  }

  #notified(channel: string, payload: string): void {
    if (this.#over) return
    this.#heardAtMs = this.#timers.now()
    if (this.#held.length > 0 || this.#awaited(channel)) this.#held.push([channel, payload])
    else this.#events.message(channel, payload)
  }

  #awaited(channel: string): boolean {
    return this.#statement?.batch?.listen.has(channel) === true
  }

  #release(): void {
    const held = this.#held
    let released = 0
    for (const [channel, payload] of held) {
      // A handler may have closed it; and what stands behind a channel that isn't confirmed yet goes with that answer.
      if (this.#over || this.#awaited(channel)) break
      released += 1
      this.#events.message(channel, payload)
    }
    this.#held = held.slice(released)
  }

  #watch(statement: Statement, delayMs: number): void {
    // A turn of the event loop later: when this process was busy for longer than the time-out, the answer is there and only wasn't read.
    this.#timer = this.#timers.setTimeout(() => setImmediate(() => this.#judge(statement)), delayMs)
  }

  #judge(statement: Statement): void {
    if (this.#over || this.#statement !== statement) return
    const silentMs = this.#timers.now() - Math.max(statement.sentAtMs, this.#heardAtMs)
    const leftMs = this.#settings.heartbeatTimeoutMs - silentMs
    if (leftMs > 0) this.#watch(statement, leftMs)
    else this.#slot.discard('no-answer')
  }

  #dead(slot: Slot, reason: DiscardReason): void {
    this.#disarm()
    if (!this.#over) {
      // They came before the end.
      this.#statement = undefined
      this.#release()
    }
    if (!this.#over) {
      this.#over = true
      let code = ''
      slot.whenDead(lostReason => (code = lostReason))
      this.#events.lost(reason, code)
    }
    this.#gone.resolve()
  }

  #disarm(): void {
    this.#timers.clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
