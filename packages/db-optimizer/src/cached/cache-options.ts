// The option `cache` of a database, and its check.
import { DbError } from '../errors.ts'
import { checkTags } from '../sql/query.ts'
import type { FunctionWrites } from './dependencies.ts'
import type { QueryCache } from './query-cache.ts'

export interface CacheOptions {
  /** Where rows are kept. */
  readonly store: QueryCache
  /**
   * Finds out by itself what statements read and write: each text is parsed by the server a second time, once in ten minutes (about 10 ms, and a few rows of the catalog that are
   * rolled back). Needs PostgreSQL 14 and the right to make temporary objects. Default false: only tags given by hand count.
   */
  readonly automatic?: boolean
  /** Part of each key: another one, and nothing is found that was kept before. Change it with the schema, and with `types` and `transform`. Default ''. */
  readonly epoch?: string
  /**
   * What functions write that can't be looked into, triggers' and volatile ones, by name with schema: `{ 'public.touch': [], 'public.recount': ['public.courses'] }`. A
   * statement that calls one that isn't here writes everything. Default none.
   */
  readonly functionWrites?: FunctionWrites
}

export interface CompleteCacheOptions {
  readonly store: QueryCache
  readonly automatic: boolean
  readonly epoch: string
  readonly functionWrites: FunctionWrites
}

const NAMES: ReadonlySet<string> = new Set(['store', 'automatic', 'epoch', 'functionWrites'])

/** @throws DB_ERR_OPTION */
export function completeCacheOptions(options: CacheOptions): CompleteCacheOptions {
  const unknown = Object.keys(options).find(key => !NAMES.has(key))
  if (unknown !== undefined) throw new DbError('DB_ERR_OPTION', `There is no option "cache.${unknown}".`)
  const { store, automatic = false, epoch = '', functionWrites = {} } = options
  if (typeof store?.getOrLoad !== 'function' || typeof store.invalidate !== 'function') {
    throw new DbError('DB_ERR_OPTION', 'cache.store has to have getOrLoad and invalidate.')
  }
  if (typeof automatic !== 'boolean') throw new DbError('DB_ERR_OPTION', 'cache.automatic is true or false.')
  if (typeof epoch !== 'string') throw new DbError('DB_ERR_OPTION', 'cache.epoch is a text.')
  for (const [name, tables] of Object.entries(functionWrites)) {
    if (!name.includes('.')) {
      throw new DbError('DB_ERR_OPTION', `cache.functionWrites["${name}"]: a function is named with its schema.`)
    }
    checkTags(`cache.functionWrites["${name}"]`, tables)
  }
  return { store, automatic, epoch, functionWrites }
}
