// What an index that isn't there would change: it's built in a transaction, the statement is planned again, and all is rolled back. The build locks the table against
// writers meanwhile, which is why production is refused (hypothetical indexes need an extension that few servers have).
//
// Candidates come from the plan: of a table that's read from end to end, the columns that its filter compares with `=`, then the columns of the sort above. That's
// the order in which a b-tree can answer both.
import { nodesOf, type Plan } from './plan.ts'
import { explainingDatabase, type NamedPlan, type VerifyConnection, type VerifySql } from './verify-database.ts'
import { subjectsOn, type ListedQuery } from './listed-queries.ts'

export interface Candidate {
  readonly table: string
  /** Columns with their direction: `created_at desc`. */
  readonly keys: readonly string[]
}

export interface Advice {
  readonly query: string
  readonly statement: string
  /** To be written into a migration. */
  readonly sql: string
  readonly costBefore: number
  readonly costAfter: number
}

/** An index that makes a statement less than this much cheaper isn't worth its writes. */
const WORTH_RATIO = 0.5
/** Tables below are read from end to end rightly. */
export const SMALL_TABLE_ROWS = 1000

/** One candidate for each large table that a plan scans. */
export function candidatesOf(plan: Plan, rows: ReadonlyMap<string, number>): readonly Candidate[] {
  const sorts = [...nodesOf(plan)].flatMap(node => node['Sort Key'] ?? [])
  return [...nodesOf(plan)].flatMap(node => {
    const table = node['Relation Name']
    if (table === undefined || !node['Node Type'].endsWith('Seq Scan')) return []
    if ((rows.get(table) ?? 0) < SMALL_TABLE_ROWS) return []
    const equal = Array.from(
      (node.Filter ?? '').matchAll(/\(?\b([a-z_][a-z0-9_]*)\)?(?:::\w+)? = /g),
      ([, column = '']) => column,
    )
    const ordered = sorts.flatMap(
      key => /^(?:\w+\.)?([a-z_][a-z0-9_]*)( DESC)?$/.exec(key)?.slice(1, 3).join('').toLowerCase() ?? [],
    )
    const keys = [...new Set([...equal, ...ordered])]
    return keys.length === 0 ? [] : [{ table, keys }]
  })
}

/** What of the candidates makes a listed query at least twice as cheap. */
export async function adviseOn(
  connection: VerifyConnection,
  query: ListedQuery,
  before: NamedPlan,
  rows: ReadonlyMap<string, number>,
): Promise<readonly Advice[]> {
  const advice: Advice[] = []
  for (const candidate of candidatesOf(before.plan, rows)) {
    const plan = await planWith(connection, query, before.statement, candidate)
    if (plan === undefined) continue
    const [costBefore, costAfter] = [before.plan['Total Cost'], plan['Total Cost']]
    if (costAfter > costBefore * WORTH_RATIO) continue
    const { table, keys } = candidate
    advice.push({
      query: query.name,
      statement: before.statement,
      sql: indexSql(candidate, `idx_${table}_${keys.map(key => key.replace(' ', '_')).join('_')}`),
      costBefore,
      costAfter,
    })
  }
  return advice
}

/** Undefined when such an index can't be built: the filter's word was no column. */
async function planWith(
  connection: VerifyConnection,
  query: ListedQuery,
  statement: string,
  candidate: Candidate,
): Promise<Plan | undefined> {
  const rolledBack = new Error('The plan is all that was wanted')
  let found: Plan | undefined
  await connection
    .transaction(async sql => {
      const columns = await columnsOf(sql, candidate.table)
      if (candidate.keys.every(key => columns.has(key.replace(' desc', '')))) {
        await sql.unsafe(indexSql(candidate, 'plimsoll_what_if'))
        const plans: NamedPlan[] = []
        await query.ask(subjectsOn(explainingDatabase(sql, plans)))
        found = plans.find(plan => plan.statement === statement)?.plan
      }
      throw rolledBack
    })
    .catch((error: unknown) => {
      if (error !== rolledBack) throw error
    })
  return found
}

async function columnsOf(sql: VerifySql, table: string): Promise<ReadonlySet<string>> {
  const rows = await sql<{ name: string }[]>`
    select attname as name from pg_attribute where attrelid = to_regclass(${table}) and attnum > 0 and not attisdropped`
  return new Set(rows.map(({ name }) => name))
}

function indexSql({ table, keys }: Candidate, name: string): string {
  return `create index ${name} on ${table} (${keys.join(', ')})`
}
