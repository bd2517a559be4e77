// All routes to one database, in the order in which they're preferred: pooled or accelerated first, direct behind it.
//
// Invariants
// * Who asks for a connection gets one of the first available route; one that has no connection to give for a reason that lies with the route (not a busy pool)
//   sends its callers on to the next at once.
// * With all routes away they're tried in order: a wrong opinion must not be worse than none.
import type { Slot } from '../driver/slot.ts'
import { DbError } from '../errors.ts'
import type { AcquireOptions } from '../pool/pool.ts'
import type { Priority } from '../pool/wait-queue.ts'
import type { Route } from './route.ts'

const NONE: ReadonlySet<string> = new Set()

export class Routes {
  readonly all: readonly Route[]
  #current: Route

  constructor(all: readonly Route[]) {
    this.all = all
    this.#current = first(all)
  }

  /** The one that's used now. */
  get current(): Route {
    return this.#current
  }

  /** To be called whenever a route's state has changed. */
  choose(): void {
    const before = this.#current
    this.#current = this.all.find(route => route.available) ?? first(this.all)
    // Who waits there would wait for its return.
    if (this.#current !== before && !before.available) before.pool.turnAway()
  }

  /** A connection at once, if the current route has one to spare. @hot */
  tryAcquire(priority: Priority): Slot | undefined {
    return this.#current.pool.tryAcquire(priority)
  }

  /**
   * A connection, by the first route that can give one.
   * @param avoid names of routes that are taken only when there's no other
   * @throws DbError of the last route that was tried
   */
  async acquire(options: AcquireOptions, avoid: ReadonlySet<string> = NONE): Promise<Slot> {
    const untilMs = performance.now() + options.timeoutMs
    const candidates = this.#inOrder(avoid)
    for (let index = 0; ; index++) {
      const route = candidates[index] as Route
      const isLast = index === candidates.length - 1
      const timeoutMs = Math.max(1, untilMs - performance.now())
      try {
        return await route.acquire({ ...options, timeoutMs }, isLast)
      } catch (error) {
        if (isLast || !(error instanceof DbError && error.code === 'DB_ERR_CONNECT')) throw error
      }
    }
  }

  /** Whether there's a route beside these. */
  hasOther(avoid: ReadonlySet<string>): boolean {
    return this.all.some(route => !avoid.has(route.name))
  }

  /** Whether the route of this name leads through a pooler. */
  isPooler(name: string): boolean {
    return this.all.some(route => route.pooler && route.name === name)
  }

  startProbing(): void {
    for (const route of this.all) route.startProbing()
  }

  async close(timeoutMs: number): Promise<void> {
    await Promise.all(this.all.map(route => route.close(timeoutMs)))
  }

  #inOrder(avoid: ReadonlySet<string>): Route[] {
    if (this.all.length === 1) return [this.#current]
    const rank = (route: Route): number => (route.available ? 0 : 1) + (avoid.has(route.name) ? 2 : 0)
    // Sorting is stable: equals stay in their order of preference.
    return this.all.toSorted((a, b) => rank(a) - rank(b))
  }
}

function first(all: readonly Route[]): Route {
  const [route] = all
  if (route === undefined) throw new DbError('DB_ERR_OPTION', 'There has to be a route.')
  return route
}
