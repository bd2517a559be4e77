// What machines tell each other about invalidations, kept in the database that the writers write to: a row in the writer's own transaction, so it's there exactly when the write is.
//
// Ids of a sequence aren't in the order of commits, and neither are transaction ids: a row may appear behind rows that were read long ago. So a row's place is its
// transaction's id, and a reader goes on from the horizon, pg_snapshot_xmin: the oldest transaction that was still running when it looked. Whatever began earlier had ended,
// and was seen or never will be.
//
//     xid   90   91   92   93   94          looked while 92 was running: horizon 92, told 90, 91, 93, 94
//           done done runs done done        looks from 92: told 92 once it's committed, and 93, 94 once more
//
// `seen` spares the second telling: the reader gives back what it got, and rows that were visible then aren't told again. It matters while one transaction runs for long.
//
// Invariants
// * Horizon, rows and prune mark of an answer come from one snapshot.
// * A row is deleted together with the mark that says so: who asks from at or before its place is told that the answer isn't complete.
import { quoteLiteral } from '../cached/catalog.ts'
import type { Database } from '../database.ts'
import { arrayLiteral } from '../batching/array-literal.ts'
import { DbError } from '../errors.ts'
import { checkChannelName } from '../listen/channel-name.ts'
import type { Sql } from '../sql/sql.ts'
import { backgroundTimers } from '../background-timers.ts'
import { Doorbell } from './doorbell.ts'
import { DEFAULT_TABLE, tablesOf, type LogNames } from './log-tables.ts'
import { Pruner } from './pruner.ts'
import { subjectOf, subjectText } from './subject-text.ts'

/** One string names what is invalid; the log doesn't look into it. */
export type Subject = string

export interface LogEntry {
  /** The id of the transaction that wrote it. */
  readonly position: number
  readonly subjects: readonly Subject[]
}

export interface LogPage {
  /** By place. */
  readonly entries: readonly LogEntry[]
  /** Where to go on: everything before it has been told. */
  readonly position: number
  /** False when entries after the asked position are gone: everything that was kept before has to go as well. */
  readonly complete: boolean
  /** More are waiting: ask again at once. */
  readonly more: boolean
  /** To be given back with `position`, once the entries are dealt with; entries that were in an answer aren't told again then. */
  readonly seen?: string
}

export interface InvalidationLog {
  /** Makes one durable by itself, and rings; its place. */
  append(subjects: readonly Subject[]): Promise<number>
  /** Makes one durable as part of a transaction; its place. Call `ring` after the commit. */
  record(tx: Sql, subjects: readonly Subject[]): Promise<number>
  /**
   * What there is from a place on.
   * @param position - undefined: only tells the present horizon
   * @param seen - of the answer that gave this position
   * @throws DbError
   */
  since(position: number | undefined, seen?: string): Promise<LogPage>
  /**
   * Calls `ring` when there may be something new, and `lost` when rings may have been missed; gives what ends it. Rings can be lost without notice when their sender dies: look
   * every few seconds as well.
   */
  listen(bell: { ring(): void; lost(): void }): Promise<() => Promise<void>>
  /** Tells all listeners to look, in the background and at most `maxRingsPerSecond` times a second. */
  ring(): void
  /** Deletes what's over the limits; how many rows. Done by itself as well. */
  prune(): Promise<number>
  /** Sends the last ring and stops pruning; the database stays open. */
  close(): Promise<void>
}

export interface InvalidationLogOptions extends LogNames {
  /** LISTEN's. Default: the table's name. */
  readonly channel?: string
  /** How long rows are kept, in ms. Default 3,600,000; 1000 and more. */
  readonly keepMs?: number
  /** How many are kept. Default 100,000; 1 to 10,000,000. */
  readonly keepRows?: number
  /** Pause between two prunings, ± 20 %, in ms. Default 60,000; 0: this process doesn't prune. */
  readonly pruneIntervalMs?: number
  /** Of this process. Default 20; 1 to 1000. */
  readonly maxRingsPerSecond?: number
  /** Entries of a page. Default 500; those of one transaction, and those at or after the horizon, are never parted. */
  readonly pageEntries?: number
}

export interface InvalidationLogTools {
  readonly random?: { next(): number }
}

/** Nothing of the log is itself cached, and its statements must not be told to the cache: that would be written to the log. */
const OWN = { invalidates: [] } as const
const READ = { idempotent: true, priority: 'high', ...OWN } as const

/**
 * A log on tables made by {@link invalidationLogSql}.
 * @throws DB_ERR_OPTION
 */
export function createInvalidationLog<Types extends Record<string, unknown>>(
  typed: Pick<Database<Types>, 'sql' | 'listen' | 'transaction'>,
  options: InvalidationLogOptions = {},
  tools: InvalidationLogTools = {},
): InvalidationLog {
  // Its own statements take and give nothing of the program's types.
  const db = typed as unknown as Pick<Database, 'sql' | 'listen' | 'transaction'>
  const { table = DEFAULT_TABLE } = options
  const { entries, pruned } = tablesOf({ table })
  const channel = options.channel ?? (typeof table === 'string' ? table : table.join('.'))
  checkChannelName(channel)
  const maxRings = whole('maxRingsPerSecond', options.maxRingsPerSecond, 20, 1, 1000)
  const pageEntries = whole('pageEntries', options.pageEntries, 500, 1, 100_000)
  const limits = {
    keepMs: whole('keepMs', options.keepMs, 3_600_000, 1000, 2 ** 40),
    keepRows: whole('keepRows', options.keepRows, 100_000, 1, 10_000_000),
    intervalMs: whole('pruneIntervalMs', options.pruneIntervalMs, 60_000, 0, 2 ** 31 - 1),
  }
  const { sql } = db
  const doorbell = new Doorbell(
    () => sql.unsafe(`select pg_notify(${quoteLiteral(channel)}, '')`).with(READ),
    1000 / maxRings,
    backgroundTimers,
  )
  const pruner = new Pruner(db, { entries, pruned }, limits, tools.random ?? { next: () => Math.random() })
  pruner.start()

  const insert = async (on: Sql, subjects: readonly Subject[]): Promise<number> => {
    const list = arrayLiteral(subjects.map(subjectText))
    const rows = await on
      .unsafe(`insert into ${entries} (subjects) values ($1::text::text[]) returning xid::text as place`, [list], {
        prepare: true,
      })
      .with(OWN)
      .values()
    return placeOf((rows as unknown as string[][])[0]?.[0])
  }
  const since = sinceText(entries, pruned)

  return {
    async append(subjects) {
      const place = await insert(sql, subjects)
      doorbell.ring()
      return place
    },
    record: insert,
    async since(position, seen) {
      const asked = position === undefined ? null : String(position)
      const rows = await sql
        .unsafe(since, [asked, seen ?? null, pageEntries], { prepare: true })
        .with(READ)
        .values()
      return pageOf(rows as unknown as PageRow[], position, seen, pageEntries)
    },
    async listen(bell) {
      const stop = await db.listen(channel, () => bell.ring(), { onGap: () => bell.lost() })
      // oxlint-disable-next-line typescript/require-await -- the interface is that of other logs, whose end takes time
      return async () => stop()
    },
    ring: () => doorbell.ring(),
    prune: () => pruner.run(),
    async close() {
      pruner.stop()
      await doorbell.close()
    },
  }
}

/** horizon, end (the first id not given out), prune mark, snapshot; then an entry's id, place and subjects as JSON, null when there's none. */
type PageRow = [string, string, string, string, string | null, string | null, string | null]

/**
 * Up to the horizon in pages, whose last transaction is whole; behind it all that's there. With `seen`, what was visible then is left out; the horizon has stood still since, or
 * has moved on.
 */
function sinceText(entries: string, pruned: string): string {
  return `with present as materialized (
      select pg_current_snapshot() as snapshot, (select xid from ${pruned}) as pruned
    ), asked as (
      select $1::text::xid8 as place, $2::text::pg_snapshot as seen
    ), wanted as (
      select e.id, e.xid, e.subjects from ${entries} e, asked
      where e.xid >= asked.place and (asked.seen is null or not pg_visible_in_snapshot(e.xid, asked.seen))
    ), told as (
      (select * from wanted where xid < pg_snapshot_xmin((select snapshot from present)) order by xid fetch first ($3::int) rows with ties)
      union all
      select * from wanted where xid >= pg_snapshot_xmin((select snapshot from present))
    )
    select pg_snapshot_xmin(snapshot)::text, pg_snapshot_xmax(snapshot)::text, pruned::text, snapshot::text, told.id::text, told.xid::text, array_to_json(told.subjects)::text
    from present left join told on true order by told.xid, told.id`
}

function pageOf(
  rows: readonly PageRow[],
  asked: number | undefined,
  seen: string | undefined,
  pageEntries: number,
): LogPage {
  const [first] = rows
  if (first === undefined)
    throw new DbError('DB_ERR_RESULT', 'The invalidation log gave no answer: is its table for the prune mark empty?')
  const [horizonText, endText, prunedText, snapshot] = first
  const horizon = placeOf(horizonText)
  if (asked === undefined) return { entries: [], position: horizon, complete: true, more: false, seen: snapshot }
  // A place that was never given out is one of another server's, or of what a restored backup doesn't have.
  const complete = asked > placeOf(prunedText) && asked <= placeOf(endText)
  if (!complete) return { entries: [], position: horizon, complete, more: false, seen: snapshot }
  const entries: LogEntry[] = []
  let below = 0
  let last = 0
  for (const [, , , , , place, subjects] of rows) {
    if (place === null || subjects === null) continue
    const position = placeOf(place)
    if (position < horizon) {
      below += 1
      last = position
    }
    entries.push({ position, subjects: (JSON.parse(subjects) as string[]).map(subjectOf) })
  }
  if (below < pageEntries) return { entries, position: horizon, complete, more: false, seen: snapshot }
  // The page is full: what lies between it and the horizon comes next, and what lies behind the horizon once more.
  const page = entries.slice(0, below)
  const next = { entries: page, position: last + 1, complete, more: true }
  return seen === undefined ? next : { ...next, seen }
}

function placeOf(text: string | null | undefined): number {
  const place = Number(text)
  if (Number.isSafeInteger(place) && text !== null && text !== undefined) return place
  throw new DbError('DB_ERR_RESULT', `A transaction's id is not a number that can be counted with: ${String(text)}.`)
}

function whole(name: string, value: number | undefined, standard: number, least: number, most: number): number {
  const given = value ?? standard
  if (Number.isInteger(given) && given >= least && given <= most) return given
  throw new DbError('DB_ERR_OPTION', `${name} is ${given}; it's a whole number from ${least} to ${most}.`)
}
