// How long an answer of one candidate is to be expected to take, from what was seen, for peak EWMA. Pure functions on a PickState.
//
//   expected = (latency + penalty) × e^(−age / decay)
//
// * An answer slower than expected counts at once (the peak); a faster one draws the latency down with the weight 1 − e^(−age / decay), so that
//   a slow endpoint is seen in one answer, and trusted again over seconds, however many answers come in them.
// * What isn't renewed fades, so that a candidate which looks slow is asked again some time. It never fades below a floor, so that
//   requests in flight still count where all have faded.
// * A failure says nothing about speed, so its time isn't taken as a latency (a server that answers 503 within 1 ms would be the fastest of
//   all and attract everything), except when it's longer. It raises the penalty: to three times the latency, and fourfold with each
//   failure in a row of a request that was sent when the last one was known already; each answer takes a fifth off. A dead server is given up
//   after a few failures, however fast it fails and however busy the others are, since its penalty grows for as long as it's picked,
//   and asked again when that has faded, after 14 s (decay × ln 4). One failed request in a thousand doesn't empty a server: of 2,000
//   requests/s to four servers, 10 ms each, it keeps 99 % of its share. With a flat penalty of 5 s for each failure, as Linkerd has
//   it by default, it kept 5 %.
// * Penalties are relative. What all have in common is taken off: else an outage of all would raise them without end, and the first server
//   that comes back would get everything for minutes.
// * Until there's an answer the candidate is `unmeasured`, and the picker takes the fleet's mean for it: with a fixed guess a new server is flooded
//   where all others are slower, and starved where they're faster.
// @hot
import type { Candidate, PickState } from './candidate.ts'

/** No latency counts as less: it's below what a clock of the process resolves. */
const FLOOR_MS = 0.01
/** A first penalty makes the expected latency 1 + 3 times as long. */
const FIRST_PENALTY = 3
const LEAST_PENALTY_MS = 1
const PENALTY_GROWTH = 4
const PENALTY_LEFT_BY_ANSWER = 0.8
/** Below this it's gone: it would be taken a fifth off for ever. */
const PENALTY_GONE_MS = 0.001
/** Age, in decay times, up to which the series of e^−x is right to 2 × 10^−7 after its third term. */
const YOUNG = 0.01
/** Bound on both, what failures in a row add up to and what an answer may ask for. */
const MOST_PENALTY_MS = 300_000

export function isMeasured(state: PickState): boolean {
  return !Number.isNaN(state.latencyMs)
}

/** Expected latency; of an unmeasured candidate with `unmeasuredMs` as its latency. */
export function expectedMs(state: PickState, nowMs: number, decayMs: number, unmeasuredMs: number): number {
  const left = remaining(state, nowMs, decayMs)
  const expected = isMeasured(state)
    ? (state.latencyMs + state.penaltyMs) * left
    : unmeasuredMs + state.penaltyMs * left
  return expected > FLOOR_MS ? expected : FLOOR_MS
}

export function observeAnswer(state: PickState, latencyMs: number, nowMs: number, decayMs: number): void {
  const left = remaining(state, nowMs, decayMs)
  const penaltyMs = state.penaltyMs * left * PENALTY_LEFT_BY_ANSWER
  // Written so that NaN, no answer yet, takes the sample as well.
  state.latencyMs = latencyMs < state.latencyMs * left ? state.latencyMs * left + latencyMs * (1 - left) : latencyMs
  state.penaltyMs = penaltyMs > PENALTY_GONE_MS ? penaltyMs : 0
  state.observedAtMs = nowMs
}

/** `retryAfterMs`: what the answer asked for, or 0. */
export function observeFailure(
  state: PickState,
  elapsedMs: number,
  retryAfterMs: number,
  nowMs: number,
  decayMs: number,
): void {
  if (nowMs - elapsedMs < state.failedAtMs) return
  state.failedAtMs = nowMs
  // The latency stands as it was last measured. Were it to fade on, a server that fails for hours would come to be the fastest.
  if (elapsedMs > state.latencyMs) state.latencyMs = elapsedMs
  const latencyMs = isMeasured(state) ? state.latencyMs : elapsedMs
  const before = state.penaltyMs * remaining(state, nowMs, decayMs)
  const raised = Math.max(before * PENALTY_GROWTH, latencyMs * FIRST_PENALTY, LEAST_PENALTY_MS, retryAfterMs)
  state.penaltyMs = Math.min(raised, MOST_PENALTY_MS)
  state.observedAtMs = nowMs
}

/** Takes the least penalty off all; nothing while somebody has none. */
export function forgiveCommonPenalty(candidates: readonly Candidate[], nowMs: number, decayMs: number): void {
  let leastMs = Infinity
  for (const { pick } of candidates) {
    if (pick.penaltyMs === 0) return
    leastMs = Math.min(leastMs, pick.penaltyMs * remaining(pick, nowMs, decayMs))
  }
  for (const { pick } of candidates) {
    const leftMs = pick.penaltyMs - leastMs / remaining(pick, nowMs, decayMs)
    pick.penaltyMs = leftMs > PENALTY_GONE_MS ? leftMs : 0
  }
}

/** Part of what was seen that still counts, 0-1. A clock that went back counts as one that stood still. */
function remaining(state: PickState, nowMs: number, decayMs: number): number {
  const age = (nowMs - state.observedAtMs) / decayMs
  if (age <= 0) return 1
  // Under load nearly all are this young. The exponential costs 20 ns, which with 16 candidates is most of a pick.
  return age < YOUNG ? 1 - age + (age * age) / 2 : Math.exp(-age)
}
