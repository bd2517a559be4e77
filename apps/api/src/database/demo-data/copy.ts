// Streams rows into a table with COPY, PostgreSQL's fastest way in, in its text format (PostgreSQL documentation, COPY, "Text Format").
//
// postgres.js 3.4.9 ends its stream with the server's error only when that comes before the end of the rows; after it, the stream never settles. So the end
// isn't awaited on the stream: a question on the same connection is answered after it, and then the stream has finished, or never will.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Writable } from 'node:stream'
import { SetupError } from '../../errors.ts'
import type { DriverSql } from '../driver.ts'
import type { DemoTable, Row, Value } from './demo-table.ts'

/** Text is sent in pieces of about this size: few writes, and never the whole table in memory. */
const CHUNK_LENGTH = 64 * 1024

/**
 * Copies a table's rows, calling `onRows` with the number sent so far after each piece.
 * @param sql a single connection, in a transaction
 * @throws the server's error, or API_ERR_DEMO_DATA when postgres.js has lost it
 */
export async function copyRows(sql: DriverSql, table: DemoTable, onRows: (rows: number) => void): Promise<void> {
  const target = await sql.unsafe(`copy ${table.name} (${table.columns.join(', ')}) from stdin`).writable()
  target.on('error', () => {}) // Kept in `errored`, and thrown from there.
  try {
    for (const { text, rows } of chunks(table.rows())) {
      await write(target, text)
      onRows(rows)
    }
    target.end()
    // The stream says CopyDone in the next tick; the question has to come after it.
    await nextTurn()
    await sql`select 1`.catch(() => {}) // Fails when the copy did: the transaction is aborted then.
  } catch (error) {
    target.destroy(error as Error)
    throw target.errored ?? error
  }
  if (target.errored) throw target.errored
  if (!target.writableFinished) {
    throw new SetupError(
      'API_ERR_DEMO_DATA',
      `The table ${table.name} refuses the demo data; the log of PostgreSQL says which row and why.`,
    )
  }
}

interface Chunk {
  readonly text: string
  /** Rows up to the end of this chunk. */
  readonly rows: number
}

function* chunks(rows: Iterable<Row>): Iterable<Chunk> {
  let text = ''
  let count = 0
  for (const row of rows) {
    text += encodeRow(row)
    count += 1
    if (text.length >= CHUNK_LENGTH) {
      yield { text, rows: count }
      text = ''
    }
  }
  if (text !== '') yield { text, rows: count }
}

function write(target: Writable, text: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  target.write(text, error => (error ? reject(error) : resolve()))
  return promise
}

/** One line of COPY's text format. */
export function encodeRow(row: Row): string {
  let line = ''
  let separator = ''
  for (const value of row) {
    line += separator + encodeValue(value)
    separator = '\t'
  }
  return `${line}\n`
}

const SPECIAL = /[\\\t\n\r]/
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' }

function encodeValue(value: Value): string {
  if (value === null) return '\\N'
  if (typeof value !== 'string') return String(value)
  // Hardly any text has one.
  return SPECIAL.test(value) ? value.replaceAll(/[\\\t\n\r]/g, character => ESCAPES[character] ?? character) : value
}
