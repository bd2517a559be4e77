// One sweep: erasures that were interrupted are carried on, then what is past its time is deleted, rule by rule, in small batches with pauses; at last the stand-ins that
// nothing needs any more.
//
// One worker of all machines at a time: each batch asks for an advisory lock that ends with its transaction, so it's safe behind a pooler, and a worker that dies holds
// nothing. Who doesn't get it stops; if that was the one who had begun, the other one goes on where it was.
import type { TokenCleanUpOptions } from '../auth/token-clean-up.ts'
import { removeExpiredTokens } from '../auth/token-clean-up.ts'
import type { TokenFamiliesRepository } from '../auth/token-families-repository.ts'
import type { Transaction } from '@plimsoll/db-optimizer'
import type { Database } from '../database/database.ts'
import { userTags } from '../resources/gamification/users.ts'
import { RETENTION_RULES, type RetentionDays } from './rules.ts'
import { CHOOSE_STAND_INS, DELETE_STAND_INS } from './stand-ins.ts'

export interface SweepTools {
  readonly database: Pick<Database, 'transaction'>
  readonly families: Pick<TokenFamiliesRepository, 'removeExpired'>
  readonly carryOnErasures: (signal: AbortSignal) => Promise<number>
  readonly clock: TokenCleanUpOptions['clock']
  /** Told of each batch that has deleted something. */
  readonly onDeleted: (table: string, rows: number) => void
}

export interface SweepOptions {
  readonly days: RetentionDays
  /** Rows of a batch. */
  readonly batchSize: number
  /** Between two batches, in ms. */
  readonly pauseMs: number
}

/** "retain" in ASCII; another one than that of maintenance. */
export const RETENTION_LOCK_KEY = 125_780_069_804_398n
const DAY_MS = 86_400_000

/** @throws API_ERR_DATABASE_*, the signal's reason: what's left is for the next time */
export async function sweep(options: SweepOptions, tools: SweepTools, signal: AbortSignal): Promise<void> {
  const { days, batchSize, pauseMs } = options
  const { families, clock, onDeleted } = tools
  await tools.carryOnErasures(signal)
  if (days.expiredTokensDays > 0) {
    const counting: SweepTools['families'] = {
      async removeExpired(...given) {
        const rows = await families.removeExpired(...given)
        if (rows > 0) onDeleted('user_tokens', rows)
        return rows
      },
    }
    await removeExpiredTokens(counting, { keepMs: days.expiredTokensDays * DAY_MS, batchSize, pauseMs, clock }, signal)
  }
  const steps: Step[] = RETENTION_RULES.filter(rule => days[rule.days] > 0).map(({ table, text, days: name }) => ({
    table,
    async remove(tx) {
      const { length } = await tx.unsafe<{ id: number }[]>(`${text} returning id`, [days[name], batchSize])
      return { found: length, removed: length }
    },
  }))
  steps.push({ table: 'users', remove: tx => removeStandIns(tx, batchSize) })
  for (const step of steps) {
    for (;;) {
      const rows = await batch(step, tools.database, signal)
      if (rows === null) return
      if (rows.removed > 0) onDeleted(step.table, rows.removed)
      if (rows.found < batchSize) break
      await pause(clock, pauseMs, signal)
    }
  }
}

type Tx = Transaction<{ bigint: number }>

interface Removed {
  /** A whole batch of them: there may be more. */
  readonly found: number
  readonly removed: number
}

interface Step {
  readonly table: string
  readonly remove: (tx: Tx) => Promise<Removed>
}

/** What was deleted; null: another worker is at it. */
function batch(
  { table, remove }: Step,
  database: SweepTools['database'],
  signal: AbortSignal,
): Promise<Removed | null> {
  return database.transaction(
    `retention.${table}`,
    async tx => {
      const [lock] = await tx<{ taken: boolean }[]>`
        select pg_try_advisory_xact_lock(${String(RETENTION_LOCK_KEY)}::bigint) as taken`
      return lock?.taken === true ? remove(tx) : null
    },
    // Whoever serves a request comes first.
    { isolation: 'read committed', idempotent: true, signal, priority: 'low' },
  )
}

async function removeStandIns(tx: Tx, batchSize: number): Promise<Removed> {
  const found = (await tx.unsafe<{ id: number }[]>(CHOOSE_STAND_INS, [batchSize])).map(({ id }) => id)
  if (found.length === 0) return { found: 0, removed: 0 }
  const removed = await tx.unsafe<{ id: number }[]>(DELETE_STAND_INS, [found])
  tx.invalidates(removed.map(({ id }) => userTags.one(id)))
  return { found: found.length, removed: removed.length }
}

function pause(clock: SweepTools['clock'], delayMs: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const onAbort = (): void => {
    clock.clearTimeout(timer)
    reject(signal.reason as Error)
  }
  const timer = clock.setTimeout(() => {
    signal.removeEventListener('abort', onAbort)
    resolve()
  }, delayMs)
  signal.addEventListener('abort', onAbort, { once: true })
  return promise
}
