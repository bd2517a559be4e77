// Every query on a connection of its own, given back when it's answered.
//
// So nothing that outlives a statement may be done here: an open transaction, a setting of the session, a LISTEN would be the next caller's. The command tag
// tells; the connection is thrown away, and the caller learns what to use.
import type { Slot } from '../driver/slot.ts'
import { DbError } from '../errors.ts'
import type { Pool } from '../pool/pool.ts'
import type { Waiter } from '../pool/waiting-line.ts'
import type { Priority } from '../pool/wait-queue.ts'
import type { Routes } from '../routes/routes.ts'
import type { LeaseOptions, Session } from './session.ts'

/** Command tags that change the session, and what to do instead. */
const SESSION_COMMANDS: ReadonlyMap<string, string> = new Map([
  ['BEGIN', 'use db.transaction(fn)'],
  ['START TRANSACTION', 'use db.transaction(fn)'],
  ['SET', 'use "set local" in db.transaction(fn), or `settings` of the database'],
  ['LISTEN', 'it needs a session of its own'],
])
const TRANSACTION_ENDS: ReadonlySet<string> = new Set(['COMMIT', 'ROLLBACK'])

export class PoolSession implements Session {
  readonly inTransaction = false
  readonly timeoutMs: number
  readonly acquireTimeoutMs: number
  readonly #routes: Routes

  /** @param times `timeoutMs`: until a statement is cancelled; above the server's own limit, which should be the one that's hit */
  constructor(routes: Routes, times: { readonly timeoutMs: number; readonly acquireTimeoutMs: number }) {
    this.#routes = routes
    this.timeoutMs = times.timeoutMs
    this.acquireTimeoutMs = times.acquireTimeoutMs
  }

  tryLease(priority: Priority): Slot | undefined {
    return this.#routes.tryAcquire(priority)
  }

  enqueue(waiter: Waiter): Pool | undefined {
    const { pool } = this.#routes.current
    // A route without any connection isn't waited for like that: its circuit is asked, and then the next route.
    if (this.#routes.all.length > 1 && !pool.hasConnections) return undefined
    pool.enqueue(waiter)
    return pool
  }

  sendsOn(error: DbError): boolean {
    return error.code === 'DB_ERR_CONNECT' && this.#routes.all.length > 1
  }

  lease(options: LeaseOptions): Promise<Slot> {
    return this.#routes.acquire(options, options.avoidRoutes)
  }

  release(slot: Slot): void {
    slot.giveBack()
  }

  refusal(slot: Slot, result: unknown): DbError | undefined {
    const command = sessionCommand(result)
    if (command === undefined) return undefined
    slot.discard('session-changed')
    return new DbError(
      'DB_ERR_UNSUPPORTED',
      `${command} would change a connection that the next caller gets; it was undone with its connection. Instead: ${SESSION_COMMANDS.get(command)}.`,
      { outcome: 'rolled-back' },
    )
  }

  failed(): void {}
}

/** The command that left something behind in the session, if any; of several statements in one text, what they left together. */
function sessionCommand(result: unknown): string | undefined {
  if (!Array.isArray(result)) return undefined
  const command = commandOf(result)
  if (command !== undefined) return SESSION_COMMANDS.has(command) ? command : undefined
  let left: string | undefined
  for (const one of result) {
    const command = commandOf(one)
    if (command === undefined) continue
    if (TRANSACTION_ENDS.has(command) && (left === 'BEGIN' || left === 'START TRANSACTION')) left = undefined
    else if (left === undefined && SESSION_COMMANDS.has(command)) left = command
  }
  return left
}

/** Command tag of a result of the driver; undefined for an array of results. */
export function commandOf(result: unknown): string | undefined {
  if (typeof result !== 'object' || result === null) return undefined
  const command: unknown = Reflect.get(result, 'command')
  return typeof command === 'string' ? command : undefined
}
