// Statements that have no parse tree to look at (utility statements), told by their words: what they may write.
//
//     nothing      set, show, listen, vacuum, explain without analyze, ...
//     tables       truncate a, b [cascade]     copy t from
//     a query      copy (query) to
//     anything     all the rest: create, alter, drop, refresh, call, do, execute, several statements in one text, ...
//
// `anything` changes what was known of other statements as well, where it may change the schema.
import { scanSql, soleStatementWord } from '../statements/sql-tokens.ts'

export type StatementKind =
  | { readonly kind: 'nothing' }
  /** Names as written: `"A".b`. */
  | { readonly kind: 'truncate'; readonly tables: readonly string[]; readonly cascade: boolean }
  | { readonly kind: 'copy-in'; readonly tables: readonly string[] }
  /** A statement with a tree; `text` may be a part of the whole. */
  | { readonly kind: 'query'; readonly text: string }
  | { readonly kind: 'anything' }

const QUERIES: ReadonlySet<string> = new Set([
  'select',
  'values',
  'table',
  'with',
  '(',
  'insert',
  'update',
  'delete',
  'merge',
])
const NOTHING: ReadonlySet<string> = new Set(
  `
  set reset show listen unlisten notify lock discard deallocate checkpoint load begin start commit end rollback abort
  savepoint release close fetch move vacuum analyze analyse reindex comment grant revoke
`
    .trim()
    .split(/\s+/),
)

export function statementKind(text: string): StatementKind {
  const tokens = tokensOf(text)
  if (tokens.length === 0) return { kind: 'nothing' }
  if (tokens.some(token => token.text === ';')) return { kind: 'anything' }
  const word = wordAt(tokens, 0)
  if (QUERIES.has(word)) return { kind: 'query', text }
  if (NOTHING.has(word)) return { kind: 'nothing' }
  if (word === 'truncate') return truncateOf(tokens)
  if (word === 'copy') return copyOf(text, tokens)
  const analyzes = tokens.some((_, index) => /^analy[sz]e$/.test(wordAt(tokens, index)))
  return word === 'explain' && !analyzes ? { kind: 'nothing' } : { kind: 'anything' }
}

/** Settings by which names and rights are found. */
const NAMING = /search_path|schema|role|authorization|^all$/i
const SET_CONFIG = /set_config/gi
const SET_CONFIG_BY_NAME = /set_config\s*\(\s*'([^'\\]*)'/gi

/** Whether other statements may find other tables by the same names after it: set search_path, set role, set_config of one of them or of what isn't written out. */
export function changesNames(text: string): boolean {
  const tokens = tokensOf(text)
  const word = wordAt(tokens, 0)
  if (word === 'set' && wordAt(tokens, 1) === 'constraints') return false
  if (word === 'set' || word === 'reset' || word === 'discard') return tokens.some(token => NAMING.test(token.text))
  const calls = text.match(SET_CONFIG)?.length ?? 0
  if (calls === 0) return false
  const named = [...text.matchAll(SET_CONFIG_BY_NAME)]
  return named.length < calls || named.some(([, name = '']) => NAMING.test(name))
}

const READS: ReadonlySet<string> = new Set(['select', 'values', 'table', 'with', '('])
const WRITING_WORDS: ReadonlySet<string> = new Set(['insert', 'update', 'delete', 'merge', 'into'])

/** Whether it's one statement that begins as reads do. */
export function beginsAsRead(text: string): boolean {
  return READS.has(soleStatementWord(text) ?? '')
}

/** For where the server can't be asked: whether a word in it may mean a write, or a lock. Functions aren't looked into. */
export function mayWriteByWords(text: string): boolean {
  const kind = statementKind(text)
  if (kind.kind === 'nothing') return false
  if (kind.kind !== 'query') return true
  const tokens = tokensOf(kind.text)
  return (
    !READS.has(wordAt(tokens, 0)) || tokens.some((_, at) => WRITING_WORDS.has(wordAt(tokens, at)) || locks(tokens, at))
  )
}

function locks(tokens: readonly Token[], at: number): boolean {
  return wordAt(tokens, at) === 'for' && ['share', 'no', 'key'].includes(wordAt(tokens, at + 1))
}

interface Token {
  readonly text: string
  readonly start: number
  readonly end: number
}

/** Without the semicolons at the end. */
function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  scanSql(text, (_, start, end) => void tokens.push({ text: text.slice(start, end), start, end }))
  while (tokens.at(-1)?.text === ';') tokens.pop()
  return tokens
}

function wordAt(tokens: readonly Token[], index: number): string {
  return tokens[index]?.text.toLowerCase() ?? ''
}

function truncateOf(tokens: readonly Token[]): StatementKind {
  const tables: string[] = []
  let cascade = false
  let at = wordAt(tokens, 1) === 'table' ? 2 : 1
  do {
    if (wordAt(tokens, at) === 'only') at += 1
    const name = nameAt(tokens, at)
    if (name === undefined) return { kind: 'anything' }
    tables.push(name.text)
    at = name.next
    if (wordAt(tokens, at) === '*') at += 1
  } while (wordAt(tokens, at++) === ',')
  for (at -= 1; at < tokens.length; at++) {
    const word = wordAt(tokens, at)
    if (word === 'cascade') cascade = true
    else if (!['restart', 'continue', 'identity', 'restrict'].includes(word)) return { kind: 'anything' }
  }
  return { kind: 'truncate', tables, cascade }
}

function copyOf(text: string, tokens: readonly Token[]): StatementKind {
  if (wordAt(tokens, 1) === '(') {
    const close = closing(tokens, 1)
    const query = close === undefined ? '' : text.slice(tokens[1]?.end, tokens[close]?.start)
    return wordAt(tokens, (close ?? 0) + 1) === 'to' ? { kind: 'query', text: query } : { kind: 'anything' }
  }
  const name = nameAt(tokens, 1)
  if (name === undefined) return { kind: 'anything' }
  const after = wordAt(tokens, name.next) === '(' ? (closing(tokens, name.next) ?? 0) + 1 : name.next
  const direction = wordAt(tokens, after)
  if (direction === 'to') return { kind: 'nothing' }
  return direction === 'from' ? { kind: 'copy-in', tables: [name.text] } : { kind: 'anything' }
}

/** `name` or `schema.name`. */
function nameAt(tokens: readonly Token[], at: number): { readonly text: string; readonly next: number } | undefined {
  const first = tokens[at]
  if (first === undefined || !isName(first.text)) return undefined
  const second = tokens[at + 2]
  if (tokens[at + 1]?.text !== '.' || second === undefined) return { text: first.text, next: at + 1 }
  return isName(second.text) ? { text: `${first.text}.${second.text}`, next: at + 3 } : undefined
}

/** U&"" is left out: to_regclass doesn't read it. */
function isName(text: string): boolean {
  return text.startsWith('"') || /^[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*$/.test(text)
}

function closing(tokens: readonly Token[], open: number): number | undefined {
  let depth = 0
  for (let at = open; at < tokens.length; at++) {
    if (tokens[at]?.text === '(') depth += 1
    else if (tokens[at]?.text === ')' && --depth === 0) return at
  }
  return undefined
}
