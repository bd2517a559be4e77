// The database as `verify` sees it: one connection of the optimizer, and a stand-in for `Database` under which repositories explain their statements instead of
// running them. So what is proved are the very statements that requests send, with their parameters, and not copies that age.
import { createDatabase, type Query, type Sql } from '@plimsoll/db-optimizer'
import type postgres from 'postgres'
import { BIGINT } from '../driver.ts'
import type { Database, KeyedRead } from '../database.ts'
import type { Plan } from './plan.ts'

export type VerifySql = Sql<{ bigint: number }>

export interface VerifyConnection {
  readonly sql: VerifySql
  transaction<Result>(work: (sql: VerifySql) => Promise<Result>): Promise<Result>
  close(): Promise<void>
}

export interface VerifyTarget {
  readonly url: string
  readonly connectTimeoutS: number
}

/** Nothing that verify asks takes long: it plans, and doesn't run. */
const COMMAND_TIMEOUT_MS = 60_000

/** @param settings of the session, such as `enable_seqscan: 'off'` */
export function openVerifyConnection(
  { url, connectTimeoutS }: VerifyTarget,
  settings: Readonly<Record<string, string>> = {},
): VerifyConnection {
  const database = createDatabase({
    url,
    applicationName: 'plimsoll-api verify',
    minConnections: 0,
    maxConnections: 1,
    connectTimeoutMs: connectTimeoutS * 1000,
    commandTimeoutMs: COMMAND_TIMEOUT_MS,
    maxAttempts: 1,
    settings,
    types: { bigint: BIGINT },
  })
  return {
    sql: database.sql,
    transaction: work => database.transaction(work, { name: 'verify' }),
    close: () => database.close(),
  }
}

/** A statement's plan under the name that its repository gave it. */
export interface NamedPlan {
  readonly statement: string
  readonly plan: Plan
}

interface ExplainRow {
  readonly 'QUERY PLAN': readonly [{ readonly Plan: Plan }]
}

export async function explain(sql: VerifySql, query: Query<object[]>): Promise<Plan> {
  const { tagged, strings, args } = query as unknown as WrittenQuery
  // What was written with `sql.unsafe` is one text with its parameters, and can't be a part of another query.
  const [row] = tagged
    ? await sql<ExplainRow[]>`explain (format json) ${query}`
    : await sql.unsafe<ExplainRow[]>(`explain (format json) ${strings[0]}`, args)
  if (row === undefined) throw new Error('unreachable: EXPLAIN answers with one row')
  return row['QUERY PLAN'][0].Plan
}

/** The inside of a query of the driver that hasn't run. */
interface WrittenQuery {
  readonly tagged: boolean
  readonly strings: readonly string[]
  readonly args: postgres.ParameterOrJSON<number>[]
}

/** Reads find nothing, and leave their plan in `plans`. What changes rows is refused: a plan is all that's wanted. */
export function explainingDatabase(sql: VerifySql, plans: NamedPlan[]): Database {
  const keep = async (statement: string, query: Query<object[]>) => {
    plans.push({ statement, plan: await explain(sql, query) })
  }
  const keyed =
    <Row extends object, Value>({ name, query }: KeyedRead<Row>, nothing: Value) =>
    async (id: number): Promise<Value> => {
      await keep(name, query([id]) as unknown as Query<object[]>)
      return nothing
    }
  const refuse = (): never => {
    throw new TypeError('verify explains reads only')
  }
  return {
    sql,
    async read(name, query) {
      await keep(name, query as unknown as Query<object[]>)
      return []
    },
    loader: read => keyed(read, null),
    manyLoader: read => keyed(read, []),
    transaction: refuse,
    figures: refuse,
    statistics: refuse,
    openInvalidationLog: refuse,
    close: refuse,
  }
}
