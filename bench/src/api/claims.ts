// What the field reports claim of a service at 100 connections, and whether ours does it.
import { judge, type Verdict } from '../paired.ts'
import { median } from '../statistics.ts'
import type { Condition } from './routes.ts'

/** Of one route under one condition, in one round. */
export interface RouteFigures {
  /** Answers that were right. */
  readonly requests: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p90Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly averageMs: number
  /** Failed requests of all, a ratio. */
  readonly errors: number
  /** Answers from the cache of all, a ratio. */
  readonly hits: number
  /** Processor time per request of all that answers it, in microseconds by part. */
  readonly cpuUs: Readonly<Record<string, number>>
}

/** At which it's claimed. */
export const CONNECTIONS = 100

interface Claim {
  readonly name: string
  readonly of: Exclude<keyof RouteFigures, 'cpuUs'>
  readonly atMost?: number
  readonly atLeast?: number
  readonly only?: Condition
}

export const CLAIMS: readonly Claim[] = [
  { name: 'P50', of: 'p50Ms', atMost: 45 },
  { name: 'P90', of: 'p90Ms', atMost: 120 },
  { name: 'P95', of: 'p95Ms', atMost: 180 },
  { name: 'P99', of: 'p99Ms', atMost: 300 },
  { name: 'average', of: 'averageMs', atMost: 100 },
  { name: 'average', of: 'averageMs', atMost: 60, only: 'cached' },
  { name: 'errors', of: 'errors', atMost: 0.001 },
  { name: 'requests/s', of: 'perSecond', atLeast: 1000 },
]

export interface Judgement {
  readonly verdict: Verdict
  /** The claims that it's because of; none when all are met. */
  readonly because: readonly string[]
}

/** Met: in every round, all of it. */
export function judgeRounds(condition: Condition, rounds: readonly RouteFigures[]): Judgement {
  const judged = CLAIMS.filter(({ only }) => only === undefined || only === condition).map(claim => ({
    name: claim.name,
    verdict: judgeClaim(claim, rounds),
  }))
  for (const verdict of ['NOT MET', 'unclear'] as const) {
    const because = judged.filter(one => one.verdict === verdict).map(({ name }) => name)
    if (because.length > 0) return { verdict, because: [...new Set(because)] }
  }
  return { verdict: 'met', because: [] }
}

function judgeClaim({ of, atMost, atLeast }: Claim, rounds: readonly RouteFigures[]): Verdict {
  const values = rounds.map(figures => figures[of])
  const range = { median: median(values), low: Math.min(...values), high: Math.max(...values) }
  return judge(range, atMost === undefined ? { atLeast: atLeast ?? 0 } : { atMost })
}
