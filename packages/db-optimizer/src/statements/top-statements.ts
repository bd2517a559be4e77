// The statements that matter most, as plain data for logs, dashboards and an admin page.
import type { DurationHistogram } from '../duration-histogram.ts'
import type { StatementEntry } from './statement-statistics.ts'

/** `total`: the most time in all, what's worth improving. `mean`: the slowest. `count`: the most frequent. */
export type TopOrder = 'total' | 'mean' | 'count'

export interface DurationSummary {
  readonly totalMs: number
  readonly meanMs: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export interface StatementSummary {
  /** Normalised; `(others)` for what was folded together. */
  readonly text: string
  readonly count: number
  readonly errors: number
  readonly rows: number
  /** Part of the execution time of all statements, 0 to 1. */
  readonly share: number
  readonly wait: DurationSummary
  readonly execution: DurationSummary
}

const MEASURES: Readonly<Record<TopOrder, (entry: StatementEntry) => number>> = {
  total: entry => entry.execution.totalMs,
  mean: entry => entry.execution.meanMs,
  count: entry => entry.execution.count,
}

/** The first `limit` by execution time or count; those that are equal by their text. */
export function topStatements(entries: Iterable<StatementEntry>, order: TopOrder, limit: number): StatementSummary[] {
  const all = [...entries]
  const totalMs = all.reduce((sum, entry) => sum + entry.execution.totalMs, 0)
  const measure = MEASURES[order]
  return all
    .toSorted((a, b) => measure(b) - measure(a) || (a.text < b.text ? -1 : 1))
    .slice(0, limit)
    .map(entry => ({
      text: entry.text,
      count: entry.execution.count,
      errors: entry.errors,
      rows: entry.rows,
      share: totalMs === 0 ? 0 : entry.execution.totalMs / totalMs,
      wait: summaryOf(entry.wait),
      execution: summaryOf(entry.execution),
    }))
}

function summaryOf(durations: DurationHistogram): DurationSummary {
  return {
    totalMs: durations.totalMs,
    meanMs: durations.meanMs,
    p50Ms: durations.quantileMs(0.5),
    p95Ms: durations.quantileMs(0.95),
    p99Ms: durations.quantileMs(0.99),
    maxMs: durations.maxMs,
  }
}
