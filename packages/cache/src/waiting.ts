// How long somebody waits: for a loader, and for a value when there's an older one.
import { CacheError } from './errors.ts'
import type { Flight } from './flight.ts'
import type { Loader } from './options.ts'

/**
 * Calls a loader and gives it so long. What it does when its time is up, or when nobody waits any more, is its own affair: it's told by its signal.
 * @throws CACHE_ERR_LOAD_TIMEOUT, the reason of the flight's abort, and what the loader throws, at once or later
 */
export async function loadInTime<V>(
  flight: Flight<V>,
  load: Loader<V>,
  key: string,
  limit: { readonly namespace: string; readonly ms: number },
): Promise<V> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () =>
      flight.abort(
        new CacheError('CACHE_ERR_LOAD_TIMEOUT', `${limit.namespace}: the loader took longer than ${limit.ms} ms.`),
      ),
    limit.ms,
  )
  // A loader that doesn't heed its signal mustn't hold up those who come after it.
  const onAbort = () => late.reject(flight.signal.reason)
  flight.signal.addEventListener('abort', onAbort, { once: true })
  try {
    // In a promise's executor, so that what's thrown at once is a rejection as well.
    const loaded = new Promise<V>(resolve => resolve(load({ key, signal: flight.signal })))
    return await Promise.race([loaded, late.promise])
  } finally {
    clearTimeout(timer)
    flight.signal.removeEventListener('abort', onAbort)
  }
}

/**
 * What's loaded; something older when the load fails, isn't there in `waitMs` (undefined: however long it takes), or can't be given. A caller that left gets neither.
 * One answer is asked for; `older` once at most.
 * @throws what the load threw for a caller that left, and what `older` throws
 */
export function orOlder<V>(
  result: Promise<V>,
  waitMs: number | undefined,
  give: { loaded(value: V): V; older(): Promise<V> },
): Promise<V> {
  return new Promise((resolve, reject) => {
    let answered = false
    let timer: NodeJS.Timeout | undefined
    const answer = (value: () => V | Promise<V>) => {
      if (answered) return
      answered = true
      clearTimeout(timer)
      // It's called by a timer and by a promise's reaction: what it throws there is nobody's.
      try {
        resolve(value())
      } catch (error) {
        reject(error)
      }
    }
    const older = () => answer(() => give.older())
    if (waitMs === 0) older()
    else if (waitMs !== undefined) timer = setTimeout(older, waitMs)
    const loaded = (value: V) => {
      try {
        return give.loaded(value)
      } catch {
        return give.older()
      }
    }
    result.then(
      value => answer(() => loaded(value)),
      (error: unknown) => {
        if (!(error instanceof CacheError && error.code === 'CACHE_ERR_ABORTED')) return older()
        clearTimeout(timer)
        reject(error)
      },
    )
  })
}
