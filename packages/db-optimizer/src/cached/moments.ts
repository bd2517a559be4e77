// Words that the server reads as a moment: 'now'::timestamptz is another value each time it's parsed, and no function in the statement tells.
//
// In a statement's text such a word is taken for a moment wherever it stands inside a literal: a column's value 'today' is then needlessly thought unsteady. Literals are
// compared without whatever isn't a letter, since 'n' on one line and 'ow' on the next are one; with a backslash in an E'' or U&'' nothing can be said.
import { scanSql } from '../statements/sql-tokens.ts'

const WORDS = /now|today|tomorrow|yesterday/
/** What ISO 8601 and the driver's dates consist of. */
const PLAIN_MOMENT = /^[-+0-9:.TZ ]*$/

/** Whether a literal of the text may be a moment that moves. */
export function hasMovingLiteral(text: string): boolean {
  let found = false
  scanSql(text, (kind, start, end) => {
    if (kind !== 'literal' || found) return
    const literal = text.slice(start, end)
    const escaped = literal.includes('\\') && !literal.startsWith("'") && !literal.startsWith('$')
    found = escaped || WORDS.test(literal.replaceAll(/[^A-Za-z]/g, '').toLowerCase())
  })
  return found
}

/** Whether a parameter of a type for dates and times stands still. */
export function isSteadyMoment(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isSteadyMoment)
  if (typeof value === 'string') return PLAIN_MOMENT.test(value)
  return value === null || value instanceof Date || typeof value === 'number'
}
