// The pool: slots, lent to one caller at a time, last in first out.
//
//     waiters ──► take ──► slot (lent) ──► release ──► fence if dirty ──► next waiter, or the stack of idle slots
//
// Who waits is in waiting-line.ts, what they're told in pool-errors.ts; lending, opening and retiring stay together, since each decides by the other's counts.
//
// * Last in, first out: under little load the same few connections work and the others age out; first in first out would keep all of them warm for ever.
// * Connections are opened when somebody waits, and one ahead of need when the last idle one is lent; at most `maxOpening` at once, since each costs a round
//   trip of TCP, two of SCRAM and 5-10 ms of the event loop for its key.
// * A failed opening is tried again after a growing pause. While no connection lives, it also refuses everybody who waits: they could only wait in vain.
// * Everybody who waits is bounded in number and in time, and leaves on their signal.
import { channels, type DiscardReason } from '../channels.ts'
import { CancelSender } from '../driver/cancel-request.ts'
import type { PostgresDriver } from '../driver/postgres-driver.ts'
import { Slot, SlotOpenError, type SlotEvents } from '../driver/slot.ts'
import type { DbError } from '../errors.ts'
import { abortedWhileWaiting, connectFailed, poolBusy, poolClosed, queueFull } from './pool-errors.ts'
import { PoolCounters, type PoolStatistics } from './pool-statistics.ts'
import type { Priority } from './wait-queue.ts'
import { PromisedWaiter, type Waiter, WaitingLine } from './waiting-line.ts'

export interface PoolSettings {
  readonly name: string
  readonly minConnections: number
  readonly maxConnections: number
  readonly acquireTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly maxQueue: number
  readonly maxOpening: number
  readonly maxCancels: number
  readonly idleTimeoutMs: number
  readonly maxLifetimeMs: number
  readonly maxStatementsPerConnection: number
  readonly cancelGraceMs: number
  readonly fenceTimeoutMs: number
  /** Without any connection, a wait of so long means that none can be had. */
  readonly unreachableAfterMs: number
}

export interface PoolTools {
  readonly driver: PostgresDriver
  readonly random: { next(): number }
  /** There's no connection, and none can be opened. */
  readonly onUnreachable?: () => void
  /** A connection was lost that should have lived. */
  readonly onLost?: () => void
}

export interface AcquireOptions {
  readonly priority: Priority
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

/** A session that was terminated while it was being set up. */
const LET_IN_AND_ENDED: ReadonlySet<string> = new Set(['57P01', 'CONNECTION_CLOSED'])
/** Ends that nobody here asked for. */
const LOST: ReadonlySet<DiscardReason> = new Set(['closed-by-server', 'connection-error', 'no-answer'])
const RETRY_FIRST_MS = 50
const RETRY_LAST_MS = 1000
/** Lifetimes differ by this share, so that connections that were opened together don't end together. */
const LIFETIME_JITTER = 0.2
/** Looks for surplus connections this often in the time that they may be idle. */
const SWEEPS_PER_IDLE_TIME = 4

export class Pool {
  readonly settings: PoolSettings
  readonly #driver: PostgresDriver
  readonly #random: { next(): number }
  readonly #onUnreachable: () => void
  readonly #onLost: () => void
  readonly #cancels: CancelSender
  readonly #slots = new Map<Slot, { readonly expiresAtMs: number }>()
  /** The top of the stack is the end. */
  readonly #idle: Slot[] = []
  readonly #waiters: WaitingLine
  readonly #counters = new PoolCounters()
  readonly #events: SlotEvents
  #opening = 0
  #nextSlotId = 1
  #openFailuresInRow = 0
  #retryTimer: NodeJS.Timeout | undefined
  #sweepTimer: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined
  #onDrained: (() => void) | undefined

  constructor(settings: PoolSettings, tools: PoolTools) {
    this.settings = settings
    this.#driver = tools.driver
    this.#random = tools.random
    this.#onUnreachable = tools.onUnreachable ?? (() => {})
    this.#onLost = tools.onLost ?? (() => {})
    this.#events = {
      poolName: settings.name,
      returned: slot => this.release(slot),
      dead: (slot, reason) => this.#onDead(slot, reason),
      cancelled: (slot, because) => {
        this.#counters.cancels += 1
        channels.queryCancelled.publish({ pool: settings.name, slotId: slot.id, because })
      },
    }
    this.#cancels = new CancelSender(tools.driver.address, settings.maxCancels)
    this.#waiters = new WaitingLine(settings.maxQueue, {
      isEmpty: () => !this.hasConnections,
      timedOut: waiter => this.#refuse(waiter, waitedMs => this.#timedOut(waitedMs)),
    })
  }

  /** Whether any connection is open. */
  get hasConnections(): boolean {
    return this.#slots.size > 0
  }

  /** Opens `minConnections`. Resolves when they're open. @throws DB_ERR_CONNECT; it goes on trying */
  async warmUp(): Promise<void> {
    const missing = this.settings.minConnections - this.#slots.size - this.#opening
    const outcomes = await Promise.all(Array.from({ length: Math.max(0, missing) }, () => this.#openWhenAllowed()))
    const error = outcomes.find(outcome => outcome !== undefined)
    if (error !== undefined) throw error
  }

  /** A slot at once, if one is idle and nobody waits. @hot */
  tryAcquire(priority: Priority): Slot | undefined {
    if (this.#closing !== undefined || this.#waiters.size > 0) return undefined
    const slot = this.#idle.pop()
    if (slot === undefined) return undefined
    this.#lend(slot, 0, priority)
    if (this.#idle.length === 0) this.#openAhead()
    return slot
  }

  /**
   * A slot, as soon as there's one.
   * @param whenEmptyMs longest wait while the pool has no connection at all, in milliseconds
   * @throws DB_ERR_POOL_BUSY, DB_ERR_CONNECT, DB_ERR_ABORTED, DB_ERR_CLOSED
   */
  acquire(options: AcquireOptions, whenEmptyMs: number = options.timeoutMs): Promise<Slot> {
    const { priority, signal } = options
    if (this.#closing !== undefined) return Promise.reject(poolClosed())
    if (signal?.aborted === true) return Promise.reject(this.#refused(abortedWhileWaiting(0, signal), 0, priority))
    const slot = this.tryAcquire(priority)
    if (slot !== undefined) return Promise.resolve(slot)
    return new Promise((resolve, reject) => {
      const waiter = new PromisedWaiter(options, whenEmptyMs, resolve, reject)
      if (signal !== undefined) {
        const onAbort = (): void => this.leave(waiter, signal)
        signal.addEventListener('abort', onAbort, { once: true })
        waiter.cleanUp = () => signal.removeEventListener('abort', onAbort)
      }
      this.enqueue(waiter)
    })
  }

  /** Adds a waiter; it may be refused at once. @hot */
  enqueue(waiter: Waiter): void {
    if (this.#closing !== undefined) {
      waiter.settled = true
      waiter.refused(poolClosed())
      return
    }
    const displaced = this.#waiters.push(waiter)
    if (displaced !== undefined) this.#refuse(displaced, waitedMs => queueFull(this.settings, waitedMs))
    if (displaced !== waiter) this.#openForWaiters()
  }

  /** The waiter's caller doesn't want it any more. */
  leave(waiter: Waiter, signal?: AbortSignal): void {
    if (this.#waiters.leave(waiter)) this.#refuse(waiter, waitedMs => abortedWhileWaiting(waitedMs, signal))
  }

  /** Takes a slot back. Fences it when it's dirty, and gives it to the next. @hot */
  release(slot: Slot): void {
    if (slot.state === 'dead') return
    if (slot.dirty) {
      void this.#fenceAndRelease(slot)
      return
    }
    const now = performance.now()
    slot.putBack(now)
    const retire = this.#retirement(slot, now)
    if (retire !== undefined) {
      slot.close(retire)
      return
    }
    const waiter = this.#waiters.take()
    if (waiter === undefined) this.#idle.push(slot)
    else this.#grant(waiter, slot)
  }

  statistics(): PoolStatistics {
    const open = this.#slots.size
    const idle = this.#idle.length
    const busy = open - idle
    return this.#counters.snapshot({
      open,
      idle,
      busy,
      opening: this.#opening,
      waiting: this.#waiters.size,
      saturation: busy / this.settings.maxConnections,
    })
  }

  /** Sends whoever waits to another route. */
  turnAway(): void {
    this.#refuseAll(waitedMs => this.#connectError('ROUTE_AWAY', undefined, waitedMs))
  }

  /** Refuses whoever waits, lets running work end within `timeoutMs`, then closes everything. */
  close(timeoutMs: number): Promise<void> {
    this.#closing ??= this.#close(timeoutMs)
    return this.#closing
  }

  async #close(timeoutMs: number): Promise<void> {
    clearTimeout(this.#retryTimer)
    clearTimeout(this.#sweepTimer)
    // `#closing` is set when this turn ends: what follows runs after it.
    await Promise.resolve()
    this.#refuseAll(poolClosed)
    this.#waiters.stop()
    for (const slot of this.#idle.splice(0)) slot.close('pool-closed')
    if (this.#slots.size === 0 && this.#opening === 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onDrained = resolve
    const timer = setTimeout(resolve, timeoutMs)
    await promise
    clearTimeout(timer)
    for (const slot of this.#slots.keys()) slot.discard('pool-closed')
  }

  async #fenceAndRelease(slot: Slot): Promise<void> {
    this.#counters.fences += 1
    if (await slot.fence()) this.release(slot)
  }

  #retirement(slot: Slot, now: number): DiscardReason | undefined {
    if (this.#closing !== undefined) return 'pool-closed'
    if (slot.statementCount >= this.settings.maxStatementsPerConnection) return 'statements'
    if (now >= (this.#slots.get(slot)?.expiresAtMs ?? Infinity)) return 'lifetime'
    return undefined
  }

  #lend(slot: Slot, waitedMs: number, priority: Priority): void {
    slot.take()
    this.#counters.acquired += 1
    this.#counters.acquireWait.record(waitedMs)
    if (channels.poolAcquired.hasSubscribers) {
      channels.poolAcquired.publish({ pool: this.settings.name, slotId: slot.id, waitedMs, priority })
    }
  }

  #grant(waiter: Waiter, slot: Slot): void {
    const waitedMs = performance.now() - waiter.sinceMs
    this.#lend(slot, waitedMs, waiter.priority)
    waiter.granted(slot, waitedMs)
  }

  #refuse(waiter: Waiter, error: (waitedMs: number) => DbError): void {
    const waitedMs = performance.now() - waiter.sinceMs
    waiter.refused(this.#refused(error(waitedMs), waitedMs, waiter.priority))
  }

  #refuseAll(error: (waitedMs: number) => DbError): void {
    for (let waiter = this.#waiters.take(); waiter !== undefined; waiter = this.#waiters.take()) {
      this.#refuse(waiter, error)
    }
  }

  #refused(error: DbError, waitedMs: number, priority: Priority): DbError {
    this.#counters.refused += 1
    const { name } = this.settings
    channels.poolRefused.publish({ pool: name, code: error.code, waitedMs, priority })
    return error
  }

  /** One more when the last idle one was lent, so that the next caller needn't wait for its opening. */
  #openAhead(): void {
    if (this.#opening === 0 && this.#slots.size < this.settings.maxConnections) this.#openOne()
  }

  #openForWaiters(): void {
    const { maxOpening, maxConnections } = this.settings
    while (
      this.#opening < Math.min(maxOpening, this.#waiters.size) &&
      this.#slots.size + this.#opening < maxConnections &&
      this.#retryTimer === undefined &&
      this.#closing === undefined
    ) {
      this.#openOne()
    }
  }

  #openOne(): void {
    if (this.#retryTimer === undefined && this.#closing === undefined) void this.#open()
  }

  async #openWhenAllowed(): Promise<DbError | undefined> {
    // Warm-up goes through the same gate as everybody, a few at a time.
    while (this.#opening >= this.settings.maxOpening) await this.#openingDone()
    return this.#open()
  }

  readonly #openingWaiters: (() => void)[] = []
  #openingDone(): Promise<void> {
    return new Promise(resolve => this.#openingWaiters.push(resolve))
  }

  async #open(): Promise<DbError | undefined> {
    const { name, maxLifetimeMs } = this.settings
    const startedAtMs = performance.now()
    this.#opening += 1
    try {
      const slot = await Slot.open(this.#nextSlotId++, this.#driver, this.settings, this.#cancels, this.#events)
      const durationMs = performance.now() - startedAtMs
      this.#opening -= 1
      this.#openFailuresInRow = 0
      this.#counters.opened += 1
      this.#counters.openDuration.record(durationMs)
      const lifetimeMs = maxLifetimeMs * (1 - LIFETIME_JITTER * this.#random.next())
      this.#slots.set(slot, { expiresAtMs: slot.openedAtMs + lifetimeMs })
      channels.slotOpened.publish({ pool: name, slotId: slot.id, backendPid: slot.backendPid, durationMs })
      this.#startSweeping()
      this.release(slot)
      this.#openForWaiters()
      return undefined
    } catch (error) {
      this.#opening -= 1
      return this.#openFailed(error, performance.now() - startedAtMs)
    } finally {
      for (const done of this.#openingWaiters.splice(0)) done()
    }
  }

  #openFailed(error: unknown, durationMs: number): DbError {
    const reason = error instanceof SlotOpenError ? error.reason : String(error)
    this.#counters.failedToOpen(reason)
    channels.slotOpenFailed.publish({ pool: this.settings.name, reason, durationMs })
    const failure = this.#connectError(reason, error)
    // As long as a connection lives, whoever waits may still get that one. And one session that the server let in and then ended says little: the next
    // attempt decides.
    const letIn = LET_IN_AND_ENDED.has(reason) && this.#openFailuresInRow === 0
    if (this.#slots.size === 0 && this.#opening === 0 && !letIn) {
      // First: who is refused looks for another route at once.
      this.#onUnreachable()
      this.#refuseAll(waitedMs => this.#connectError(reason, error, waitedMs))
    }
    this.#retryLater()
    this.#drained()
    return failure
  }

  #retryLater(): void {
    if (this.#closing !== undefined || this.#retryTimer !== undefined) return
    const limitMs = Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** this.#openFailuresInRow++)
    // Half of it at least: never at once, and not all processes together.
    const pauseMs = limitMs * (0.5 + this.#random.next() / 2)
    this.#retryTimer = setTimeout(() => {
      this.#retryTimer = undefined
      if (this.#waiters.size > 0) this.#openForWaiters()
      else if (this.#slots.size + this.#opening < this.settings.minConnections) this.#openOne()
    }, pauseMs)
    this.#retryTimer.unref()
  }

  #onDead(slot: Slot, reason: DiscardReason): void {
    if (!this.#slots.delete(slot)) return
    const index = this.#idle.indexOf(slot)
    if (index !== -1) this.#idle.splice(index, 1)
    this.#counters.discardedFor(reason)
    const { name, minConnections } = this.settings
    const { id: slotId, backendPid, uses } = slot
    const ageMs = performance.now() - slot.openedAtMs
    channels.slotDiscarded.publish({ pool: name, slotId, backendPid, reason, ageMs, uses })
    if (LOST.has(reason)) this.#onLost()
    this.#openForWaiters()
    if (this.#slots.size + this.#opening < minConnections && this.#opening < this.settings.maxOpening) this.#openOne()
    this.#drained()
  }

  #drained(): void {
    if (this.#closing !== undefined && this.#slots.size === 0 && this.#opening === 0) this.#onDrained?.()
  }

  #startSweeping(): void {
    if (this.#sweepTimer !== undefined || this.#closing !== undefined) return
    this.#sweepTimer = setTimeout(() => {
      this.#sweepTimer = undefined
      this.#sweep(performance.now())
      if (this.#slots.size > 0) this.#startSweeping()
    }, this.settings.idleTimeoutMs / SWEEPS_PER_IDLE_TIME)
    this.#sweepTimer.unref()
  }

  /** Closes what has been idle for too long, and what is too old; from the bottom of the stack, where the longest idle are. */
  #sweep(now: number): void {
    let closing = 0
    for (const slot of this.#idle.slice()) {
      const surplus = this.#slots.size - closing > this.settings.minConnections
      const reason =
        this.#retirement(slot, now) ??
        (surplus && now - slot.idleSinceMs >= this.settings.idleTimeoutMs ? ('idle' as const) : undefined)
      if (reason === undefined) continue
      closing += 1
      this.#idle.splice(this.#idle.indexOf(slot), 1)
      slot.close(reason)
    }
  }

  #timedOut(waitedMs: number): DbError {
    const { name, maxConnections, unreachableAfterMs } = this.settings
    // Not busy: there's nothing that could become free, and it isn't just that the caller is impatient.
    if (!this.hasConnections && (this.#openFailuresInRow > 0 || waitedMs >= unreachableAfterMs))
      return this.#connectError('CONNECT_TIMEOUT', undefined, waitedMs)
    const situation = {
      name,
      maxConnections,
      open: this.#slots.size,
      opening: this.#opening,
      waiting: this.#waiters.size,
    }
    return poolBusy(situation, waitedMs)
  }

  #connectError(reason: string, cause: unknown, waitedMs?: number): DbError {
    return connectFailed(this.#driver.address, reason, cause, waitedMs)
  }
}
