// Cuts a statement into tokens by PostgreSQL's lexical rules (chapter 4.1), as far as it takes to tell literals from the rest.
//
//     'a''b'  continued on the next line   E'a\'b'  B'01'  X'1F'  N'a'  U&'d\0061'  $$a$$  $tag$a$tag$      literals
//     12  1.5  .5  1e-3  0x1F  1_000                                                                     literals
//     $1                                                                                                 parameters
//     abc  a$1  "a""b"  U&"d"                                                                            names
//     -- to the end of the line    /* nested /* as */ deep */                                            nothing
//     operators: the longest run, which `--` and `/*` end, and which doesn't end in + or - unless it has one of ~ ! @ # % ^ & | ` ?
//
// Assumes `standard_conforming_strings = on`, the default since 9.1. What isn't closed counts to the end of the text, so that nothing of a literal is taken for a name.
// Never throws, whatever the text is; its time grows with the text's length only.

export type TokenKind = 'literal' | 'parameter' | 'word' | 'quoted-name' | 'operator' | 'punctuation'

/** Told of each token: text[start, end). */
export type TokenSink = (kind: TokenKind, start: number, end: number) => void

const OPERATOR = '+-*/<>=~!@#%^&|`?'
const KEEPS_SIGN = '~!@#%^&|`?'
const SPACE = /[ \t\n\r\f\v]/y
const WORD_START = /[A-Za-z_\u0080-\uffff]/
const WORD = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_$\u0080-\uffff]*/y
const NUMBER =
  /0[xX][0-9A-Fa-f_]+|0[oO][0-7_]+|0[bB][01_]+|(?:[0-9][0-9_]*(?:\.(?!\.)[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9][0-9_]*)?/y
const PARAMETER = /\$[0-9]+/y
const DOLLAR_TAG = /\$(?:[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)?\$/y
/** Two literals with a line's end between them are one. */
const CONTINUATION = /[ \t\f\v]*[\n\r][ \t\n\r\f\v]*'/y

/** Gives every token of the text to the sink, in order. */
export function scanSql(text: string, sink: TokenSink): void {
  let at = 0
  while (at < text.length) {
    const start = at
    const char = text[at] as string
    if (matchEnd(SPACE, text, at) > 0) {
      at += 1
    } else if (char === '-' && text[at + 1] === '-') {
      at = endOfLine(text, at)
    } else if (char === '/' && text[at + 1] === '*') {
      at = endOfComment(text, at)
    } else if (char === "'") {
      at = endOfString(text, at, false)
      sink('literal', start, at)
    } else if (char === '"') {
      at = endOfQuoted(text, at + 1, '"', false)
      sink('quoted-name', start, at)
    } else if (char === '$') {
      at = scanDollar(text, start, sink)
    } else if (WORD_START.test(char)) {
      at = scanWord(text, start, sink)
    } else if (matchEnd(NUMBER, text, at) > 0) {
      at = matchEnd(NUMBER, text, at)
      sink('literal', start, at)
    } else if (OPERATOR.includes(char)) {
      at = endOfOperator(text, at)
      sink('operator', start, at)
    } else {
      // :: := and .. belong together; everything else stands alone.
      const pair = text.slice(at, at + 2)
      at += pair === '::' || pair === ':=' || pair === '..' ? 2 : 1
      sink('punctuation', start, at)
    }
  }
}

function scanWord(text: string, start: number, sink: TokenSink): number {
  const next = text[start + 1]
  const prefix = (text[start] as string).toLowerCase()
  if (next === "'" && (prefix === 'e' || prefix === 'b' || prefix === 'x' || prefix === 'n')) {
    const end = endOfString(text, start + 1, prefix === 'e')
    sink('literal', start, end)
    return end
  }
  const quote = text[start + 2]
  if (prefix === 'u' && next === '&' && (quote === "'" || quote === '"')) {
    const end = quote === "'" ? endOfString(text, start + 2, false) : endOfQuoted(text, start + 3, '"', false)
    sink(quote === "'" ? 'literal' : 'quoted-name', start, end)
    return end
  }
  const end = matchEnd(WORD, text, start)
  sink('word', start, end)
  return end
}

function scanDollar(text: string, start: number, sink: TokenSink): number {
  const parameterEnd = matchEnd(PARAMETER, text, start)
  if (parameterEnd > 0) {
    sink('parameter', start, parameterEnd)
    return parameterEnd
  }
  const tagEnd = matchEnd(DOLLAR_TAG, text, start)
  if (tagEnd === 0) {
    sink('punctuation', start, start + 1)
    return start + 1
  }
  const tag = text.slice(start, tagEnd)
  const close = text.indexOf(tag, tagEnd)
  const end = close < 0 ? text.length : close + tag.length
  sink('literal', start, end)
  return end
}

function endOfString(text: string, quoteAt: number, escapes: boolean): number {
  let end = endOfQuoted(text, quoteAt + 1, "'", escapes)
  for (let more = matchEnd(CONTINUATION, text, end); more > 0; more = matchEnd(CONTINUATION, text, end)) {
    end = endOfQuoted(text, more, "'", escapes)
  }
  return end
}

/** From behind the opening quote to behind the closing one; a doubled one is part of it, and with `escapes` what follows a backslash. */
function endOfQuoted(text: string, from: number, quote: string, escapes: boolean): number {
  for (let at = from; at < text.length; at++) {
    if (escapes && text[at] === '\\') at += 1
    else if (text[at] === quote) {
      if (text[at + 1] !== quote) return at + 1
      at += 1
    }
  }
  return text.length
}

function endOfLine(text: string, from: number): number {
  for (let at = from; at < text.length; at++) if (text[at] === '\n' || text[at] === '\r') return at
  return text.length
}

function endOfComment(text: string, from: number): number {
  let depth = 0
  for (let at = from; at < text.length; at++) {
    if (text[at] === '/' && text[at + 1] === '*') {
      depth += 1
      at += 1
    } else if (text[at] === '*' && text[at + 1] === '/') {
      depth -= 1
      at += 1
      if (depth === 0) return at + 1
    }
  }
  return text.length
}

function endOfOperator(text: string, from: number): number {
  let end = from
  let keepsSign = false
  while (end < text.length && OPERATOR.includes(text[end] as string)) {
    const pair = text.slice(end, end + 2)
    if (end > from && (pair === '--' || pair === '/*')) break
    keepsSign ||= KEEPS_SIGN.includes(text[end] as string)
    end += 1
  }
  if (!keepsSign) while (end - from > 1 && (text[end - 1] === '+' || text[end - 1] === '-')) end -= 1
  return end
}

/** End of a match that begins right here, 0 for none. */
function matchEnd(sticky: RegExp, text: string, at: number): number {
  sticky.lastIndex = at
  return sticky.test(text) ? sticky.lastIndex : 0
}

/** The first word of a text that is one statement, in lower case ("(" for one in brackets); undefined when there are several, or none. */
export function soleStatementWord(text: string): string | undefined {
  let first: string | undefined
  let ended = false
  let more = false
  scanSql(text, (_, start, end) => {
    const token = text.slice(start, end)
    if (token === ';') ended = true
    else if (ended) more = true
    else first ??= token.toLowerCase()
  })
  return more ? undefined : first
}
