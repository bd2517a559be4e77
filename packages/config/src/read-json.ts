// JSON with positions: the value of a configuration file, and the line and column of every value in it.
//
// JSON.parse would do the first half only. This reader exists for three things that it doesn't: each later problem can say where in the
// file it is; a key that stands twice in one object is found (JSON.parse keeps the last in silence); and a syntax error doesn't repeat the
// text around it, which in a configuration may be a password. The grammar is RFC 8259's, tested against JSON.parse.
import { setOwn } from './deep-readonly.ts'
import { indexPath, keyPath } from './value-path.ts'

/** Where something stands in a text; both count from 1. */
export interface TextPosition {
  readonly line: number
  readonly column: number
}

/** What a text holds. */
export interface JsonReading {
  readonly value: unknown
  /** Position of each value by its path; a value inside an object has that of its key. */
  readonly positions: ReadonlyMap<string, TextPosition>
  /** Keys that stand again in the same object, by path; the last one's value counts. */
  readonly repeated: readonly { readonly path: string; readonly position: TextPosition }[]
}

/** The text is no JSON: where it stops being some, and what was expected there. */
export class JsonSyntaxError extends Error {
  override readonly name = 'JsonSyntaxError'
  readonly position: TextPosition

  constructor(message: string, position: TextPosition) {
    super(message)
    this.position = position
  }
}

/** Objects and lists inside each other; deeper than any configuration, and far from the end of the stack. */
const MAX_DEPTH = 200
const WHITE_SPACE = /[ \t\n\r]*/y
// number = [ minus ] int [ frac ] [ exp ] (RFC 8259, section 6)
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
// unescaped = %x20-21 / %x23-5B / %x5D-10FFFF (RFC 8259, section 7)
// oxlint-disable-next-line no-control-regex -- the grammar is about control characters
const STRING = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[\dA-Fa-f]{4})[^"\\\u0000-\u001f]*)*"/y
const WORDS = [
  ['true', true],
  ['false', false],
  ['null', null],
] as const

/**
 * Reads a JSON text; a byte order mark at its beginning is passed over.
 * @throws JsonSyntaxError
 */
export function readJson(text: string): JsonReading {
  const positions = new Map<string, TextPosition>()
  const repeated: { path: string; position: TextPosition }[] = []
  let at = text.startsWith('\uFEFF') ? 1 : 0
  let lineStart = at
  let line = 1

  const here = (): TextPosition => ({ line, column: at - lineStart + 1 })
  const fail = (message: string): never => {
    throw new JsonSyntaxError(message, here())
  }
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at
    return pattern.exec(text)?.[0] ?? null
  }
  const skip = () => {
    const end = at + (match(WHITE_SPACE) ?? '').length
    for (; at < end; at++) {
      if (text[at] === '\n') {
        line += 1
        lineStart = at + 1
      }
    }
  }
  const takes = (character: string): boolean => {
    skip()
    if (text[at] !== character) return false
    at += 1
    return true
  }
  const string = (): string => {
    const source = match(STRING) ?? fail('a text is not closed, or has a control character or an unknown "\\" form')
    at += source.length
    return JSON.parse(source) as string
  }
  const object = (path: string, depth: number): object => {
    const result = {}
    if (takes('}')) return result
    do {
      skip()
      const position = here()
      if (text[at] !== '"') fail('expected a key in double quotes')
      const key = string()
      const inner = keyPath(path, key)
      if (!takes(':')) fail('expected ":" after a key')
      if (Object.hasOwn(result, key)) repeated.push({ path: inner, position })
      setOwn(result, key, value(inner, depth, position))
    } while (takes(','))
    if (!takes('}')) fail('expected "," or "}" after a value')
    return result
  }
  const list = (path: string, depth: number): unknown[] => {
    const result: unknown[] = []
    if (takes(']')) return result
    do result.push(value(indexPath(path, result.length), depth))
    while (takes(','))
    if (!takes(']')) fail('expected "," or "]" after an element')
    return result
  }
  const value = (path: string, depth: number, position?: TextPosition): unknown => {
    skip()
    positions.set(path, position ?? here())
    if (depth > MAX_DEPTH) fail(`more than ${MAX_DEPTH} objects and lists inside each other`)
    if (takes('{')) return object(path, depth + 1)
    if (takes('[')) return list(path, depth + 1)
    if (text[at] === '"') return string()
    const number = match(NUMBER)
    if (number !== null) {
      at += number.length
      return Number(number)
    }
    for (const [word, meaning] of WORDS) {
      if (text.startsWith(word, at)) {
        at += word.length
        return meaning
      }
    }
    return fail(at < text.length ? 'expected a value' : 'the text ends where a value was expected')
  }

  const result = value('', 0)
  skip()
  if (at < text.length) fail('something follows the end of the value')
  return { value: result, positions, repeated }
}

/** Position of the value at `path`, or of the nearest one around it that the text has. */
export function positionOf(positions: ReadonlyMap<string, TextPosition>, path: string): TextPosition {
  for (let end = path.length; end > 0; end--) {
    const isBoundary = end === path.length || path[end] === '.' || path[end] === '['
    const position = isBoundary ? positions.get(path.slice(0, end)) : undefined
    if (position) return position
  }
  return positions.get('') ?? { line: 1, column: 1 }
}
