// What a stampede's process is told and what it answers.

/** Given at its start. */
export interface StampedeTask {
  /** Of caches.ts. */
  readonly name: string
  readonly loadMs: number
  /** For what processes share; made when it isn't there. */
  readonly folder: string
}

/** `callers` ask for the same key, which isn't there, in one turn of the event loop. */
export interface StampedeOrder {
  readonly key: string
  readonly callers: number
}

export interface StampedeResult {
  /** How often this process's loader was called. */
  readonly loads: number
  /** From the first call until all have their answer. */
  readonly answeredMs: number
  readonly cpuMs: number
}

export type StampedeAnswer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly result: StampedeResult }
  | { readonly kind: 'failed'; readonly reason: string }
