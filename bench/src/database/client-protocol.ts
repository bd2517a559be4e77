// What the suite and its client programs say to each other, over IPC: one order at a time, one answer to each.

/** How rows are read. */
export const WAYS = ['postgres.js', 'ours', 'ours, loader', 'DataLoader', 'nothing'] as const
export type Way = (typeof WAYS)[number]

/** Statistics of statements and the slow-query log; 'default': as a new database has them. */
export type Instrumentation = 'default' | 'on' | 'off'

export interface OpenOrder {
  readonly kind: 'open'
  readonly way: Way
  /** Address of the database. */
  readonly url: string
  readonly connections: number
  readonly instrumentation: Instrumentation
}

/** So many reads under way at all times. */
export interface ClosedLoopOrder {
  readonly kind: 'closed-loop'
  readonly inFlight: number
  readonly warmupMs: number
  readonly measureMs: number
}

/** Reads at their times, whatever became of those before. */
export interface OpenLoopOrder {
  readonly kind: 'open-loop'
  readonly readsPerSecond: number
  /** Reads that come together, as those of one request do. */
  readonly readsPerArrival: number
  readonly warmupMs: number
  readonly measureMs: number
  readonly seed: number
  /** Where the arrivals are made; null: anywhere. */
  readonly generatorCore: number | null
}

/** Slow statements, and right behind them fast ones, all at once. */
export interface BurstOrder {
  readonly kind: 'burst'
  readonly slow: number
  readonly slowMs: number
  readonly fast: number
  readonly bursts: number
}

/** Our way, closed loops on several databases in turn. Opens and closes them itself. */
export interface ComparisonOrder {
  readonly kind: 'comparison'
  readonly url: string
  /** Of each, and reads under way. */
  readonly connections: number
  readonly variants: readonly Instrumentation[]
  /** Of each variant. */
  readonly slices: number
  readonly sliceMs: number
  readonly warmupMs: number
}

export interface CloseOrder {
  readonly kind: 'close'
}

export type Order = OpenOrder | ClosedLoopOrder | OpenLoopOrder | BurstOrder | ComparisonOrder | CloseOrder

export interface ClosedLoopResult {
  /** Answered in this time. */
  readonly reads: number
  readonly seconds: number
  /** Statements sent for them; null where nobody counts. */
  readonly statements: number | null
  /** CPU time of this program, user and system. */
  readonly cpuUs: number
  /** How long its main thread was kept from its core by others. */
  readonly waitedForCoreMs: number
}

export interface OpenLoopResult extends ClosedLoopResult {
  /** Of the reads that were due in this time. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** How late the median and the hundredth read was started: the machine's part of the latency, or the program's own when it's busy. */
  readonly startLagP50Ms: number
  readonly startLagP99Ms: number
}

export interface BurstResult {
  /** Of the fast ones, from the burst's start. */
  readonly p50Ms: number
  readonly p99Ms: number
  /** Share of the fast ones that took more than half of a slow one's time, a ratio. */
  readonly heldUp: number
}

export interface ComparisonResult {
  /** By variant, and slice. */
  readonly cpuUsPerRead: readonly (readonly number[])[]
}

export interface Results {
  readonly open: null
  readonly 'closed-loop': ClosedLoopResult
  readonly 'open-loop': OpenLoopResult
  readonly burst: BurstResult
  readonly comparison: ComparisonResult
  readonly close: null
}

export type Answer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly result: Results[keyof Results] }
  | { readonly kind: 'failed'; readonly reason: string }
