// One coarse clock for every time-out: no timer per request.
//
//   slots   [0] [1] [2] ... [511] [0] ...      each a ring of entries that fall due in that tick
//                ▲ cursor, moves one slot per tick
//
// Setting a later time touches nothing but a number: the entry stays in its slot, and is moved on when the cursor gets there. Only an
// earlier time moves it at once. So a connection that sets its deadline anew with each request costs no list operation.
//
// Invariants
// * An entry never fires before its time, and at most two ticks after it (times beyond one turn of the wheel are reached by moving on).
// * A cancelled entry never fires. An entry is in one ring at most.
// * An exception of one entry's owner doesn't keep the others from firing.

/** Monotonic milliseconds. */
export interface Clock {
  now(): number
}

/** What is told when the time has come; `entry` says which of its entries it was. */
export interface TimerOwner {
  onTimer(entry: TimerEntry): void
}

const NEVER = Number.POSITIVE_INFINITY

/** A time-out of one owner. Made once, set and cancelled as often as wanted. */
export class TimerEntry {
  readonly owner: TimerOwner
  /** Time when it's due; the wheel's own. */
  dueAtMs = NEVER
  /** Tick of the slot that it stands in; the wheel's own. */
  tick = 0
  next: TimerEntry | null = null
  previous: TimerEntry | null = null

  constructor(owner: TimerOwner) {
    this.owner = owner
  }

  get isSet(): boolean {
    return this.dueAtMs !== NEVER
  }
}

const SLOTS = 512

class Anchor implements TimerOwner {
  onTimer(): void {}
}

export class TimerWheel {
  readonly #clock: Clock
  readonly #tickMs: number
  readonly #slots: TimerEntry[]
  readonly #onFault: (error: unknown) => void
  #cursor: number
  #interval: NodeJS.Timeout | null = null

  /** `tickMs` is the precision: deadlines are late by up to two of them. */
  constructor(clock: Clock, tickMs: number, onFault: (error: unknown) => void) {
    this.#clock = clock
    this.#tickMs = tickMs
    this.#onFault = onFault
    this.#cursor = Math.floor(clock.now() / tickMs)
    const anchor = new Anchor()
    this.#slots = Array.from({ length: SLOTS }, () => {
      const ring = new TimerEntry(anchor)
      ring.next = ring
      ring.previous = ring
      return ring
    })
  }

  /** The time by the wheel's clock. */
  get nowMs(): number {
    return this.#clock.now()
  }

  start(): void {
    this.#interval ??= setInterval(() => this.turn(), this.#tickMs)
  }

  stop(): void {
    if (this.#interval) clearInterval(this.#interval)
    this.#interval = null
  }

  /** Sets the time, from now. Replaces the time that was set before. */
  set(entry: TimerEntry, delayMs: number): void {
    const dueAtMs = this.#clock.now() + delayMs
    entry.dueAtMs = dueAtMs
    const tick = this.#tickOf(dueAtMs)
    if (entry.next !== null) {
      if (entry.tick <= tick) return
      unlink(entry)
    }
    this.#link(entry, tick)
  }

  /** Takes the time back; the entry leaves the wheel, so that nothing holds its owner. */
  cancel(entry: TimerEntry): void {
    entry.dueAtMs = NEVER
    if (entry.next !== null) unlink(entry)
  }

  /** Fires what is due. Called by the interval; tests with a clock of their own call it themselves. */
  turn(): void {
    const nowMs = this.#clock.now()
    const nowTick = Math.floor(nowMs / this.#tickMs)
    // After a long stall one turn of the wheel visits every slot.
    if (nowTick - this.#cursor > SLOTS) this.#cursor = nowTick - SLOTS
    while (this.#cursor < nowTick) this.#visit(++this.#cursor, nowMs)
  }

  #visit(tick: number, nowMs: number): void {
    const ring = this.#slots[tick % SLOTS] as TimerEntry
    let entry = ring.next as TimerEntry
    // What an owner sets anew while this ring is walked goes to a later slot, or comes again in one turn: the walk ends.
    const last = ring.previous as TimerEntry
    while (entry !== ring) {
      const next = entry.next as TimerEntry
      const isLast = entry === last
      if (entry.dueAtMs <= nowMs) {
        unlink(entry)
        entry.dueAtMs = NEVER
        try {
          entry.owner.onTimer(entry)
        } catch (error) {
          this.#onFault(error)
        }
        // The owner may have taken others out of this ring, `next` included.
        if (isLast) return
        entry = next.next === null ? (ring.next as TimerEntry) : next
        continue
      }
      if (entry.tick <= tick) {
        unlink(entry)
        this.#link(entry, this.#tickOf(entry.dueAtMs))
      }
      if (isLast) return
      entry = next
    }
  }

  /** The first tick at which the time has passed, at least the one behind the cursor, at most one turn ahead. */
  #tickOf(dueAtMs: number): number {
    const tick = Math.ceil(dueAtMs / this.#tickMs)
    return Math.min(Math.max(tick, this.#cursor + 1), this.#cursor + SLOTS)
  }

  #link(entry: TimerEntry, tick: number): void {
    const ring = this.#slots[tick % SLOTS] as TimerEntry
    entry.tick = tick
    entry.previous = ring.previous
    entry.next = ring
    ;(ring.previous as TimerEntry).next = entry
    ring.previous = entry
  }
}

function unlink(entry: TimerEntry): void {
  ;(entry.previous as TimerEntry).next = entry.next
  ;(entry.next as TimerEntry).previous = entry.previous
  entry.next = null
  entry.previous = null
}
