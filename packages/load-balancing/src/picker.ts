// The seam between the pipeline and a strategy.
import type { Candidate } from './candidate.ts'
import type { HashKey } from './hash.ts'
import type { Snapshot } from './snapshot.ts'
import type { Strategy } from './strategies.ts'

/** Time in milliseconds from any fixed start: `performance` and a fake clock fit. */
export interface Clock {
  now(): number
}

/** A number in [0, 1): `{ next: Math.random }` and a seeded generator fit. */
export interface RandomSource {
  next(): number
}

/** How loaded a server says it is. */
export interface LoadReport {
  /** 0 is idle, 1 is busy all the time; more than 1 is allowed. */
  readonly utilization: number
  /** Requests that it answers per second. */
  readonly requestsPerSecond: number
  /** Of those, the ones that failed by its own fault. */
  readonly errorsPerSecond: number
}

/** Chooses where requests go, by one strategy. No method throws. */
export interface Picker<C extends Candidate> {
  readonly strategy: Strategy
  /**
   * The best candidate for a request that is below its limit and not among `tried`, or null when there's none. To walk on after a failure,
   * add the candidate to `tried` and ask again: each is given once, in order of preference. Counts as sent, so ask only to send.
   * `hashKey`: what `consistent-hash` keeps together; the others don't look at it.
   */
  pick(snapshot: Snapshot<C>, tried: readonly C[], hashKey?: HashKey): C | null
  /** What the next pick would compare, for explanations: lower is better, units are the strategy's. Changes nothing. */
  score(snapshot: Snapshot<C>, candidate: C, hashKey?: HashKey): number
  /** The first byte of an answer came `latencyMs` after the request was sent, and its status isn't a failure's. */
  answered(candidate: C, latencyMs: number): void
  /**
   * A try failed after `elapsedMs`: no connection, reset, timed out, or answered 429, 503 or another 5xx.
   * `retryAfterMs`: the wait that its answer asks for, if you trust it to.
   */
  failed(candidate: C, elapsedMs: number, retryAfterMs?: number): void
  /** The server told how loaded it is. */
  reported(candidate: C, report: LoadReport): void
}

/** Base of the strategies that learn nothing from answers. */
export abstract class UnlearningPicker<C extends Candidate> implements Picker<C> {
  abstract readonly strategy: Strategy
  abstract pick(snapshot: Snapshot<C>, tried: readonly C[], hashKey?: HashKey): C | null
  abstract score(snapshot: Snapshot<C>, candidate: C, hashKey?: HashKey): number
  answered(_candidate: C, _latencyMs: number): void {}
  failed(_candidate: C, _elapsedMs: number, _retryAfterMs?: number): void {}
  reported(_candidate: C, _report: LoadReport): void {}
}
