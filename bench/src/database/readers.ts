// The ways to read a row by its key: what is compared.
import { openDatabase, type Database, type DatabaseOptions } from '@plimsoll/db-optimizer'
import DataLoader from 'dataloader'
import postgres from 'postgres'
import type { Instrumentation, OpenOrder } from './client-protocol.ts'
import { type Item, ITEM_COLUMNS, ITEM_KEY, itemOf, TABLE } from './items.ts'

type Read = (id: number) => PromiseLike<Item | null | undefined>

export interface Reader {
  /** @hot */
  readonly read: Read
  /** A statement that takes so long. */
  sleep(ms: number): PromiseLike<unknown>
  /** Statements sent so far; null where nobody counts. */
  statements(): number | null
  close(): Promise<void>
}

/** Waits for connections are to be seen as latency, not as errors. */
const PATIENCE = { maxQueue: 1_000_000, acquireTimeoutMs: 60_000 }
/** As many as ours takes by default. */
const MAX_KEYS_PER_BATCH = 50
const CLOSE_TIMEOUT_S = 2
/** Long enough for every connection to get one, so that all are opened. */
const OPENING_SLEEP_MS = 50

/** With all its connections open. @throws Error when there's no way in */
export function openReader(order: OpenOrder): Promise<Reader> {
  switch (order.way) {
    case 'postgres.js':
      return openDriver(order)
    case 'ours':
      return openOurs(order, readOneByOne)
    case 'ours, loader':
      return openOurs(order, readByLoader)
    case 'DataLoader':
      return openOurs(order, readByDataLoader)
    case 'nothing':
      return Promise.resolve(NO_READER)
    default:
      return order.way satisfies never
  }
}

/** What the rest of a run costs: the answer is made here. For open loops alone: a closed one would never let go of the processor. */
const NO_READER: Reader = {
  read: id => Promise.resolve(itemOf(id)),
  sleep: () => Promise.resolve(),
  statements: () => 0,
  close: () => Promise.resolve(),
}

async function openDriver({ url, connections }: OpenOrder): Promise<Reader> {
  const sql = postgres(url, { max: connections, onnotice: () => {} })
  await Promise.all(Array.from({ length: connections }, () => sleepOn(sql, OPENING_SLEEP_MS)))
  return {
    read: async id => {
      const [row] = await sql<Item[]>`select id, name, body from bench_items where id = ${id}`
      return row
    },
    sleep: ms => sleepOn(sql, ms),
    statements: () => null,
    close: () => sql.end({ timeout: CLOSE_TIMEOUT_S }),
  }
}

async function openOurs(
  { url, connections, instrumentation }: OpenOrder,
  readWith: (database: Database) => Read,
): Promise<Reader> {
  const sizes = { minConnections: connections, maxConnections: connections }
  const database = await openDatabase({ url, ...sizes, ...PATIENCE, ...optionsOf(instrumentation) })
  return {
    read: readWith(database),
    sleep: ms => sleepOn(database.sql, ms),
    // Each has a connection to itself.
    statements: () => database.statistics().pool.acquiredTotal,
    close: () => database.close(),
  }
}

function readOneByOne({ sql }: Database): Read {
  return async id => {
    const [row] = await sql<Item[]>`select id, name, body from bench_items where id = ${id}`
    return row
  }
}

function readByLoader(database: Database): Read {
  const loader = database.loader<Item>({ table: TABLE, key: ITEM_KEY, columns: ITEM_COLUMNS })
  return id => loader.load(id)
}

/** One for all callers, without its cache: the most that can come together, and every answer is fresh, as with ours. */
function readByDataLoader({ sql }: Database): Read {
  const loader = new DataLoader<number, Item | null>(
    async keys => {
      const rows = await sql<
        Item[]
      >`select id, name, body from bench_items where id = any(${`{${keys.join(',')}}`}::int4[])`
      const byId = new Map(rows.map(row => [row.id, row]))
      return keys.map(key => byId.get(key) ?? null)
    },
    { cache: false, maxBatchSize: MAX_KEYS_PER_BATCH },
  )
  return id => loader.load(id)
}

function optionsOf(instrumentation: Instrumentation): Pick<DatabaseOptions, 'statementStatistics' | 'onSlowQuery'> {
  switch (instrumentation) {
    case 'default':
      return {}
    case 'on':
      return { statementStatistics: true, onSlowQuery: () => {} }
    case 'off':
      return { statementStatistics: false }
    default:
      return instrumentation satisfies never
  }
}

function sleepOn(sql: postgres.Sql | Database['sql'], ms: number): PromiseLike<unknown> {
  return sql`select pg_sleep(${ms / 1000})`.execute()
}
