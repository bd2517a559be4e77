// A table of the demo data: its rows as a list that can be gone through any number of times, always the same.

/** As COPY gets it: times are ISO 8601, money is decimal text, arrays and bytes are in PostgreSQL's own notation. */
export type Value = string | number | boolean | null
export type Row = readonly Value[]

export interface DemoTable {
  readonly name: string
  readonly columns: readonly string[]
  /** Number of rows. */
  readonly total: number
  rows(): Iterable<Row>
}

/** The words of a line: columns are written as one. */
export function words(text: string): readonly string[] {
  return text.split(' ')
}
