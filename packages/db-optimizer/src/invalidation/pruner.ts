// Keeps the log short: rows that are old, or too many, in small batches, by one process at a time.
//
// The oldest ids go first; those of a transaction that ran for long may be told to be gone though their neighbours by place are there. The mark only ever rises.
import { backgroundTimers } from '../background-timers.ts'
import type { Database } from '../database.ts'
import { quoteLiteral } from '../cached/catalog.ts'

export interface PruneLimits {
  readonly keepMs: number
  readonly keepRows: number
  /** 0: never by itself. */
  readonly intervalMs: number
}

const BATCH_ROWS = 1000
const OWN = { name: 'invalidation-log.prune', invalidates: [], priority: 'low' } as const

export class Pruner {
  readonly #db: Pick<Database, 'sql'>
  readonly #text: string
  readonly #limits: PruneLimits
  readonly #random: { next(): number }
  #timer: unknown
  #stopped = false

  constructor(
    db: Pick<Database, 'sql'>,
    tables: { readonly entries: string; readonly pruned: string },
    limits: PruneLimits,
    random: { next(): number },
  ) {
    this.#db = db
    this.#text = pruneText(tables)
    this.#limits = limits
    this.#random = random
  }

  start(): void {
    const { intervalMs } = this.#limits
    if (intervalMs === 0) return
    this.#timer = backgroundTimers.setTimeout(() => void this.#tick(), intervalMs * (0.8 + 0.4 * this.#random.next()))
  }

  stop(): void {
    this.#stopped = true
    backgroundTimers.clearTimeout(this.#timer)
  }

  /** How many rows are gone. @throws DbError */
  async run(): Promise<number> {
    const { keepMs, keepRows } = this.#limits
    let total = 0
    for (;;) {
      const rows = await this.#db.sql
        .unsafe(this.#text, [keepMs / 1000, keepRows, BATCH_ROWS], { prepare: true })
        .with(OWN)
        .values()
      const gone = Number((rows as unknown as unknown[][])[0]?.[0] ?? 0)
      total += gone
      if (gone < BATCH_ROWS || this.#stopped) return total
    }
  }

  async #tick(): Promise<void> {
    // A database that's away is no reason to stop for good.
    await this.run().catch(() => {})
    if (!this.#stopped) this.start()
  }
}

/** Deletes and marks in one statement; whoever comes second while another does it finds nothing to do. */
function pruneText({ entries, pruned }: { readonly entries: string; readonly pruned: string }): string {
  return `with turn as materialized (
      select pg_try_advisory_xact_lock(hashtextextended(${quoteLiteral(`prune ${entries}`)}, 0)) as mine
    ), doomed as (
      select e.id from (select id, created_at from ${entries} order by id limit $3::int) e where (select mine from turn)
        and (e.created_at < now() - make_interval(secs => $1::float8) or e.id <= (select max(id) from ${entries}) - $2::bigint)
    ), gone as (
      delete from ${entries} where id in (select id from doomed) returning xid
    ), marked as (
      update ${pruned} set xid = greatest(xid, (select xid from gone order by xid desc limit 1)) where exists (select from gone)
    )
    select count(*)::int from gone`
}
