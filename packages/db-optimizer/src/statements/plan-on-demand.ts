// The plan of a slow statement: EXPLAIN without running it and without its parameters (GENERIC_PLAN, PostgreSQL 16 and later).
//
// Bounded: one at a time, each statement once in `intervalMs`, and only so many statements are remembered. A plan has the text's literals in its conditions, so every string
// of it that isn't a name or a kind of node is normalised like the statement itself.
//
// Only a single SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES or WITH is explained: `explain a; drop b` would run the second one.
import { normalizeSql } from './normalize-sql.ts'
import { soleStatementWord } from './sql-tokens.ts'

export interface PlanOptions {
  /** How often the same statement is explained, at most. Default 600,000 ms. */
  readonly intervalMs?: number
  /** Statements whose last plan is remembered. Default 500. */
  readonly maxStatements?: number
}

/** Runs EXPLAIN as a statement of its own, with a short time limit, on the route that ran the slow one; gives its rows. */
export type Explain = (text: string) => Promise<readonly object[]>

export interface PlanSource {
  /** The plan; undefined at once when none is to be fetched now, `undefined` later when there's none. Never rejects. */
  request(text: string, normalized: string): Promise<unknown> | undefined
}

const EXPLAINABLE: ReadonlySet<string> = new Set(['select', 'insert', 'update', 'delete', 'merge', 'values', 'with'])
/** Strings of a plan that are no expressions. */
const PLAIN_KEYS: ReadonlySet<string> = new Set([
  'Node Type',
  'Parent Relationship',
  'Subplan Name',
  'Strategy',
  'Partial Mode',
  'Operation',
  'Join Type',
  'Scan Direction',
  'Relation Name',
  'Schema',
  'Alias',
  'Index Name',
  'CTE Name',
  'Function Name',
  'Command',
  'Conflict Resolution',
])

export class PlanOnDemand implements PlanSource {
  readonly #explain: Explain
  readonly #clock: { now(): number }
  readonly #intervalMs: number
  readonly #maxStatements: number
  /** Normalised text, and when it was explained; the oldest first. */
  readonly #explainedAtMs = new Map<string, number>()
  #busy = false

  constructor(explain: Explain, clock: { now(): number }, options: PlanOptions = {}) {
    this.#explain = explain
    this.#clock = clock
    this.#intervalMs = options.intervalMs ?? 600_000
    this.#maxStatements = options.maxStatements ?? 500
  }

  request(text: string, normalized: string): Promise<unknown> | undefined {
    const nowMs = this.#clock.now()
    const lastMs = this.#explainedAtMs.get(normalized)
    if (this.#busy || (lastMs !== undefined && nowMs - lastMs < this.#intervalMs) || !isExplainable(text))
      return undefined
    this.#explainedAtMs.delete(normalized)
    this.#explainedAtMs.set(normalized, nowMs)
    if (this.#explainedAtMs.size > this.#maxStatements) {
      for (const oldest of this.#explainedAtMs.keys()) {
        this.#explainedAtMs.delete(oldest)
        break
      }
    }
    this.#busy = true
    return this.#fetch(text)
  }

  async #fetch(text: string): Promise<unknown> {
    try {
      const [row] = await this.#explain(`explain (generic_plan, format json) ${text}`)
      return row === undefined ? undefined : withoutValues(Reflect.get(row, 'QUERY PLAN'), '')
    } catch {
      // A statement without a plan (its types can't be told without parameters, its table is gone) is logged without one.
      return undefined
    } finally {
      this.#busy = false
    }
  }
}

/** Whether it's one statement of a kind that EXPLAIN plans without running it. */
export function isExplainable(text: string): boolean {
  const word = soleStatementWord(text)
  return word !== undefined && EXPLAINABLE.has(word)
}

function withoutValues(plan: unknown, key: string): unknown {
  if (typeof plan === 'string') return PLAIN_KEYS.has(key) ? plan : normalizeSql(plan)
  if (Array.isArray(plan)) return plan.map(part => withoutValues(part, key))
  if (typeof plan !== 'object' || plan === null) return plan
  return Object.fromEntries(Object.entries(plan).map(([name, part]) => [name, withoutValues(part, name)]))
}
