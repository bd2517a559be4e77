// Schemas of texts that clients send and the database keeps.
//
// PostgreSQL's text holds every Unicode text but for U+0000, and JSON can spell two things that it refuses: that character, and half of a surrogate pair ("\ud800"),
// which stands for no character and has no UTF-8. Both are valid for a plain string schema, so they would fail as deep as in the database, or be stored as something
// else. Every text of a body that isn't bound to a pattern or a list of words is one of these. (Not of a header field: Fastify copies those schemas, without their checks.)
//
// Lengths are in Unicode code points: JSON Schema's characters (Draft 2020-12, validation, 6.3.1) are what TypeBox counts, and the same as PostgreSQL's char_length.
import { Type, type TString } from 'typebox'

/** Lengths are needed: a text without an end is one that somebody will send. */
export interface TextOptions {
  /** In code points. */
  readonly minLength: number
  /** In code points. */
  readonly maxLength: number
  readonly description?: string
  readonly examples?: readonly string[]
}

const NO_HALVES = 'No U+0000, and no half of a surrogate pair.'
const ONE_LINE = 'One line: no control characters, and no white space at its ends.'

/** A text of any number of lines. */
export function Text(options: TextOptions): TString {
  return Type.Refine(
    Type.String(describedBy(NO_HALVES, options)),
    isStorable,
    () => 'must hold no U+0000, and no half of a surrogate pair',
  )
}

/** A text for one line: a title, a name. */
export function Line(options: TextOptions): TString {
  return Type.Refine(
    Type.String(describedBy(ONE_LINE, options)),
    text => isStorable(text) && isLine(text),
    () => 'must be one line without control characters, half surrogate pairs, and white space at its ends',
  )
}

/** Whether the database can keep it as it is. */
export function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

function isLine(text: string): boolean {
  return !/[\p{Cc}\u2028\u2029]/u.test(text) && text.trim() === text
}

function describedBy(rule: string, { minLength, maxLength, description, examples }: TextOptions) {
  return {
    minLength,
    maxLength,
    description: description === undefined ? rule : `${description} ${rule}`,
    ...(examples === undefined ? {} : { examples: [...examples] }),
  }
}
