// What a flood did to the readers, from the windows of a variant: a pair for each round, without the flood and with it.
import { Latencies } from '../database/latencies.ts'
import { judge, pairedRatio, type PairedRatio, type Verdict } from '../paired.ts'
import { median } from '../statistics.ts'
import type { PacedFigures } from './paced-protocol.ts'
import { FAILURES_PER_ACCOUNT, GOAL_RATIO, type Variant } from './variants.ts'

/** Processor time of a window, in microseconds by part. */
export type CpuUs = Readonly<Record<string, number>>

export interface CalmWindow {
  readonly reads: PacedFigures
  readonly cpuUs: CpuUs
}

export interface FloodedWindow extends CalmWindow {
  readonly logins: PacedFigures
}

export interface Round {
  readonly calm: CalmWindow
  readonly flooded: FloodedWindow
}

export interface Judged {
  /** Medians of the rounds, of the readers. */
  readonly p50Ms: { readonly calm: number; readonly flooded: number }
  readonly p99Ms: { readonly calm: number; readonly flooded: number }
  /** Flooded by calm. */
  readonly ratio: PairedRatio
  readonly verdict: Verdict
  /** Reads that weren't answered with 200, in either window. */
  readonly failedReads: number
  readonly logins: number
  readonly outcomes: Readonly<Record<string, number>>
  /** Logins that were let through to a hash. */
  readonly hashed: number
  /** The most that the limits let through; null: nothing limits them. */
  readonly hashedAtMost: number | null
  /** What a login of the flood took from the service, in microseconds by part. */
  readonly cpuUsPerLogin: CpuUs
}

/** What a login may end with: wrong, refused by a limit, no slot; and in a flood not at all. */
const HASHED = '401'
const EXPECTED = /^(?:401|429|50[234]|lost)\b/

/** @throws Error when a wrong password let somebody in, or the service found fault with something else than the password */
export function judgeFlood({ isLimited }: Variant, accounts: number, rounds: readonly Round[]): Judged {
  const calm = rounds.map(round => quantiles(round.calm.reads))
  const flooded = rounds.map(round => quantiles(round.flooded.reads))
  const ratio = pairedRatio(
    flooded.map(({ p99 }) => p99),
    calm.map(({ p99 }) => p99),
  )
  const failedReads = sum(rounds.flatMap(round => [failed(round.calm.reads), failed(round.flooded.reads)]))
  const outcomes = added(rounds.map(({ flooded: { logins } }) => logins.outcomes))
  const unexpected = Object.keys(outcomes).find(outcome => !EXPECTED.test(outcome))
  if (unexpected !== undefined) throw new Error(`a login with a wrong password ended with ${unexpected}`)
  const hashed = sum(Object.entries(outcomes).map(([outcome, count]) => (outcome.startsWith(HASHED) ? count : 0)))
  const hashedAtMost = isLimited ? accounts * FAILURES_PER_ACCOUNT : null
  const logins = sum(rounds.map(round => round.flooded.logins.sent))
  const isBroken = failedReads > 0 || (hashedAtMost !== null && hashed > hashedAtMost)
  return {
    p50Ms: { calm: median(calm.map(({ p50 }) => p50)), flooded: median(flooded.map(({ p50 }) => p50)) },
    p99Ms: { calm: median(calm.map(({ p99 }) => p99)), flooded: median(flooded.map(({ p99 }) => p99)) },
    ratio,
    verdict: isBroken ? 'NOT MET' : judge(ratio, { atMost: GOAL_RATIO }),
    failedReads,
    logins,
    outcomes,
    hashed,
    hashedAtMost,
    cpuUsPerLogin: costOf(rounds, logins),
  }
}

function quantiles({ latenciesMs }: PacedFigures): Record<'p50' | 'p99', number> {
  const latencies = new Latencies()
  for (const ms of latenciesMs) latencies.add(ms)
  return latencies.quantilesMs({ p50: 0.5, p99: 0.99 })
}

function failed({ sent, outcomes }: PacedFigures): number {
  return sent - (outcomes['200'] ?? 0)
}

/** The reads of both windows cost the same: what's more in one is the logins'. */
function costOf(rounds: readonly Round[], logins: number): CpuUs {
  const flooded = added(rounds.map(round => round.flooded.cpuUs))
  const calm = added(rounds.map(round => round.calm.cpuUs))
  return Object.fromEntries(Object.entries(flooded).map(([part, us]) => [part, (us - (calm[part] ?? 0)) / logins]))
}

function added(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const all: Record<string, number> = {}
  for (const record of records) for (const [name, count] of Object.entries(record)) all[name] = (all[name] ?? 0) + count
  return all
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
