// The tag: `sql` as users of postgres.js know it, on connections that are lent instead of shared.
//
// Writing is the driver's: identifiers, helpers, parameters come from the builder, which owns no connection. What the driver offers beside that and can't be
// had safely here is refused with the way to do it.
import { readFile } from 'node:fs/promises'
import type postgres from 'postgres'
import type { CachedOptions, CachedQuery } from '../cached/cached-query.ts'
import type { PostgresDriver } from '../driver/postgres-driver.ts'
import { DbError } from '../errors.ts'
import { Origins } from './origins.ts'
import { queryClass, type Query, type QueryRunner, type RunnableQuery, type RunnableQueryClass } from './query.ts'

/** No types of one's own. */
// oxlint-disable-next-line typescript/no-empty-object-type -- postgres.js's own default: any other type would widen what a parameter may be
export type NoTypes = {}

interface Template<Types extends Record<string, unknown>> {
  <Rows extends readonly (object | undefined)[] = postgres.Row[]>(
    template: TemplateStringsArray,
    ...parameters: readonly postgres.ParameterOrFragment<Types[keyof Types]>[]
  ): Query<Rows>
  /** A text with $1, $2 and its parameters, as it stands; not prepared unless `prepare` says so. */
  unsafe<Rows extends unknown[] = (postgres.Row & Iterable<postgres.Row>)[]>(
    text: string,
    parameters?: postgres.ParameterOrJSON<Types[keyof Types]>[],
    options?: postgres.UnsafeQueryOptions,
  ): Query<Extract<Rows, readonly postgres.MaybeRow[]>>
}

/**
 * Writes queries: `sql\`select * from t where id = ${id}\``, `sql({ a: 1 })`, `sql('column')`, `sql.unsafe(text, parameters)`, `sql.array`, `sql.json`,
 * `sql.typed`, `sql.file`, `sql.notify`. They run when they're awaited.
 */
export type Sql<Types extends Record<string, unknown> = NoTypes> = Template<Types> &
  postgres.ISql<Types> & {
    /**
     * Writes reads whose rows may come from the database's cache: `sql.cached({ ttlMs: 60_000 })\`select ...\``. The rows are frozen; of what else a result has, `count` and
     * `command` are there. Without a cache it reads from the database, and so it does on a transaction's tag.
     * @throws DB_ERR_OPTION; the query is rejected with DB_ERR_UNSUPPORTED for what is no read, and inside a transaction
     */
    cached(options?: CachedOptions): CachedTemplate<Types>
  }

/** The tag of `sql.cached`. */
export interface CachedTemplate<Types extends Record<string, unknown> = NoTypes> {
  <Rows extends readonly (object | undefined)[] = postgres.Row[]>(
    template: TemplateStringsArray,
    ...parameters: readonly postgres.ParameterOrFragment<Types[keyof Types]>[]
  ): CachedQuery<Rows>
}

/** What postgres.js has and this hasn't, each with what to do instead. */
export const REFUSED = {
  begin: 'use db.transaction(fn): a backend that dies inside sql.begin can end the process',
  reserve: 'use db.transaction(fn): a reserved connection that dies strands whoever waits for it',
  listen: 'it needs a session of its own, which a pooled connection is not',
  subscribe: 'logical replication needs a session of its own, which a pooled connection is not',
  largeObject: 'it lives inside one transaction; use lo_get and lo_put in db.transaction(fn)',
  end: 'use db.close()',
  close: 'use db.close()',
  prepare: 'two-phase commit is not offered: nobody would finish what a crash leaves prepared',
} as const satisfies Readonly<Record<string, string>>

/** The makers of tags for one driver. */
export class SqlFactory {
  readonly origins = new Origins()
  readonly #builder: postgres.Sql
  readonly #Query: RunnableQueryClass
  readonly #refused: Readonly<Record<string, () => never>>

  constructor(driver: PostgresDriver) {
    this.#builder = driver.builder
    this.#Query = queryClass(driver.Query)
    this.#refused = Object.fromEntries(
      Object.entries(REFUSED).map(([name, instead]) => [name, () => refuse(`sql.${name}`, instead)]),
    )
  }

  /** A tag for templates and nothing else. */
  template(runner: QueryRunner): CachedTemplate {
    const Query = this.#Query
    const tag = (template: TemplateStringsArray, ...rest: unknown[]): unknown => {
      this.origins.remember(template, tag)
      return new Query(runner, template, rest)
    }
    return tag as CachedTemplate
  }

  /** The same query, run by another. */
  copy(runner: QueryRunner, { strings, args, options }: RunnableQuery): RunnableQuery {
    return new this.#Query(runner, strings, args, { ...options })
  }

  /**
   * A tag whose queries are run by `runner`; `more` becomes part of it.
   * @param cachedRunner what runs those of `tag.cached(options)`; throws for wrong options
   */
  create<More extends object>(
    runner: QueryRunner,
    more: More,
    cachedRunner: (options: CachedOptions) => QueryRunner,
  ): Sql & More {
    const builder = this.#builder as unknown as Builder
    const Query = this.#Query
    const tag = (first: unknown, ...rest: unknown[]): unknown => {
      if (!isTemplate(first)) return builder(first, ...rest)
      this.origins.remember(first, tag)
      return new Query(runner, first, rest)
    }
    const unsafe = (text: string, parameters: unknown = [], options: postgres.UnsafeQueryOptions = {}): unknown => {
      const given = Array.isArray(parameters) ? (parameters as unknown[]) : []
      const chosen = Array.isArray(parameters) ? options : (parameters as postgres.UnsafeQueryOptions)
      return new Query(runner, [text], given, {
        prepare: chosen.prepare ?? false,
        simple: given.length === 0 && chosen.prepare !== true,
      })
    }
    return Object.assign(tag, {
      ...this.#refused,
      cached: (options: CachedOptions = {}) => this.template(cachedRunner(options)),
      types: builder.typed,
      typed: builder.typed,
      array: builder.array,
      json: builder.json,
      unsafe,
      file: (path: string | URL, ...rest: [unknown?, unknown?]) => fromFile(unsafe, path, rest),
      notify: (channel: string, payload: string) => tag(NOTIFY, channel, payload),
      ...more,
    }) as unknown as Sql & More
  }
}

interface Builder {
  (first: unknown, ...rest: unknown[]): unknown
  readonly typed: unknown
  readonly array: unknown
  readonly json: unknown
}

const NOTIFY: TemplateStringsArray = Object.assign(['select pg_notify(', ', ', ')'], {
  raw: ['select pg_notify(', ', ', ')'],
})

function isTemplate(value: unknown): value is TemplateStringsArray {
  return Array.isArray(value) && Array.isArray(Reflect.get(value, 'raw'))
}

async function fromFile(
  unsafe: (text: string, ...rest: never[]) => unknown,
  path: string | URL,
  rest: unknown[],
): Promise<unknown> {
  const text = await readFile(path, 'utf8')
  return unsafe(text, ...(rest as never[]))
}

function refuse(what: string, instead: string): never {
  throw new DbError('DB_ERR_UNSUPPORTED', `${what} is not offered: ${instead}.`)
}
