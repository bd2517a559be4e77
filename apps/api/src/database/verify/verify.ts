// `verify`: do the indexes that the migrations declare exist, is one needless or never used, and does each listed query use its own?
//
// A query passes when the indexes that it names are in its plan, and no large table is read from end to end. On a table that's small the planner rightly
// prefers to read it whole, so there the plan is asked for again with sequential scans and sorts discouraged: it shows which index the statement fits. Where that is another one,
// with few rows it means nothing, and the verdict is `too-small`. A table with rows that was never analysed is neither small nor large: its plans are guesses, so nothing
// passes before ANALYZE has run.
import { readMigrations } from '@plimsoll/db-optimizer/migrations'
import { existingIndexes, indexStatistics, migrationDays, tableSizes, type Statistics } from './catalogue.ts'
import { declaredIndexes } from './declared-indexes.ts'
import { INDEX_DEFINITIONS } from './index-definitions.ts'
import { compareIndexes, type IndexFindings } from './index-findings.ts'
import { LISTED_QUERIES, subjectsOn, type ListedQuery } from './listed-queries.ts'
import { indexesOf, scannedTables, tablesOf } from './plan.ts'
import {
  explainingDatabase,
  openVerifyConnection,
  type NamedPlan,
  type VerifyConnection,
  type VerifyTarget,
} from './verify-database.ts'
import { adviseOn, SMALL_TABLE_ROWS, type Advice } from './what-if.ts'

export interface QueryProof {
  readonly query: string
  readonly expected: readonly string[]
  /** Indexes in the plan. */
  readonly used: readonly string[]
  /** Large tables that are read from end to end. */
  readonly scanned: readonly string[]
  /** Tables that hold rows, but have no statistics. */
  readonly unanalysed: readonly string[]
  readonly cost: number
  readonly verdict: Verdict
}

/**
 * - `used`: its plan has its indexes, as requests get it
 * - `fits`: only with sequential scans and sorts discouraged, since one of its tables is small
 * - `too-small`: one of its tables has so few rows that any index serves, or none, so that the plan tells nothing
 * - `no-statistics`: one of its tables was never analysed
 */
export type Verdict = 'used' | 'fits' | 'not-used' | 'too-small' | 'no-statistics'

/** Verdicts that leave something to do. */
const FAILED: ReadonlySet<Verdict> = new Set<Verdict>(['not-used', 'no-statistics'])

export interface Verification {
  readonly indexes: IndexFindings
  readonly statistics: Statistics
  readonly queries: readonly QueryProof[]
  /** Declared indexes that no listed query names. */
  readonly unlisted: readonly string[]
  readonly advice: readonly Advice[]
  /** Nothing is missing, different, invalid or needless, and each query uses its index, as far as the size of its tables lets it show. */
  readonly passed: boolean
}

export interface VerifyOptions {
  readonly target: VerifyTarget
  readonly migrationsFolder: string
  /** Whether indexes may be tried out, which locks their tables. */
  readonly advise: boolean
}

/** Changes nothing. @throws DbError when the database can't be asked */
export async function verify({ target, migrationsFolder, advise }: VerifyOptions): Promise<Verification> {
  const declared = declaredIndexes(await readMigrations(migrationsFolder))
  await using plain = closing(openVerifyConnection(target))
  await using indexed = closing(openVerifyConnection(target, { enable_seqscan: 'off', enable_sort: 'off' }))
  const statistics = await indexStatistics(plain.sql)
  const existing = await existingIndexes(plain.sql)
  const history = { statisticsDays: statistics.days, migrationDays: await migrationDays(plain.sql) }
  const indexes = compareIndexes(declared, existing, INDEX_DEFINITIONS, history)
  const rows = await tableSizes(plain.sql)
  const tableOf = new Map(existing.map(({ name, table }) => [name, table]))
  const queries: QueryProof[] = []
  const advice: Advice[] = []
  for (const listed of LISTED_QUERIES) {
    const proof = await prove(listed, { plain, indexed, rows, tableOf })
    queries.push(proof.result)
    if (advise) for (const plan of proof.plans) advice.push(...(await adviseOn(plain, listed, plan, rows)))
  }
  const listed = new Set(LISTED_QUERIES.flatMap(({ uses }) => uses))
  const { missing, different, invalid, duplicate } = indexes
  return {
    indexes,
    statistics,
    queries,
    unlisted: declared.map(({ name }) => name).filter(name => !listed.has(name)),
    advice,
    passed:
      missing.length + different.length + invalid.length + duplicate.length === 0 &&
      queries.every(({ verdict }) => !FAILED.has(verdict)),
  }
}

interface Connections {
  readonly plain: VerifyConnection
  readonly indexed: VerifyConnection
  readonly rows: ReadonlyMap<string, number>
  /** Of each index. */
  readonly tableOf: ReadonlyMap<string, string>
}

async function prove(
  listed: ListedQuery,
  { plain, indexed, rows, tableOf }: Connections,
): Promise<{ result: QueryProof; plans: readonly NamedPlan[] }> {
  const rowsOf = (table: string) => rows.get(table) ?? 0
  const natural = await plansOf(listed, plain)
  const scanned = [...new Set(natural.flatMap(({ plan }) => scannedTables(plan)))].filter(
    table => rowsOf(table) >= SMALL_TABLE_ROWS,
  )
  const tables = new Set(listed.uses.flatMap(name => tableOf.get(name) ?? []))
  const read = new Set(natural.flatMap(({ plan }) => tablesOf(plan)))
  const unanalysed = [...tables.union(read)].filter(table => rowsOf(table) < 0)
  const isProved = (used: ReadonlySet<string>) => scanned.length === 0 && listed.uses.every(name => used.has(name))
  let used = indexesIn(natural)
  let verdict: Verdict = unanalysed.length > 0 ? 'no-statistics' : isProved(used) ? 'used' : 'not-used'
  if (verdict === 'not-used' && [...tables].some(table => rowsOf(table) < SMALL_TABLE_ROWS)) {
    used = indexesIn(await plansOf(listed, indexed))
    verdict = isProved(used) ? 'fits' : 'too-small'
  }
  return {
    plans: natural,
    result: {
      query: listed.name,
      expected: listed.uses,
      used: [...used],
      scanned,
      unanalysed,
      cost: Math.max(0, ...natural.map(({ plan }) => plan['Total Cost'])),
      verdict,
    },
  }
}

function indexesIn(plans: readonly NamedPlan[]): ReadonlySet<string> {
  return new Set(plans.flatMap(({ plan }) => [...indexesOf(plan)]))
}

async function plansOf(listed: ListedQuery, { sql }: VerifyConnection): Promise<readonly NamedPlan[]> {
  const plans: NamedPlan[] = []
  await listed.ask(subjectsOn(explainingDatabase(sql, plans)))
  if (plans.length === 0) throw new Error(`The listed query ${listed.name} asked nothing`)
  return plans
}

function closing(connection: VerifyConnection): VerifyConnection & AsyncDisposable {
  return { ...connection, [Symbol.asyncDispose]: () => connection.close() }
}
