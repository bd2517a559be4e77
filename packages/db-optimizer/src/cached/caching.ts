// What a database has for its cache, put together from the options.
import type { CompleteOptions } from '../options.ts'
import { KnownStatements, type Analyse } from './known-statements.ts'
import { WriteTracker } from './write-tracker.ts'

/** Whatever a statement's own time limit, the server's ends it; then a cancel and its grace. */
const CANCEL_AFTER_SERVER_MS = 500

export interface Caching {
  readonly writes: WriteTracker
  /** Undefined where nothing is found out by itself. */
  readonly known: KnownStatements | undefined
  /** Whose rows they are: server, database, role, settings, epoch. */
  readonly origin: string
}

export function cachingOf(options: CompleteOptions, analyse: Analyse): Caching | undefined {
  const { cache, commandTimeoutMs, cancelGraceMs } = options
  if (cache === undefined) return undefined
  const { automatic, store } = cache
  const known = new KnownStatements(analyse, performance)
  const lateMs = commandTimeoutMs + CANCEL_AFTER_SERVER_MS + cancelGraceMs
  return {
    writes: new WriteTracker(store, known, { automatic, lateMs }),
    known: automatic ? known : undefined,
    origin: originOf(options, cache.epoch),
  }
}

/** Settings in any order are the same. The password isn't part of it. */
function originOf({ routes, settings }: CompleteOptions, epoch: string): string {
  const address = new URL(routes[0]?.url ?? 'postgres://none')
  const sorted = Object.entries(settings).toSorted(([a], [b]) => (a < b ? -1 : 1))
  address.searchParams.sort()
  return JSON.stringify([address.username, address.host, address.pathname, address.search, sorted, epoch])
}
