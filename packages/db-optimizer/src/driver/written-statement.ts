// What the driver would send for a query: text, parameters and the types that it declares, without a connection.
//
// It's the driver's own writing, and not a copy of its rules: a query that stands as a value of the helper for `values` is written out as a fragment, and the helper's
// `build(before, parameters, types, options)` gives the text and fills the lists. test/driver/written-statement.test.ts compares it with what is sent.
import type { DriverQuery, PostgresDriver } from './postgres-driver.ts'

export interface WrittenStatement {
  readonly text: string
  /** Values as they were given, unconverted. */
  readonly parameters: readonly unknown[]
  /** Object identifiers of types; 0 where the server is to find out. */
  readonly types: readonly number[]
}

interface ValuesHelper {
  build(before: string, parameters: unknown[], types: number[], options: unknown): string
}

/** @throws what the driver throws for values that it can't write: `undefined` */
export function writtenStatement(driver: PostgresDriver, query: DriverQuery): WrittenStatement {
  const parameters: unknown[] = []
  const types: number[] = []
  const written = (value: unknown): string => {
    const helper = (driver.builder as unknown as (rows: unknown) => ValuesHelper)([[value]])
    return helper.build('values', parameters, types, driver.builder.options).slice(1, -1)
  }
  if (query.tagged) return { text: written(query), parameters, types }
  for (const value of query.args) written(value)
  return { text: query.strings[0] ?? '', parameters, types }
}
