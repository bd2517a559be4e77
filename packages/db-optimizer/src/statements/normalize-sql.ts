// One text for all statements that differ only in values, spelling and spacing:
//
//     SELECT *  FROM "T" WHERE a=1 AND b IN ($2, $3, 4) -- why     ->     select * from "T" where a = ? and b in (...)
//
// * Literals and parameters are `?`; a sign stands before it. A list of nothing but values is `(...)` or `[...]`, and so is a list of such lists (VALUES rows).
// * Comments and spacing are gone; unquoted names are in lower case, as the server reads them.
// * No value of the text is left in it: that's what makes it fit for logs and labels. Names are, also those of made-up columns and tables.
// Applied to its own result it changes nothing.
import { scanSql } from './sql-tokens.ts'

/** Longer results end in `…`: a statement is still recognised by its beginning, and its log line stays a line. */
const MAX_NORMALIZED_LENGTH = 4000

/** After these words a parenthesis is no call. */
const KEYWORDS_BEFORE_LIST: ReadonlySet<string> = new Set(
  'and any all array as by case distinct else except exists filter from having in intersect into is join lateral limit not offset on or over returning row select set some then union using values when where with within'.split(
    ' ',
  ),
)
const NO_SPACE_AFTER: ReadonlySet<string> = new Set(['(', '[', '.', '::', ''])
const NO_SPACE_BEFORE: ReadonlySet<string> = new Set([')', ']', ',', ';', '.', '::', '['])

/** Gives the normalised text; never throws. */
export function normalizeSql(text: string): string {
  const tokens: string[] = []
  scanSql(text, (kind, start, end) => {
    if (kind === 'literal' || kind === 'parameter') tokens.push('?')
    else if (kind === 'quoted-name') tokens.push(text.slice(start, end))
    else if (kind === 'word') tokens.push(asciiLowerCase(text.slice(start, end)))
    else tokens.push(text.slice(start, end))
    foldList(tokens)
  })
  while (tokens.at(-1) === ';') tokens.pop()
  return join(tokens)
}

/** Replaces a list of values that was just closed, and a list of folded lists behind VALUES. */
function foldList(tokens: string[]): void {
  const close = tokens.at(-1)
  if (close !== ')' && close !== ']') return
  const opening = close === ')' ? '(' : '['
  let at = tokens.length - 2
  if (tokens[at] === opening) return
  if (!(tokens[at] === '...' && tokens[at - 1] === opening)) {
    while (at >= 0 && isValueToken(tokens[at] as string)) at -= 1
    if (tokens[at] !== opening || !tokens.slice(at).includes('?')) return
    // A call with values is as telling as its name, and a lone value in parentheses is no list.
    const before = tokens[at - 1]
    if (opening === '(' && (before === undefined || (before !== 'in' && before !== 'values' && before !== ','))) return
    if (opening === '[' && before !== 'array') return
    if (before === ',' && !(tokens[at - 2] === ')' && tokens[at - 3] === '...')) return
    tokens.length = at
    tokens.push(opening, '...', close)
  }
  // values (...), (...) -> values (...)
  const size = tokens.length
  if (
    close === ')' &&
    tokens[size - 4] === ',' &&
    tokens[size - 5] === ')' &&
    tokens[size - 6] === '...' &&
    tokens[size - 7] === '('
  ) {
    tokens.length = size - 4
  }
}

function isValueToken(token: string): boolean {
  return (
    token === '?' ||
    token === ',' ||
    token === '-' ||
    token === '+' ||
    token === 'null' ||
    token === 'default' ||
    token === 'true' ||
    token === 'false'
  )
}

function join(tokens: readonly string[]): string {
  let text = ''
  let last = ''
  for (const token of tokens) {
    const apart = !NO_SPACE_AFTER.has(last) && !NO_SPACE_BEFORE.has(token) && !(token === '(' && isCallable(last))
    text += apart ? ` ${token}` : token
    last = token
    if (text.length > MAX_NORMALIZED_LENGTH) return `${text.slice(0, MAX_NORMALIZED_LENGTH)}…`
  }
  return text
}

function isCallable(token: string): boolean {
  return /^[a-z_"\u0080-\uffff]/.test(token) && !KEYWORDS_BEFORE_LIST.has(token)
}

/** The server folds only these, in encodings of several bytes. */
function asciiLowerCase(word: string): string {
  return word.replaceAll(/[A-Z]+/g, letters => letters.toLowerCase())
}
