// The one file that rests on what postgres.js 3.4.9 doesn't document. test/driver/postgres-driver.test.ts asserts each point, so that another version of the
// driver that breaks one fails a test and not a service.
//
// 1. An instance that never executes never connects. So one `builder` parses options and makes queries, and owns no connection.
// 2. Options that carry `shared` are taken as they are: `postgres({ ...builder.options, max: 1 })` makes a connection that shares parsers, serializers and
//    the map of array types with the builder; `sql.array` works on all of them once the first has learnt the types
//    (`options.parsers`, `options.serializers`, `options.shared.typeArrayMap`).
// 3. The option `socket` is a function that gives the connection's socket; it's called once more when the driver wants to reconnect. We refuse that: a
//    connection that has died stays dead.
// 4. A query is an object of a class that can be extended: (strings, args, handler, canceller, options). It calls `handler(query)` when it's awaited, carries
//    the modifiers (values, raw, cursor, ...) as fields, and can be embedded in any other query of any instance as often as one likes.
// 5. `query.reject` is called for every error of a query, also when it was resolved already.
// 6. `query.statement` has text and name of the prepared statement, `query.parameters` what goes with it; `query.state` has the backend's pid and secret, also when the query failed.
// 7. The option `onnotify` is called with channel and payload of every NotificationResponse, at once and in the server's order: before the promise of a query
//    whose answer came in the same packet has settled. What it throws rejects the statement under way, or is lost.
// 8. The helper for `values` writes a query that stands among its values as a fragment; its `build(before, parameters, types, options)` gives the text and fills the lists
//    (written-statement.ts).
import type { Socket } from 'node:net'
import postgres from 'postgres'
import { learnArrayTypes, type TypeTables } from './array-types.ts'

/** Fields of a driver's query that this package reads or sets. */
export interface DriverQuery extends Promise<unknown> {
  readonly strings: readonly string[]
  readonly args: readonly unknown[]
  readonly tagged: boolean
  readonly options: { simple?: boolean; prepare?: boolean }
  readonly executed: boolean
  /** `types`: as declared, and once the server has told, as they are. */
  readonly statement: { readonly name: string; readonly string: string; readonly types?: readonly number[] } | null
  /** Once it's built. */
  readonly parameters?: readonly unknown[] | undefined
  readonly state: { readonly pid: number | null; readonly secret: number | null } | null
  isRaw?: boolean | 'values'
  onlyDescribe?: boolean
  forEachFn?: ((row: unknown, result: unknown) => void) | undefined
  cursorRows?: number | undefined
  cursorFn?: ((rows: unknown) => unknown) | undefined
  resolve: (value: unknown) => void
  reject: (error: unknown) => void
  execute(): this
  describe(): this
  readable(): Promise<unknown>
  writable(): Promise<unknown>
}

/** The driver's class of queries. */
export type DriverQueryClass = new (
  strings: readonly string[],
  args: readonly unknown[],
  handler: (query: DriverQuery) => void,
  canceller: (query: DriverQuery) => void,
  options?: { simple?: boolean; prepare?: boolean },
) => DriverQuery

/** Options of postgres.js that are passed on as they are. */
export type DriverOptions = postgres.Options<Record<string, postgres.PostgresType>>

/** Where the server is. */
export type ServerAddress = { readonly host: string; readonly port: number } | { readonly path: string }

/** Told of a notification; the payload is '' when there's none. */
export type OnNotify = (channel: string, payload: string) => void

/** Ends a cursor from inside its callback. */
export type CursorClose = object

/** What postgres.js is to the rest of this package. */
export interface PostgresDriver {
  /** Makes fragments, helpers and parameters; never execute its queries. */
  readonly builder: postgres.Sql
  readonly Query: DriverQueryClass
  readonly address: ServerAddress
  readonly cursorClose: CursorClose
  /** Whether the connection is encrypted, by option or address. */
  readonly encrypted: boolean
  /** Takes in the rows of ARRAY_TYPES_QUERY. */
  learnArrayTypes(rows: readonly object[]): void
  /** A client with one connection on this socket; `onClose` is called when the driver has seen its end, `onNotify` for each notification (it may not throw). */
  connect(socket: Socket, onClose: () => void, onNotify?: OnNotify): postgres.Sql
}

/**
 * @param url address as postgres.js takes it
 * @throws TypeError for an address that isn't one
 */
export function postgresDriver(url: string, options: DriverOptions): PostgresDriver {
  // Types of arrays are learnt by us: see array-types.ts.
  const own = { ...options, max: 1, fetch_types: false, no_subscribe: true }
  const { address, host: folder } = withoutHost(url)
  const builder = postgres(address, folder === null ? own : { ...own, host: folder })
  const parsed = builder.options as unknown as {
    readonly host: readonly string[]
    readonly port: readonly number[]
    readonly path: string | false
    readonly ssl: unknown
  }
  const [host = 'localhost'] = parsed.host
  const [port = 5432] = parsed.port
  return {
    builder,
    // (4): its class is that of any query, and one that's never awaited never runs.
    Query: (builder`select` as object).constructor as unknown as DriverQueryClass,
    address: typeof parsed.path === 'string' ? { path: parsed.path } : { host, port },
    cursorClose: builder.CLOSE,
    encrypted: Boolean(parsed.ssl),
    learnArrayTypes: rows => learnArrayTypes(rows, builder.options as unknown as TypeTables),
    connect(socket, onClose, onNotify) {
      let given = false
      const connection = {
        ...builder.options,
        max: 1,
        no_subscribe: true,
        // Ours: they'd reconnect, or end a connection behind the pool's back.
        idle_timeout: null,
        max_lifetime: null,
        connect_timeout: null,
        parameters: {},
        socket: () => {
          if (given) throw Object.assign(new Error('This connection has died.'), { code: 'CONNECTION_CLOSED' })
          given = true
          return socket
        },
        onclose: onClose,
        onnotify: onNotify,
      }
      return postgres(connection as unknown as DriverOptions)
    },
  }
}

/** `?host=` as libpq has it, for the folder of a Unix socket: the driver would send it to the server as a setting. */
function withoutHost(url: string): { readonly address: string; readonly host: string | null } {
  const mark = url.indexOf('?')
  if (mark < 0) return { address: url, host: null }
  const parameters = new URLSearchParams(url.slice(mark + 1))
  const host = parameters.get('host')
  parameters.delete('host')
  const rest = parameters.size === 0 ? '' : `?${parameters.toString()}`
  return { address: url.slice(0, mark) + rest, host }
}

/** Tells of an error that comes after the query was resolved: COPY fails like this at its end, and the driver's stream then waits for ever. */
export function onRejected(query: DriverQuery, onError: (error: unknown) => void): DriverQuery {
  const { reject } = query
  query.reject = error => {
    reject(error)
    onError(error)
  }
  return query
}

/** Hosts in the address: more than one isn't supported. */
export function hostCount(driver: PostgresDriver): number {
  return (driver.builder.options.host as readonly string[]).length
}

/** A fresh query on this connection that does what `query` says; with `query`'s modifiers, and started by nothing yet. */
export function copyOnto(sql: postgres.Sql, query: DriverQuery): DriverQuery {
  const { simple, prepare } = query.options
  const copy = (query.tagged
    ? sql`${query as unknown as postgres.Fragment}`
    : textOnto(sql, query)) as unknown as DriverQuery
  if (simple !== undefined) copy.options.simple = simple
  if (prepare !== undefined) copy.options.prepare = prepare
  if (query.isRaw !== undefined) copy.isRaw = query.isRaw
  if (query.forEachFn) copy.forEachFn = query.forEachFn
  if (query.cursorFn) {
    copy.options.simple = false
    copy.cursorRows = query.cursorRows ?? 1
    copy.cursorFn = query.cursorFn
  }
  if (query.onlyDescribe === true) void copy.describe()
  return copy
}

function textOnto(sql: postgres.Sql, { strings, args, options }: DriverQuery): postgres.PendingQuery<postgres.Row[]> {
  // Without `simple` the driver's own default would win.
  const how = { ...options, simple: options.simple ?? args.length === 0 }
  return sql.unsafe(strings[0] ?? '', [...args] as postgres.ParameterOrJSON<never>[], how)
}
