// What was measured beside what was claimed.
import { judge, pairedRatio, type PairedRatio, type Verdict } from '../paired.ts'
import { median } from '../statistics.ts'
import type { Claim } from './claims.ts'
import type { Measured } from './comparison.ts'
import type { Crowd } from './scenarios.ts'
import type { TurnFigures } from './turn.ts'

export interface JudgedClaim {
  readonly claim: Claim
  readonly crowd: Crowd
  /** Medians of the rounds. */
  readonly beforeMs: number
  readonly afterMs: number
  /** Before by after. */
  readonly ratio: PairedRatio
  readonly verdict: Verdict
}

/** Null when none of its scenarios was measured with this crowd. */
export function judgeClaim(claim: Claim, crowd: Crowd, measured: readonly Measured[]): JudgedClaim | null {
  const own = measured.filter(one => one.crowd === crowd && claim.scenarios.some(name => name === one.scenario))
  if (own.length === 0) return null
  const before = slowestByRound(
    own.map(one => one.before),
    claim.of,
  )
  const after = slowestByRound(
    own.map(one => one.after),
    claim.of,
  )
  const ratio = pairedRatio(before, after)
  const verdicts = [
    ...(claim.ratio === undefined ? [] : [judge(ratio, { atLeast: claim.ratio[0] })]),
    ...(claim.afterMs === undefined ? [] : [judgeTime(after, Math.min(claim.afterMs[1], claim.targetMs ?? Infinity))]),
  ]
  return { claim, crowd, beforeMs: median(before), afterMs: median(after), ratio, verdict: worst(verdicts) }
}

/** In every round, of the scenarios the one that took longest. */
function slowestByRound(scenarios: readonly (readonly TurnFigures[])[], of: 'p50Ms' | 'p95Ms' = 'p50Ms'): number[] {
  const rounds = scenarios[0]?.length ?? 0
  return Array.from({ length: rounds }, (_, round) => Math.max(...scenarios.map(turns => turns[round]?.[of] ?? 0)))
}

function judgeTime(roundsMs: readonly number[], atMostMs: number): Verdict {
  if (Math.max(...roundsMs) <= atMostMs) return 'met'
  return Math.min(...roundsMs) > atMostMs ? 'NOT MET' : 'unclear'
}

function worst(verdicts: readonly Verdict[]): Verdict {
  return (['NOT MET', 'unclear'] as const).find(bad => verdicts.includes(bad)) ?? 'met'
}

/** Share of the answers that came from the cache, a ratio. */
export function hitRatio(turns: readonly TurnFigures[]): number {
  const requests = turns.reduce((sum, turn) => sum + turn.requests, 0)
  return turns.reduce((sum, { hits }) => sum + hits, 0) / requests
}

/** What a request costs one side in processor time, by part, in microseconds. */
export function costPerRequest(turns: readonly TurnFigures[]): Readonly<Record<string, number>> {
  const requests = turns.reduce((sum, turn) => sum + turn.requests, 0)
  const parts: Record<string, number> = {}
  for (const { cpuUs } of turns) {
    for (const [part, us] of Object.entries(cpuUs)) parts[part] = (parts[part] ?? 0) + us / requests
  }
  return parts
}
