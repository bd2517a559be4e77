// The demo data's rows with their columns' names, for tests.
import type { DemoTable, Value } from '../../../src/database/demo-data/demo-table.ts'

export type DemoRecord = Readonly<Record<string, Value>>

/** All records of a table; they're made once. */
export function recordReader(tables: readonly DemoTable[]): (name: string) => readonly DemoRecord[] {
  const known = new Map<string, readonly DemoRecord[]>()
  return name => {
    const records = known.get(name) ?? read(tables, name)
    known.set(name, records)
    return records
  }
}

function read(tables: readonly DemoTable[], name: string): readonly DemoRecord[] {
  const table = tables.find(table => table.name === name)
  if (table === undefined) throw new Error(`There is no table ${name}.`)
  return [...table.rows()].map(row =>
    Object.fromEntries(table.columns.map((column, index) => [column, row[index] ?? null])),
  )
}

/** The records by what a column holds, in their order. */
export function groupBy(records: readonly DemoRecord[], ...columns: string[]): Map<string, DemoRecord[]> {
  return Map.groupBy(records, record => columns.map(column => String(record[column])).join(' '))
}
