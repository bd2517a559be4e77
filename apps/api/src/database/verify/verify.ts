// `verify`: do the indexes that the migrations declare exist, is one needless or never used, and does each listed query use its own?
//
// A query passes when the indexes that it names are in its plan, and no large table is read from end to end. On a table that's small the planner rightly
// prefers to read it whole, so there the plan is asked for with sequential scans and sorts discouraged: it shows which index the statement fits. Where that is another one,
// with few rows it means nothing, and the verdict is `too-small`.
import { readMigrations } from '@plimsoll/db-optimizer/migrations'
import { existingIndexes, indexStatistics, tableSizes, type Statistics } from './catalogue.ts'
import { declaredIndexes } from './declared-indexes.ts'
import { compareIndexes, type IndexFindings } from './index-findings.ts'
import { LISTED_QUERIES, subjectsOn, type ListedQuery } from './listed-queries.ts'
import { indexesOf, scannedTables } from './plan.ts'
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
  readonly cost: number
  /** `too-small`: one of its tables has so few rows that any index serves, or none, so that the plan tells nothing. */
  readonly verdict: 'used' | 'not-used' | 'too-small'
}

export interface Verification {
  readonly indexes: IndexFindings
  readonly statistics: Statistics
  readonly queries: readonly QueryProof[]
  /** Declared indexes that no listed query names. */
  readonly unlisted: readonly string[]
  readonly advice: readonly Advice[]
  /** Nothing is missing, invalid or needless, and each query uses its index. */
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
  const indexes = compareIndexes(declared, existing, statistics)
  const rows = await tableSizes(plain.sql)
  const small = new Set(existing.filter(({ table }) => isSmall(table, rows)).map(({ name }) => name))
  const queries: QueryProof[] = []
  const advice: Advice[] = []
  for (const listed of LISTED_QUERIES) {
    const proof = await prove(listed, { plain, indexed, rows, small })
    queries.push(proof.result)
    if (advise) for (const plan of proof.plans) advice.push(...(await adviseOn(plain, listed, plan, rows)))
  }
  const listed = new Set(LISTED_QUERIES.flatMap(({ uses }) => uses))
  const { missing, invalid, duplicate } = indexes
  return {
    indexes,
    statistics,
    queries,
    unlisted: declared.map(({ name }) => name).filter(name => !listed.has(name)),
    advice,
    passed:
      missing.length + invalid.length + duplicate.length === 0 &&
      queries.every(({ verdict }) => verdict !== 'not-used'),
  }
}

interface Connections {
  readonly plain: VerifyConnection
  readonly indexed: VerifyConnection
  readonly rows: ReadonlyMap<string, number>
  /** Indexes of small tables. */
  readonly small: ReadonlySet<string>
}

async function prove(
  listed: ListedQuery,
  { plain, indexed, rows, small }: Connections,
): Promise<{ result: QueryProof; plans: readonly NamedPlan[] }> {
  const natural = await plansOf(listed, plain)
  const isOnSmall = listed.uses.some(name => small.has(name))
  const plans = isOnSmall ? await plansOf(listed, indexed) : natural
  const used = [...new Set(plans.flatMap(({ plan }) => [...indexesOf(plan)]))]
  const scanned = [...new Set(natural.flatMap(({ plan }) => scannedTables(plan)))].filter(
    table => !isSmall(table, rows),
  )
  return {
    plans: natural,
    result: {
      query: listed.name,
      expected: listed.uses,
      used,
      scanned,
      cost: Math.max(0, ...natural.map(({ plan }) => plan['Total Cost'])),
      verdict:
        scanned.length === 0 && listed.uses.every(name => used.includes(name))
          ? 'used'
          : isOnSmall
            ? 'too-small'
            : 'not-used',
    },
  }
}

async function plansOf(listed: ListedQuery, { sql }: VerifyConnection): Promise<readonly NamedPlan[]> {
  const plans: NamedPlan[] = []
  await listed.ask(subjectsOn(explainingDatabase(sql, plans)))
  if (plans.length === 0) throw new Error(`The listed query ${listed.name} asked nothing`)
  return plans
}

function isSmall(table: string, rows: ReadonlyMap<string, number>): boolean {
  return (rows.get(table) ?? 0) < SMALL_TABLE_ROWS
}

function closing(connection: VerifyConnection): VerifyConnection & AsyncDisposable {
  return { ...connection, [Symbol.asyncDispose]: () => connection.close() }
}
