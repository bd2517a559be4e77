// Which indexes there should be: those that the migrations declare. What each of them is stands in index-definitions.ts.
//
// Read from the statements' text, for the forms that our migrations use: `create index`, `drop index`, and constraints with a name of their own. Indexes behind
// primary keys without a name are left out: without them the table wouldn't be there.
import type { Migration } from '@plimsoll/db-optimizer/migrations'

export interface DeclaredIndex {
  readonly name: string
  readonly table: string
  /** File that declares it. */
  readonly migration: string
}

/** The part of a migration that's read. */
export type Declaring = Pick<Migration, 'name'> & { readonly statements: readonly { readonly text: string }[] }

const CREATE_INDEX =
  /^create\s+(?:unique\s+)?index\s+(?:concurrently\s+)?(?:if\s+not\s+exists\s+)?"?(\w+)"?\s+on\s+(?:only\s+)?"?(\w+)"?/i
/** Without a name PostgreSQL makes one: `table_column_idx`. */
const CREATE_UNNAMED = /^create\s+index\s+on\s+"?(\w+)"?\s*\(([\w\s,]+)\)/i
const DROP_INDEX = /^drop\s+index\s+(?:concurrently\s+)?(?:if\s+exists\s+)?"?(\w+)"?/i
const CREATE_TABLE = /^create\s+table\s+(?:if\s+not\s+exists\s+)?"?(\w+)"?/i
const ALTER_TABLE = /^alter\s+table\s+(?:only\s+)?(?:if\s+exists\s+)?"?(\w+)"?/i
const DROP_TABLE = /^drop\s+table\s+(?:if\s+exists\s+)?"?(\w+)"?/i
const CONSTRAINT = /\bconstraint\s+"?(\w+)"?\s+(?:unique|primary\s+key|exclude)\b/gi
const DROP_CONSTRAINT = /\bdrop\s+constraint\s+(?:if\s+exists\s+)?"?(\w+)"?/gi
const COMMENT = /--[^\n]*/g

/** In the order in which they're declared. */
export function declaredIndexes(migrations: readonly Declaring[]): readonly DeclaredIndex[] {
  const declared = new Map<string, DeclaredIndex>()
  for (const { name: migration, statements } of migrations) {
    for (const { text } of statements) {
      const statement = text.replaceAll(COMMENT, ' ').trim()
      const dropped = DROP_INDEX.exec(statement)?.[1]
      if (dropped !== undefined) declared.delete(dropped)
      const droppedTable = DROP_TABLE.exec(statement)?.[1]
      for (const index of declared.values()) if (index.table === droppedTable) declared.delete(index.name)
      const [, name, on] = CREATE_INDEX.exec(statement) ?? []
      if (name !== undefined && on !== undefined) declared.set(name, { name, table: on, migration })
      const [, unnamedOn, columns = ''] = CREATE_UNNAMED.exec(statement) ?? []
      if (unnamedOn !== undefined) {
        const made = [unnamedOn, ...columns.split(',').map(column => column.trim()), 'idx'].join('_')
        declared.set(made, { name: made, table: unnamedOn, migration })
      }
      const table = (CREATE_TABLE.exec(statement) ?? ALTER_TABLE.exec(statement))?.[1]
      if (table === undefined) continue
      for (const [, constraint = ''] of statement.matchAll(DROP_CONSTRAINT)) declared.delete(constraint)
      for (const [, constraint = ''] of statement.matchAll(CONSTRAINT))
        declared.set(constraint, { name: constraint, table, migration })
    }
  }
  return [...declared.values()]
}
