// How much of its weight, and of its limit, an endpoint gets that has just come back or is new.
//
//   ratio 1 ┤            ╭──────  ends early when it answers as fast as the others
//           │        ╱
//      from ┤──────╱
//           └──────┴─────┴─────►  at most `durationMs`
//
// A cold process (compiler, caches, pools) that gets its full share at once answers slowly or falls over again. The clock alone can't
// know when it's warm, so evidence ends it: answers as fast as the fleet's. The clock bounds it.

export interface SlowStartOptions {
  /** Longest time from `fromRatio` to 1; 0: none. */
  readonly durationMs: number
  /** Where it begins, above 0 to 1. */
  readonly fromRatio: number
}

/** So many answers since the start make evidence. */
const EVIDENCE_ANSWERS = 10
/** As fast as the others: not slower than they are by more than this. */
const EVIDENCE_FACTOR = 1.2
const EVIDENCE_SLACK_MS = 1

export class SlowStart {
  readonly #options: SlowStartOptions
  readonly #startedAtMs: number
  #answers = 0
  #meanMs = 0

  constructor(options: SlowStartOptions, nowMs: number) {
    this.#options = options
    this.#startedAtMs = nowMs
  }

  /** An answer began `ms` after its request was sent. */
  onAnswer(ms: number): void {
    this.#answers++
    this.#meanMs += (ms - this.#meanMs) / Math.min(this.#answers, EVIDENCE_ANSWERS)
  }

  /** 1 when it's over. `fleetMs`: mean time of the other endpoints; NaN when there's none to compare with. */
  ratio(nowMs: number, fleetMs: number): number {
    const { durationMs, fromRatio } = this.#options
    const passedMs = nowMs - this.#startedAtMs
    if (passedMs >= durationMs) return 1
    if (this.#answers >= EVIDENCE_ANSWERS && this.#meanMs <= fleetMs * EVIDENCE_FACTOR + EVIDENCE_SLACK_MS) return 1
    return fromRatio + (1 - fromRatio) * (passedMs / durationMs)
  }
}
