// Callers who wait for a connection: four classes, first in first out inside a class, bounded as a whole.
//
//     critical ── ● ● ●            take() looks from the top; push() into a full queue drops the newest of the lowest class below the newcomer's,
//     high     ──                  and refuses the newcomer when there's none
//     normal   ── ● ●
//     low      ── ● ● ● ●
//
// A waiter that gave up stays in its list, marked, until it comes to the front: removing it from the middle would cost a walk.

/** Importance of a caller, highest first. */
export const PRIORITIES = ['critical', 'high', 'normal', 'low'] as const
export type Priority = (typeof PRIORITIES)[number]

/** What the queue needs of its entries. */
export interface Waiting {
  readonly priority: Priority
  /** Served or gone. */
  settled: boolean
}

export class WaitQueue<Waiter extends Waiting> {
  readonly #classes: Readonly<Record<Priority, Waiter[]>> = { critical: [], high: [], normal: [], low: [] }
  readonly #heads: Record<Priority, number> = { critical: 0, high: 0, normal: 0, low: 0 }
  readonly #max: number
  #size = 0

  /** @param max waiters at most, of all classes together */
  constructor(max: number) {
    this.#max = max
  }

  /** Waiters that are neither served nor gone. */
  get size(): number {
    return this.#size
  }

  /** Adds a waiter. Gives the one that has to leave: another, the newcomer itself, or undefined. */
  push(waiter: Waiter): Waiter | undefined {
    const displaced = this.#size >= this.#max ? (this.#newestBelow(waiter.priority) ?? waiter) : undefined
    if (displaced === waiter) {
      waiter.settled = true
      return waiter
    }
    if (displaced !== undefined) this.leave(displaced)
    this.#classes[waiter.priority].push(waiter)
    this.#size += 1
    return displaced
  }

  /** Takes the next to be served; it's marked as settled. */
  take(): Waiter | undefined {
    if (this.#size === 0) return undefined
    for (const priority of PRIORITIES) {
      const list = this.#classes[priority]
      while (this.#heads[priority] < list.length) {
        const waiter = list[this.#heads[priority]++]
        this.#compact(priority)
        if (waiter === undefined || waiter.settled) continue
        this.leave(waiter)
        return waiter
      }
    }
    return undefined
  }

  /** All who wait, in the order of their classes; whoever is looked at may be made to leave. */
  *waiting(): IterableIterator<Waiter> {
    for (const priority of PRIORITIES) {
      for (const waiter of this.#classes[priority].slice(this.#heads[priority])) if (!waiter.settled) yield waiter
    }
  }

  /** Marks a waiter as gone. False if it was already. */
  leave(waiter: Waiter): boolean {
    if (waiter.settled) return false
    waiter.settled = true
    this.#size -= 1
    return true
  }

  #newestBelow(priority: Priority): Waiter | undefined {
    for (const lower of PRIORITIES.slice(PRIORITIES.indexOf(priority) + 1).toReversed()) {
      const list = this.#classes[lower]
      // What left is dropped here, so that a displaced class doesn't grow.
      while (list.length > this.#heads[lower] && list.at(-1)?.settled === true) list.pop()
      if (list.length > this.#heads[lower]) return list.at(-1)
    }
    return undefined
  }

  #compact(priority: Priority): void {
    const head = this.#heads[priority]
    const list = this.#classes[priority]
    if (head < list.length && head < 256) return
    list.splice(0, head)
    this.#heads[priority] = 0
  }
}
