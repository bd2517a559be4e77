// Cuts a migration's text into its statements, at the semicolons that end them: not at those in quotes, dollar quotes, comments, parentheses (CREATE RULE ...
// DO (a; b)) and bodies of SQL functions (BEGIN ATOMIC a; b; END). The rules are those by which psql decides what to send.
//
// Invariants
// * Statements come in the order of the text, and between two of them is nothing but semicolons, space and comments.
// * What isn't closed goes on to the end of the text: the server then refuses it, rather than that a half of it is run.
import { scanSql, type TokenKind } from '../statements/sql-tokens.ts'

/** A token of a statement; words in lower case. */
export interface Token {
  readonly kind: TokenKind
  readonly text: string
  /** In the file, from 0, in UTF-16 units. */
  readonly start: number
}

export interface Statement {
  /** From 1, in its file. */
  readonly number: number
  /** From its first token to its last; without the semicolon. */
  readonly text: string
  /** Of its first token in the file, from 1. */
  readonly line: number
  readonly tokens: readonly Token[]
}

export function splitStatements(text: string): readonly Statement[] {
  const statements: Statement[] = []
  let tokens: Token[] = []
  let depth = new Depth()
  let end = 0
  const finish = (): void => {
    const [first] = tokens
    if (first !== undefined) {
      statements.push({
        number: statements.length + 1,
        text: text.slice(first.start, end),
        line: lineAt(text, first.start),
        tokens,
      })
    }
    tokens = []
    depth = new Depth()
  }
  scanSql(text, (kind, start, tokenEnd) => {
    const written = text.slice(start, tokenEnd)
    const token: Token = { kind, text: kind === 'word' ? written.toLowerCase() : written, start }
    if (written === ';' && depth.outside) return finish()
    depth.see(token, tokens)
    tokens.push(token)
    end = tokenEnd
  })
  finish()
  return statements
}

/** The statement's first words in lower case, up to the first token that is none. */
export function leadingWords({ tokens }: Statement): readonly string[] {
  const end = tokens.findIndex(({ kind }) => kind !== 'word')
  return tokens.slice(0, end === -1 ? tokens.length : end).map(({ text }) => text)
}

/** Whether a word that isn't a quoted name stands anywhere in it. */
export function hasWord({ tokens }: Statement, word: string): boolean {
  return tokens.some(({ kind, text }) => kind === 'word' && text === word)
}

/** Line of an offset, both from where the text begins: 1 for 0. */
export function lineAt(text: string, offset: number): number {
  let line = 1
  for (let at = text.indexOf('\n'); at !== -1 && at < offset; at = text.indexOf('\n', at + 1)) line += 1
  return line
}

/** Line in the file of a position as the server counts it: in characters of the statement, from 1; a character may be two UTF-16 units. */
export function lineOfPosition(statement: Statement, position: number): number {
  let offset = 0
  let left = position - 1
  for (const character of statement.text) {
    if (left <= 0) break
    left -= 1
    offset += character.length
  }
  return statement.line + lineAt(statement.text, offset) - 1
}

/** How deep in parentheses and function bodies a place is. */
class Depth {
  #parentheses = 0
  #blocks = 0

  get outside(): boolean {
    return this.#parentheses === 0 && this.#blocks === 0
  }

  see({ kind, text }: Token, before: readonly Token[]): void {
    if (text === '(') this.#parentheses += 1
    else if (text === ')') this.#parentheses = Math.max(0, this.#parentheses - 1)
    else if (kind === 'word') this.#word(text, before)
  }

  /** `begin atomic` opens a body, `case` in it a block of its own, and `end` closes the innermost. */
  #word(word: string, before: readonly Token[]): void {
    const previous = before.at(-1)
    if (word === 'atomic') {
      if (previous?.kind === 'word' && previous.text === 'begin' && makesRoutine(before)) this.#blocks += 1
      return
    }
    // `t.end` and `as end` are names.
    if (this.#blocks === 0 || previous?.text === '.' || previous?.text === 'as') return
    if (word === 'case') this.#blocks += 1
    else if (word === 'end') this.#blocks -= 1
  }
}

function makesRoutine(tokens: readonly Token[]): boolean {
  if (tokens[0]?.text !== 'create') return false
  const kind = tokens[1]?.text === 'or' && tokens[2]?.text === 'replace' ? tokens[3]?.text : tokens[1]?.text
  return kind === 'function' || kind === 'procedure'
}
