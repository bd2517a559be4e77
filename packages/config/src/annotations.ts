// What an option says about itself beyond its type: keys that stand on a TypeBox schema beside `minimum` or `pattern`.
//
// They are read in one place (schema-shape.ts); help, tables, the JSON Schema and error messages all come from them.

/** Keys on a schema; all optional, but an option without a description is unfinished. */
export interface OptionAnnotations {
  /** What the option means: a sentence or two. */
  readonly description?: string
  /** Value when no source gives one. Inner objects need none: their keys have their own. */
  readonly default?: unknown
  /** Unit of a number, as shown to people: `ms`, `s`, `bytes`, `percent`, `requests`. */
  readonly unit?: string
  /** What 0 means: `no limit`. */
  readonly zero?: string
  /** When to change it, and which other options it works with. */
  readonly when?: string
  /** Environment variables that set it; of several that aren't empty the first in this list counts. None by default. */
  readonly env?: string | readonly string[]
  /** Name of its flag without the dashes, instead of its dotted path in kebab-case. */
  readonly flag?: string
  /** The value is never printed: not by `redact`, not in a message, not as a default in a table. */
  readonly secret?: boolean
  /**
   * Reads the text of a flag or a variable, and text in a file where the schema wants something else; throws an Error with a sentence when
   * it can't. On a list it reads one element (and may return several as an array).
   */
  readonly fromText?: (text: string) => unknown
  /** Name of the value in the help text, instead of one made from the type: `host:port`. */
  readonly placeholder?: string
  /** What separates the elements of a list in an environment variable. Default: white space if they have a `fromText`, else a comma. */
  readonly separator?: string
}

/** The keys above, for telling an annotation from a misspelt keyword. */
export const ANNOTATION_KEYS: readonly (keyof OptionAnnotations)[] = [
  'description',
  'default',
  'unit',
  'zero',
  'when',
  'env',
  'flag',
  'secret',
  'fromText',
  'placeholder',
  'separator',
]
