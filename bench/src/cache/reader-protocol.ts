// What a reader's thread is told and what it answers.

/** The loop without a cache, whose time isn't a cache's. */
export const LOOP_ALONE = 'the loop alone'

/** Given at its start. */
export interface ReaderTask {
  /** Of caches.ts, or the loop alone. */
  readonly name: string
  readonly entries: number
  readonly ttlMs: number
  readonly exponent: number
  readonly seed: number
  /** For what processes share; made when it isn't there. */
  readonly folder: string
}

export interface HitOrder {
  readonly kind: 'hits'
  readonly reads: number
  readonly readsPerTurn: number
}

export interface MissOrder {
  readonly kind: 'misses'
  readonly misses: number
  readonly callers: number
}

export type ReaderOrder = HitOrder | MissOrder

export interface ReaderResult {
  /** CPU time of this process, all its threads; the others wait meanwhile. */
  readonly cpuUs: number
  /** How often the loader was called. */
  readonly loads: number
}

export type ReaderAnswer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly result: ReaderResult }
  | { readonly kind: 'failed'; readonly reason: string }
