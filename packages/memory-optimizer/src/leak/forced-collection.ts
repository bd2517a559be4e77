// A full collection on demand, in a process that was started without --expose-gc.
//
// The flag makes V8 give `gc` to contexts that are made from then on, so one is made for it, and the flag is taken back: no other code finds a `gc`.
// It stops the world for the whole collection (about 1 ms per MiB that is live), which is why its only users are a process that has nothing to do, and tests.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Gives a function that collects all garbage before it returns; or the young generation's alone, for measurements. */
export function forcedCollection(type: 'major' | 'minor' = 'major'): () => void {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options: { readonly type: 'major' | 'minor' }) => void
  setFlagsFromString('--no-expose-gc')
  return () => collect({ type })
}
