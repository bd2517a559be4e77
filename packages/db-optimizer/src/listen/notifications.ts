// LISTEN for many handlers over one connection of its own, which is renewed for as long as anybody listens.
//
//              listen()                opened, all channels confirmed
//     idle ──────────────► connecting ────────────────────────────────► listening
//      ▲                     │     ▲                                        │ lost
//      │ last one leaves     │     └─────────── pause over ────── waiting ◄─┤
//      └─ (from anywhere)    └── failed: who is pending is refused ──► ▲    │        close(): closed, from anywhere
//                                                                      └────┘
//
// Invariants
// * What the server listens to follows the map of subscriptions: changes of one turn go in one statement, and whatever happened while it was under way goes in
//   the next. So any order of listen and stop ends as the last of them says.
// * A subscription that was confirmed is never dropped by us: it's listening, or it's lost and will be told of the gap when it listens again, before the first
//   message. Only `stop` and `close` end it.
// * A subscription that's pending waits for one attempt at most: when that fails, so does its `listen`.
// * Losses aren't hidden by silence: each is an event, the last error stands in the statistics, and no promise of ours is left without a handler.
//
// NOTIFY keeps nothing for who isn't there, and a pooler in transaction mode gives each statement another session: the driver's address has to be the server's own.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { DiscardReason } from '../channels.ts'
import type { PostgresDriver } from '../driver/postgres-driver.ts'
import { SlotOpenError } from '../driver/slot.ts'
import { DbError, isServerError, queryError, reasonOf } from '../errors.ts'
import { nodeTimers, type RetryTimers } from '../retry/pause.ts'
import { checkChannelName } from './channel-name.ts'
import { listenChannels } from './channels.ts'
import { ListenConnection, type ListenConnectionSettings } from './listen-connection.ts'
import { reconnectPauseMs } from './reconnect-pause.ts'
import { Subscription, type GapHandler, type MessageHandler, type ReportFailure } from './subscription.ts'

/** What `ListenConnectionSettings` start from. */
export const LISTEN_DEFAULTS = { heartbeatIntervalMs: 10_000, heartbeatTimeoutMs: 3000 } as const

export interface NotificationTools {
  /** For the server itself: not for a pooler in transaction mode. */
  readonly driver: PostgresDriver
  readonly random: { next(): number }
  /** Told of what handlers throw. What it throws itself is lost. */
  readonly onError: ReportFailure
  /** For heartbeats and pauses. Default: Node's own. */
  readonly timers?: RetryTimers
}

export interface ListenOptions {
  /** Told after each reconnect, before the first message: what was notified in the gap may be lost, so look for yourself. */
  readonly onGap?: GapHandler
}

/** Ends a subscription at once: nothing is delivered afterwards. The server is told in the background. May be called again. */
export type StopListening = () => void

export type ListenState = 'idle' | 'connecting' | 'listening' | 'waiting' | 'closed'

export interface ListenStatistics {
  /** `waiting` is a pause between two attempts. */
  readonly state: ListenState
  /** Handlers, those that aren't confirmed yet included. */
  readonly subscriptions: number
  /** Names they listen to. */
  readonly channels: number
  /** The server's process, while there's a connection. */
  readonly backendPid: number | undefined
  /** Messages that were notified before have arrived, by the clock of `performance.now()`: at most a heartbeat ago, while all is well. */
  readonly provenAtMs: number | undefined
  /** Connections that replaced a lost one. */
  readonly reconnectsTotal: number
  /** Messages that came, however many handlers got them. */
  readonly messagesTotal: number
  /** Calls of handlers that threw, or whose promise was rejected. */
  readonly handlerErrorsTotal: number
  /** By the clock of `performance.now()`; undefined before the first. */
  readonly lastMessageAtMs: number | undefined
  /** Of the connection. It stays when it's restored: `state` says how it is now. */
  readonly lastError: DbError | undefined
  readonly lastErrorAtMs: number | undefined
}

interface Loss {
  readonly sinceMs: number
  readonly reason: DiscardReason
  failedAttempts: number
}

/** A connection that lasted for so long starts the pauses anew; one that's ended each time it's made doesn't. */
const STEADY_MS = 5000

export class Notifications {
  readonly #settings: ListenConnectionSettings
  readonly #driver: PostgresDriver
  readonly #random: { next(): number }
  readonly #timers: RetryTimers
  readonly #report: ReportFailure
  /** Lists are replaced, never changed: a message goes to those that were there when it came. */
  readonly #subscriptions = new Map<string, readonly Subscription[]>()
  /**
   * Runs in the asynchronous context of the constructor. Sockets and timers keep the one they were made in, and so all handlers would see the request, or the
   * transaction, of whoever happened to listen first.
   */
  readonly #outside = AsyncLocalStorage.snapshot()
  /** Ends of connections that were said goodbye to. */
  readonly #leaving = new Set<Promise<void>>()
  #connection: ListenConnection | undefined
  #nextConnectionId = 1
  #opening = false
  /** When this connection's first statement was confirmed. */
  #readyAtMs: number | undefined
  #pauseTimer: unknown
  #failuresInRow = 0
  #planned = false
  #loss: Loss | undefined
  #closing: Promise<void> | undefined
  #reconnectsTotal = 0
  #messagesTotal = 0
  #handlerErrorsTotal = 0
  #lastMessageAtMs: number | undefined
  #lastError: DbError | undefined
  #lastErrorAtMs: number | undefined

  constructor(settings: ListenConnectionSettings, tools: NotificationTools) {
    this.#settings = settings
    this.#driver = tools.driver
    this.#random = tools.random
    this.#timers = tools.timers ?? nodeTimers
    this.#report = (error, failure) => {
      this.#handlerErrorsTotal += 1
      try {
        tools.onError(error, failure)
      } catch {
        // Nobody is left to tell.
      }
    }
  }

  /**
   * Calls `onMessage` with each message of a channel, in the server's order. Resolves when the server has confirmed; messages that are sent from then on come,
   * or a gap is told of. A function that listens twice is called twice. Handlers run outside the caller's asynchronous context.
   * @param channel 1 to 63 bytes; case is kept, as in `pg_notify('Case', ...)` and `notify "Case"`
   * @throws DB_ERR_OPTION; DB_ERR_CONNECT when the server can't be reached; DB_ERR_QUERY when it refuses; DB_ERR_CLOSED
   */
  async listen(channel: string, onMessage: MessageHandler, options: ListenOptions = {}): Promise<StopListening> {
    checkListening(channel, onMessage, options)
    if (this.#closing !== undefined) throw closed()
    const subscription = new Subscription(channel, onMessage, options.onGap, this.#report)
    this.#subscriptions.set(channel, [...(this.#subscriptions.get(channel) ?? []), subscription])
    if (this.#readyAtMs !== undefined && this.#connection?.listens(channel) === true) subscription.confirm()
    else this.#plan()
    await subscription.confirmed
    return () => this.#stop(subscription)
  }

  statistics(): ListenStatistics {
    return {
      state: this.#state(),
      subscriptions: this.#count(),
      channels: this.#subscriptions.size,
      backendPid: this.#connection?.backendPid,
      provenAtMs: this.#connection?.provenAtMs,
      reconnectsTotal: this.#reconnectsTotal,
      messagesTotal: this.#messagesTotal,
      handlerErrorsTotal: this.#handlerErrorsTotal,
      lastMessageAtMs: this.#lastMessageAtMs,
      lastError: this.#lastError,
      lastErrorAtMs: this.#lastErrorAtMs,
    }
  }

  /** Ends all subscriptions at once; resolves when the connection is closed. One that's just being opened is closed as soon as it is. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#timers.clearTimeout(this.#pauseTimer)
    this.#pauseTimer = undefined
    for (const subscription of this.#all()) {
      subscription.refuse(closed())
      subscription.stop()
    }
    this.#subscriptions.clear()
    this.#loss = undefined
    if (this.#connection !== undefined) this.#leave(this.#connection, 'pool-closed')
    await Promise.all(this.#leaving)
  }

  #state(): ListenState {
    if (this.#closing !== undefined) return 'closed'
    if (this.#readyAtMs !== undefined) return 'listening'
    if (this.#opening || this.#connection !== undefined) return 'connecting'
    return this.#pauseTimer === undefined ? 'idle' : 'waiting'
  }

  #all(): Subscription[] {
    return [...this.#subscriptions.values()].flat()
  }

  #count(): number {
    let count = 0
    for (const list of this.#subscriptions.values()) count += list.length
    return count
  }

  #stop(subscription: Subscription): void {
    subscription.stop()
    this.#remove(subscription)
  }

  #remove(subscription: Subscription): void {
    const { channel } = subscription
    const list = this.#subscriptions.get(channel)
    if (list?.includes(subscription) !== true) return
    if (list.length > 1) {
      this.#subscriptions.set(
        channel,
        list.filter(other => other !== subscription),
      )
      return
    }
    this.#subscriptions.delete(channel)
    this.#plan()
  }

  /** When this turn is over: then it's known what of it remains. */
  #plan(): void {
    if (this.#planned) return
    this.#planned = true
    queueMicrotask(() => {
      this.#planned = false
      this.#outside(() => this.#reconcile())
    })
  }

  #reconcile(): void {
    if (this.#closing !== undefined) return
    if (this.#subscriptions.size === 0) this.#rest()
    else if (this.#connection !== undefined) this.#connection.sync(this.#subscriptions)
    else if (!this.#opening && this.#pauseTimer === undefined) void this.#open()
  }

  /** Nobody listens. What is under way ends first: an answer comes sooner than a session whose client has vanished is noticed. */
  #rest(): void {
    this.#timers.clearTimeout(this.#pauseTimer)
    this.#pauseTimer = undefined
    this.#failuresInRow = 0
    this.#loss = undefined
    if (this.#connection?.busy === false) this.#leave(this.#connection, 'idle')
  }

  #leave(connection: ListenConnection, reason: DiscardReason): void {
    this.#connection = undefined
    this.#readyAtMs = undefined
    const gone = connection.close(reason).then(() => void this.#leaving.delete(gone))
    this.#leaving.add(gone)
  }

  async #open(): Promise<void> {
    this.#opening = true
    let connection: ListenConnection
    try {
      connection = await ListenConnection.open(this.#nextConnectionId++, this.#driver, this.#settings, this.#timers, {
        message: (channel, payload) => this.#message(channel, payload),
        confirmed: channels => this.#confirmed(connection, channels),
        refused: (channels, error) => this.#refused(connection, channels, error),
        quiet: () => this.#reconcile(),
        lost: (reason, code) => this.#lost(connection, reason, code),
      })
    } catch (error) {
      this.#opening = false
      if (this.#closing === undefined) this.#attemptFailed(this.#connectError(error))
      return
    }
    this.#opening = false
    this.#connection = connection
    if (this.#closing === undefined) this.#reconcile()
    else this.#leave(connection, 'pool-closed')
  }

  #message(channel: string, payload: string): void {
    this.#messagesTotal += 1
    this.#lastMessageAtMs = this.#timers.now()
    const list = this.#subscriptions.get(channel)
    if (list !== undefined) for (const subscription of list) subscription.deliver(payload)
  }

  #confirmed(connection: ListenConnection, channels: readonly string[]): void {
    this.#readyAtMs ??= this.#timers.now()
    const lost: Subscription[] = []
    for (const channel of channels) {
      for (const subscription of this.#subscriptions.get(channel) ?? []) {
        subscription.confirm()
        if (subscription.state === 'lost') lost.push(subscription)
      }
    }
    const loss = this.#loss
    this.#loss = undefined
    if (loss !== undefined) this.#restored(connection, lost, loss)
  }

  #restored(connection: ListenConnection, lost: readonly Subscription[], loss: Loss): void {
    const { sinceMs, reason, failedAttempts } = loss
    this.#reconnectsTotal += 1
    const gap = Object.freeze({ sinceMs, durationMs: this.#timers.now() - sinceMs, reason })
    for (const subscription of lost) subscription.restore(gap)
    listenChannels.restored.publish({
      pool: this.#settings.name,
      backendPid: connection.backendPid,
      attempts: failedAttempts + 1,
      durationMs: gap.durationMs,
      subscriptions: this.#count(),
    })
  }

  #refused(connection: ListenConnection, channels: readonly string[], error: DbError): void {
    if (this.#readyAtMs === undefined) {
      this.#leave(connection, 'driver-error')
      return this.#attemptFailed(error)
    }
    this.#failed(error)
    for (const channel of channels) this.#refusePending(this.#subscriptions.get(channel) ?? [], error)
  }

  #lost(connection: ListenConnection, reason: DiscardReason, code: string): void {
    const readyAtMs = this.#readyAtMs
    this.#connection = undefined
    this.#readyAtMs = undefined
    if (readyAtMs === undefined) {
      const before = `the connection to ${this.#where()} ended before LISTEN was confirmed`
      return this.#attemptFailed(new DbError('DB_ERR_CONNECT', `Not listening: ${before} (${code}).`, { reason: code }))
    }
    const where = `The connection to ${this.#where()} that listened`
    this.#failed(new DbError('DB_ERR_CONNECTION_LOST', `${where} was lost: ${reason} (${code}).`, { reason: code }))
    if (this.#subscriptions.size === 0) return this.#rest()
    if (this.#timers.now() - readyAtMs >= STEADY_MS) this.#failuresInRow = 0
    for (const subscription of this.#all()) subscription.lose()
    const { provenAtMs: sinceMs, backendPid } = connection
    this.#loss = { sinceMs, reason, failedAttempts: 0 }
    this.#tryLater()
    const { name: pool } = this.#settings
    listenChannels.lost.publish({ pool, backendPid, reason, sinceMs, subscriptions: this.#count() })
  }

  #attemptFailed(error: DbError): void {
    this.#failed(error)
    if (this.#loss !== undefined) this.#loss.failedAttempts += 1
    this.#refusePending(this.#all(), error)
    this.#tryLater()
  }

  #failed(error: DbError): void {
    this.#lastError = error
    this.#lastErrorAtMs = this.#timers.now()
  }

  #refusePending(subscriptions: readonly Subscription[], error: DbError): void {
    for (const subscription of subscriptions) {
      if (subscription.state !== 'pending') continue
      subscription.refuse(error)
      this.#remove(subscription)
    }
  }

  #tryLater(): void {
    if (this.#subscriptions.size === 0) return this.#rest()
    const pauseMs = reconnectPauseMs(this.#failuresInRow++, this.#random)
    this.#pauseTimer = this.#timers.setTimeout(() => {
      this.#pauseTimer = undefined
      this.#reconcile()
    }, pauseMs)
  }

  #where(): string {
    const { address } = this.#driver
    return 'path' in address ? address.path : `${address.host}:${address.port}`
  }

  #connectError(error: unknown): DbError {
    const reason = error instanceof SlotOpenError ? error.reason : reasonOf(error)
    const server =
      error instanceof SlotOpenError && isServerError(error.server) ? queryError(error.server).server : undefined
    return new DbError('DB_ERR_CONNECT', `Not listening: no connection to ${this.#where()}, ${reason}.`, {
      reason,
      server,
    })
  }
}

function checkListening(channel: unknown, onMessage: unknown, options: object): void {
  checkChannelName(channel)
  if (typeof onMessage !== 'function') throw new DbError('DB_ERR_OPTION', 'onMessage has to be a function.')
  for (const [key, value] of Object.entries(options)) {
    if (key !== 'onGap') throw new DbError('DB_ERR_OPTION', `listen has no option "${key}"; it has onGap.`)
    if (value !== undefined && typeof value !== 'function') {
      throw new DbError('DB_ERR_OPTION', 'onGap has to be a function.')
    }
  }
}

function closed(): DbError {
  return new DbError('DB_ERR_CLOSED', 'Notifications are closed: nothing is listened to any more.')
}
