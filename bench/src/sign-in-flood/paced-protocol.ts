// What the suite and the program that sends at a pace agree on. The program knows nothing of what it sends: requests are texts.

/** Suite → program. */
export interface PacedOrder {
  readonly host: string
  readonly port: number
  /** Of this machine: who the clients seem to be. Each has one connection, with one request under way at most; several may have the same address. */
  readonly clientAddresses: readonly string[]
  /** Whole requests, sent in turn. */
  readonly requests: readonly string[]
  /** On average, at times of a Poisson process. */
  readonly perSecond: number
  readonly forMs: number
  readonly seed: number
  /** Whether the 200 to a request has to be the same each time: the first that is another ends the run. All else is counted. */
  readonly checked: boolean
}

export interface PacedFigures {
  readonly sent: number
  /** From the time at which a request was due to its whole answer; of those that were answered. */
  readonly latenciesMs: readonly number[]
  /** By what they said: the status, and the code of a problem. Connections that ended are `lost`. */
  readonly outcomes: Readonly<Record<string, number>>
  /** By how much requests were sent late, because this program or all its clients were busy: the 99th percentile. */
  readonly lagP99Ms: number
}

/** Program → suite. */
export type PacedMessage =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'done'; readonly figures: PacedFigures }
  | { readonly kind: 'impossible'; readonly reason: string }
