// A slot: one connection to the server, used by one caller at a time, one statement at a time.
//
//                   first answer              take()               release: clean
//     connecting ────────────────► idle ────────────────► busy ────────────────────► idle
//          │                        │                      │  release: dirty
//          │                        │                      └────────► fencing ─────► idle      (`select 1` answered as it should)
//          │                        └─ close() ─► draining ─► dead      │
//          └──────────────────────────── any connection error ──────────┴──────────► dead
//
// One file, since each of its transitions can come from any side (caller, timer, cancel, socket, driver) and has to leave all of this state consistent.
//
// Invariants
// * Every statement settles: with its answer, or with the slot's death. Nobody waits for the driver alone, which forgets promises when a connection dies.
// * What was dead is never used again: the driver isn't let reconnect, so nothing that was queued can run on a new session, outside its transaction.
// * At most one statement is under way, so a cancel can't hit another. After a cancel, or any error, the slot is dirty: nobody gets it before a fence was
//   answered, which absorbs a cancel that came late and resets the driver's row counter.
// * A deadline has three steps: the server's own statement_timeout, a cancel by us, and `cancelGraceMs` later the end of the connection.
import type postgres from 'postgres'
import type { DiscardReason } from '../channels.ts'
import { isServerError, reasonOf } from '../errors.ts'
import { ARRAY_TYPES_QUERY } from './array-types.ts'
import type { Backend, CancelSender } from './cancel-request.ts'
import type { DriverQuery, OnNotify, PostgresDriver } from './postgres-driver.ts'
import { EPOCH } from '../retry/resolve-commit.ts'
import { checkResult } from './result-check.ts'
import { isConnectionFailure, wasSent, type SlotFailure, type StopReason } from './slot-failure.ts'
import { openSocket, type SlotSocket } from './slot-socket.ts'

export type SlotState = 'connecting' | 'idle' | 'busy' | 'fencing' | 'draining' | 'dead'

export interface SlotSettings {
  /** For the socket, authentication and the first answer together. */
  readonly connectTimeoutMs: number
  /** From the cancel until the connection is given up. */
  readonly cancelGraceMs: number
  readonly fenceTimeoutMs: number
}

/** What a slot tells its pool. */
export interface SlotEvents {
  /** For messages. */
  readonly poolName: string
  /** Its caller doesn't need it any more. */
  readonly returned: (slot: Slot) => void
  readonly dead: (slot: Slot, reason: DiscardReason) => void
  readonly cancelled: (slot: Slot, because: StopReason) => void
  /** A notification came, which only a connection that listens gets. It may not throw, and isn't called after `dead`. */
  readonly notified?: OnNotify
}

/** Starts a statement on the slot's connection. */
export type StartStatement = (sql: postgres.Sql) => DriverQuery
/** Called once: with a failure, or with null and the driver's result. */
export type Settle = (failure: SlotFailure | null, result: unknown) => void

/** A statement that's under way. */
export interface Running {
  readonly query: DriverQuery
  /** Text as sent, once it's built. */
  text(): string | undefined
  stop(because: StopReason): void
  /** Whether it has settled. */
  over(): boolean
  /** Starts the deadline anew; with Infinity it's off. */
  setDeadline(timeoutMs: number): void
}

/** Thrown by `Slot.open`. */
export class SlotOpenError extends Error {
  override readonly name = 'SlotOpenError'
  /** ECONNREFUSED, CONNECT_TIMEOUT, 28P01 ... */
  readonly reason: string
  /** The server's own words, when it was the server that refused. */
  readonly server: Error | undefined

  constructor(reason: string, server?: Error) {
    super(reason)
    this.reason = reason
    this.server = server
  }
}

const CANCEL_TIMEOUT_MS = 1000
/** A cancel that came late hits a fence; the second one is answered. */
const FENCE_ATTEMPTS = 2
const EPOCH_QUERY = `select ${EPOCH} as epoch`
/** Until the socket of a closed slot is destroyed, in case the server doesn't say goodbye. */
const GOODBYE_MS = 500

interface Statement extends Running {
  readonly settle: Settle
  deadlineAtMs: number
  because: StopReason | undefined
}

export class Slot {
  readonly id: number
  readonly openedAtMs: number
  /** When it was last given back, by `performance.now()`. */
  idleSinceMs = 0
  /** Callers that have had it. */
  uses = 0
  readonly #settings: SlotSettings
  readonly #cancels: CancelSender
  readonly #events: SlotEvents
  readonly #statementNames = new Set<string>()
  #state: SlotState = 'connecting'
  #sql!: postgres.Sql
  #socket!: SlotSocket
  #epoch: string | undefined
  #backend: Backend = { pid: 0, secret: 0 }
  #running: Statement | null = null
  #dirty = false
  /** A cancel under way; resolves with whether the server has taken it. */
  #cancelling: Promise<boolean> | null = null
  #timer: NodeJS.Timeout | undefined
  #timerAtMs = Infinity
  #lostReason = 'CONNECTION_CLOSED'
  #closeReason: DiscardReason | undefined
  #whenDead: ((reason: string) => void) | undefined
  #whenQuiet: (() => void)[] = []

  private constructor(id: number, settings: SlotSettings, cancels: CancelSender, events: SlotEvents) {
    this.id = id
    this.openedAtMs = performance.now()
    this.#settings = settings
    this.#cancels = cancels
    this.#events = events
  }

  /** Connects, and waits for a first answer. @throws SlotOpenError */
  static async open(
    id: number,
    driver: PostgresDriver,
    settings: SlotSettings,
    cancels: CancelSender,
    events: SlotEvents,
  ): Promise<Slot> {
    const slot = new Slot(id, settings, cancels, events)
    try {
      slot.#socket = await openSocket(driver.address, settings.connectTimeoutMs)
    } catch (error) {
      slot.#state = 'dead'
      throw new SlotOpenError(reasonOf(error))
    }
    slot.#sql = driver.connect(
      slot.#socket,
      () => slot.#gone(null),
      (channel, payload) => {
        // The driver goes on reading what it has of a packet when the connection is given up in the middle of it.
        if (slot.#state !== 'dead') events.notified?.(channel, payload)
      },
    )
    slot.#socket.whenGone(error => slot.#gone(error))
    const leftMs = Math.max(1, settings.connectTimeoutMs - (performance.now() - slot.openedAtMs))
    const { promise, resolve } = Promise.withResolvers<{ failure: SlotFailure | null; result: unknown }>()
    const first = slot.#start(
      sql => sql.unsafe(`${ARRAY_TYPES_QUERY}; ${EPOCH_QUERY}`) as unknown as DriverQuery,
      leftMs,
      (failure, result) => resolve({ failure, result }),
    )
    const { failure, result } = await promise
    if (failure !== null) {
      slot.#die('connection-error')
      if (failure.kind === 'server') throw new SlotOpenError(reasonOf(failure.error), failure.error)
      if (failure.kind === 'lost') {
        throw new SlotOpenError(failure.because === 'deadline' ? 'CONNECT_TIMEOUT' : failure.reason)
      }
      throw new SlotOpenError(failure.kind === 'conversion' ? reasonOf(failure.error) : failure.kind)
    }
    const [types = [], [epoch] = []] = result as [object[]?, { readonly epoch?: string }[]?]
    driver.learnArrayTypes(types)
    slot.#epoch = epoch?.epoch
    const { pid, secret } = first.query.state ?? {}
    slot.#backend = { pid: pid ?? 0, secret: secret ?? 0 }
    slot.#state = 'idle'
    return slot
  }

  get state(): SlotState {
    return this.#state
  }

  /** The pool it belongs to. */
  get poolName(): string {
    return this.#events.poolName
  }

  /** The server's process. */
  get backendPid(): number {
    return this.#backend.pid
  }

  /** The server's epoch when the connection was opened: a connection doesn't outlive one, unless a pooler stands in between. */
  get epoch(): string | undefined {
    return this.#epoch
  }

  /** Whether it needs a fence before the next caller. */
  get dirty(): boolean {
    return this.#dirty
  }

  /** Prepared statements that live on this connection, as far as this side knows. */
  get statementCount(): number {
    return this.#statementNames.size
  }

  /** Gives it to a caller. */
  take(): void {
    if (this.#state !== 'idle') throw new Error(`slot ${this.id} is ${this.#state}, it can't be taken`)
    this.#state = 'busy'
    this.uses += 1
  }

  /** Its caller doesn't need it any more: back to its pool. @hot */
  giveBack(): void {
    this.#events.returned(this)
  }

  /** Takes it back from its caller, clean. */
  putBack(nowMs: number): void {
    if (this.#state === 'busy') this.#state = 'idle'
    this.idleSinceMs = nowMs
  }

  /** The next caller has to wait for a fence: a stream or cursor was used, or something was left in doubt. */
  markDirty(): void {
    this.#dirty = true
  }

  /**
   * Runs one statement; the slot has to be taken, with nothing under way. `settle` is called once, never before `run` returns.
   * @param timeoutMs until it's cancelled; Infinity for never
   * @hot
   */
  run(start: StartStatement, timeoutMs: number, settle: Settle): Running {
    if (this.#running !== null) throw new Error(`slot ${this.id} has a statement under way`)
    return this.#start(start, timeoutMs, settle)
  }

  /** Stops what is under way, if anything. */
  stopCurrent(because: StopReason): void {
    if (this.#running !== null) this.#stop(this.#running, because)
  }

  /** Resolves when nothing is under way. */
  quiet(): Promise<void> {
    return this.#running === null ? Promise.resolve() : new Promise(resolve => this.#whenQuiet.push(resolve))
  }

  /** Tells its present holder of its death; undefined to be told no more. */
  whenDead(onDead: ((reason: string) => void) | undefined): void {
    this.#whenDead = onDead
    if (this.#state === 'dead') onDead?.(this.#lostReason)
  }

  /** Waits until no cancel can come any more. False when that can't be known: the slot has to be given up. */
  async cancelsSettled(): Promise<boolean> {
    const cancelling = this.#cancelling
    if (cancelling === null) return true
    const taken = await cancelling
    this.#cancelling = null
    return taken
  }

  /** Makes a dirty slot fit for the next caller. False: it isn't, and is dead now. */
  async fence(): Promise<boolean> {
    if (this.#state !== 'busy') return false
    this.#state = 'fencing'
    if ((await this.#fenced()) && this.state === 'fencing') {
      this.#dirty = false
      this.#state = 'busy'
      return true
    }
    this.#die('fence-failed')
    return false
  }

  /** Gives it up at once: what is under way is lost. */
  discard(reason: DiscardReason): void {
    this.#die(reason)
  }

  /** Says goodbye to the server; it's dead when the server has closed. Nothing may be under way. */
  close(reason: DiscardReason): void {
    if (this.#state === 'dead' || this.#state === 'draining') return
    if (this.#running !== null) return this.#die(reason)
    this.#state = 'draining'
    this.#closeReason = reason
    this.#sql.end({ timeout: 0 }).catch(() => {})
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#die(reason), GOODBYE_MS)
  }

  async #fenced(): Promise<boolean> {
    if (!(await this.cancelsSettled())) return false
    for (let attempt = 0; attempt < FENCE_ATTEMPTS; attempt++) {
      if (this.state === 'dead') return false
      const { promise, resolve } = Promise.withResolvers<{ failure: SlotFailure | null; result: unknown }>()
      this.#start(
        sql => sql.unsafe('select 1') as unknown as DriverQuery,
        this.#settings.fenceTimeoutMs,
        (failure, result) => resolve({ failure, result }),
      )
      const { failure, result } = await promise
      if (failure === null) return Array.isArray(result)
      if (failure.kind !== 'server') return false
    }
    return false
  }

  #start(start: StartStatement, timeoutMs: number, settle: Settle): Statement {
    const query = this.#state === 'dead' ? null : start(this.#sql)
    const statement: Statement = {
      query: query as DriverQuery,
      settle,
      deadlineAtMs: Infinity,
      because: undefined,
      text: () => query?.statement?.string,
      stop: because => this.#stop(statement, because),
      over: () => this.#running !== statement,
      setDeadline: ms => {
        statement.deadlineAtMs = performance.now() + ms
        this.#arm(statement.deadlineAtMs)
      },
    }
    if (query === null) {
      const failure = { kind: 'lost', reason: this.#lostReason, because: undefined, sent: false } as const
      queueMicrotask(() => settle(failure, undefined))
      return statement
    }
    this.#running = statement
    if (timeoutMs !== Infinity) statement.setDeadline(timeoutMs)
    query.then(
      result => this.#answered(statement, result),
      (error: unknown) => this.#failed(statement, error),
    )
    return statement
  }

  #answered(statement: Statement, result: unknown): void {
    if (this.#running !== statement) return
    this.#ended()
    this.#remember(statement.query)
    // A fence is there to take such damage upon itself.
    const check = this.#state === 'fencing' ? 'sound' : checkResult(result)
    if (check === 'sound') return statement.settle(null, result)
    // Wherever holes came from, this connection's state can't be trusted.
    this.#die('bad-result')
    if (check === 'repaired') statement.settle(null, result)
    else statement.settle({ kind: 'result', ...check }, undefined)
  }

  #failed(statement: Statement, error: unknown): void {
    if (this.#running !== statement) return
    if (!(error instanceof Error)) return this.#failed(statement, new Error(String(error)))
    const code = reasonOf(error)
    if (isServerError(error)) {
      this.#ended()
      this.#dirty = true
      this.#remember(statement.query)
      if (error.severity === 'FATAL' || error.severity === 'PANIC') this.#die('closed-by-server')
      return statement.settle({ kind: 'server', error, because: statement.because }, undefined)
    }
    if (isConnectionFailure(error)) {
      this.#lostReason = code
      return this.#die('connection-error')
    }
    // The driver threw on a value. It has ended the statement properly, which the fence will prove.
    this.#ended()
    this.#dirty = true
    statement.settle({ kind: 'conversion', error, sent: wasSent(error) }, undefined)
  }

  #ended(): void {
    this.#running = null
    if (this.#whenQuiet.length > 0) for (const wake of this.#whenQuiet.splice(0)) wake()
  }

  #remember(query: DriverQuery): void {
    const name = query.statement?.name
    if (name !== undefined && name !== '') this.#statementNames.add(name)
  }

  #stop(statement: Statement, because: StopReason): void {
    if (this.#running !== statement || statement.because !== undefined) return
    statement.because = because
    // Nobody to cancel yet: the connection is being opened.
    if (this.#state === 'connecting') return this.#die('no-answer')
    this.#dirty = true
    statement.deadlineAtMs = performance.now() + this.#settings.cancelGraceMs
    this.#arm(statement.deadlineAtMs)
    this.#events.cancelled(this, because)
    const earlier = this.#cancelling
    const sent = this.#cancels.send(this.#backend, Math.min(CANCEL_TIMEOUT_MS, this.#settings.cancelGraceMs))
    this.#cancelling = earlier === null ? sent : Promise.all([earlier, sent]).then(taken => !taken.includes(false))
  }

  /** One timer per slot, moved only when it's due too late: a statement that's answered in time costs none. */
  #arm(atMs: number): void {
    if (atMs >= this.#timerAtMs) return
    clearTimeout(this.#timer)
    this.#timerAtMs = atMs
    this.#timer = setTimeout(() => this.#tick(), Math.max(1, atMs - performance.now()))
    // The socket keeps the process alive; a timer alone shouldn't.
    this.#timer.unref()
  }

  #tick(): void {
    this.#timerAtMs = Infinity
    const statement = this.#running
    if (statement === null || statement.deadlineAtMs === Infinity) return
    if (performance.now() < statement.deadlineAtMs) return this.#arm(statement.deadlineAtMs)
    if (statement.because === undefined) this.#stop(statement, 'deadline')
    else this.#die('no-answer')
  }

  #gone(error: Error | null): void {
    if (error !== null) this.#lostReason = reasonOf(error)
    this.#die(error === null ? 'closed-by-server' : 'connection-error')
  }

  #die(reason: DiscardReason): void {
    if (this.#state === 'dead') return
    // A connection that was never ready is told of by `open`.
    const known = this.#state !== 'connecting'
    this.#state = 'dead'
    clearTimeout(this.#timer)
    const statement = this.#running
    this.#ended()
    // Without an error: with one, the driver would leave its connection half closed.
    this.#socket.destroy()
    if (known) this.#events.dead(this, this.#closeReason ?? reason)
    this.#whenDead?.(this.#lostReason)
    statement?.settle({ kind: 'lost', reason: this.#lostReason, because: statement.because, sent: true }, undefined)
  }
}
