// What matters of a plan as EXPLAIN (FORMAT JSON) gives it (PostgreSQL documentation, "Using EXPLAIN").

export interface Plan {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Index Name'?: string
  readonly Filter?: string
  readonly 'Sort Key'?: readonly string[]
  readonly 'Total Cost': number
  readonly 'Plan Rows': number
  readonly Plans?: readonly Plan[]
}

/** The node and all below it. */
export function* nodesOf(plan: Plan): Iterable<Plan> {
  yield plan
  for (const child of plan.Plans ?? []) yield* nodesOf(child)
}

export function indexesOf(plan: Plan): ReadonlySet<string> {
  return new Set([...nodesOf(plan)].flatMap(node => node['Index Name'] ?? []))
}

/** All tables that it reads, in any way. */
export function tablesOf(plan: Plan): readonly string[] {
  return [...nodesOf(plan)].flatMap(node => node['Relation Name'] ?? [])
}

/** Tables that are read from end to end. */
export function scannedTables(plan: Plan): readonly string[] {
  return [...nodesOf(plan)].flatMap(node =>
    node['Node Type'].endsWith('Seq Scan') ? (node['Relation Name'] ?? []) : [],
  )
}
