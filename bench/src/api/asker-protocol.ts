// What the suite and the program that asks agree on.

/** Where a service listens. */
export type Address =
  | { readonly path: string }
  | {
      readonly host: string
      readonly port: number
      /** From which it's asked; not set: the one that the system takes. */
      readonly localAddress?: string
    }

export interface Ask {
  /** With its query. */
  readonly path: string
  /** What the answer's text begins with: that it's the answer to this and not to another one. */
  readonly begins: string
  /** Whose credentials go with it; default: nobody's. */
  readonly as?: Caller
}

/** Operators, and a user who is signed in. */
export type Caller = 'operator' | 'user'

/** Suite → program. */
export interface AskOrder {
  readonly address: Address
  /** Lines of each request's head behind the first, without line ends. */
  readonly fields: readonly string[]
  readonly asks: readonly Ask[]
  /** What callers send as `authorization`; of those that the asks name. */
  readonly authorizations?: Readonly<Partial<Record<Caller, string>>>
  /** Each with one request under way at all times. */
  readonly connections: number
  /** The list over and over for so long; null: once. */
  readonly forMs: number | null
  /** Whether a path has the same text each time, also the next time it's asked for. */
  readonly stable: boolean
}

export interface AskFigures {
  readonly seconds: number
  /** Of each 200, from its request's first byte to its own last, in the order in which they came. */
  readonly latenciesMs: readonly number[]
  /** Answers with another status, and requests whose connection ended. */
  readonly failed: number
  readonly firstFailure: string | null
  /** Answers that said that they came from a cache (RFC 9211). */
  readonly hits: number
  /** Of the last answer, as it was sent. */
  readonly bodyBytes: number
}

/** Program → suite. */
export type AskerMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly figures: AskFigures }
  /** An answer was wrong, or nobody answers at all. */
  | { readonly kind: 'impossible'; readonly reason: string }
