// The one place that knows TypeBox and JSON Schema: turns a schema into a `Shape`, a small closed set of cases that the rest works on.
//
// Invariants
// * What isn't understood is refused, never skipped: a keyword that went unchecked would be a promise that nobody keeps. A misspelt
//   annotation (`desciption`) is found the same way.
// * A shape is complete: every bound and note has a value, absent ones are null or empty.
import type { TSchema } from 'typebox'
import { ANNOTATION_KEYS } from './annotations.ts'
import { isPlainObject } from './deep-readonly.ts'
import { type ConfigIssue, throwIssues } from './errors.ts'
import { keyPath } from './value-path.ts'

/** A check that the schema can't say (`Type.Refine`). */
export interface Refinement {
  check(value: unknown): boolean
  error(value: unknown): string
}

/** What an option says about itself; see OptionAnnotations. */
export interface ShapeNotes {
  readonly description: string
  readonly unit: string
  readonly zero: string
  readonly when: string
  readonly env: readonly string[]
  readonly flag: string | null
  readonly secret: boolean
  readonly fromText: ((text: string) => unknown) | null
  readonly placeholder: string
  readonly separator: string | null
  /** The default, boxed because it may be any value. */
  readonly fallback: { readonly value: unknown } | null
  readonly refinements: readonly Refinement[]
}

export interface StringShape extends Noted {
  readonly kind: 'string'
  readonly minLength: number | null
  readonly maxLength: number | null
  readonly pattern: RegExp | null
  readonly format: StringFormat | null
}
export interface NumberShape extends Noted {
  readonly kind: 'integer' | 'number'
  readonly minimum: number | null
  readonly maximum: number | null
  readonly exclusiveMinimum: number | null
  readonly exclusiveMaximum: number | null
  readonly multipleOf: number | null
}
export interface OneOfShape extends Noted {
  readonly kind: 'oneOf'
  readonly values: readonly (string | number | boolean)[]
}
export interface ArrayShape extends Noted {
  readonly kind: 'array'
  readonly items: Shape
  readonly minItems: number | null
  readonly maxItems: number | null
  readonly uniqueItems: boolean
}
export interface ObjectShape extends Noted {
  readonly kind: 'object'
  readonly properties: ReadonlyMap<string, PropertyShape>
}
export interface RecordShape extends Noted {
  readonly kind: 'record'
  readonly keyPattern: RegExp
  readonly values: Shape
}
export interface AnyOfShape extends Noted {
  readonly kind: 'anyOf'
  readonly branches: readonly Shape[]
}
export interface PlainShape extends Noted {
  readonly kind: 'boolean' | 'null' | 'any'
}
interface Noted {
  readonly notes: ShapeNotes
}
/** One option's type, or a part of it. */
export type Shape =
  | StringShape
  | NumberShape
  | OneOfShape
  | ArrayShape
  | ObjectShape
  | RecordShape
  | AnyOfShape
  | PlainShape
/** A key of an object and whether it may be absent. */
export interface PropertyShape {
  readonly shape: Shape
  readonly optional: boolean
}

/** Formats of strings that are checked. Any other is refused: a `pattern` or a `fromText` says the same and is checked. */
export const STRING_FORMATS = ['uri', 'ipv4', 'ipv6'] as const
export type StringFormat = (typeof STRING_FORMATS)[number]

const METADATA_KEYS = ['type', 'title', 'examples', 'deprecated', 'readOnly', 'writeOnly', '$id', '$comment', '$schema']
const NUMBER_KEYS = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf']
const KEYWORDS: Readonly<Record<Shape['kind'], readonly string[]>> = {
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  integer: NUMBER_KEYS,
  number: NUMBER_KEYS,
  boolean: [],
  null: [],
  any: [],
  oneOf: ['const', 'enum', 'anyOf'],
  array: ['items', 'minItems', 'maxItems', 'uniqueItems'],
  object: ['properties', 'required', 'additionalProperties'],
  record: ['patternProperties', 'additionalProperties'],
  anyOf: ['anyOf'],
}

type Keywords = Readonly<Record<string, unknown>>
type Refuse = (path: string, problem: string) => void

/**
 * Reads a schema.
 * @throws ConfigError CONFIG_ERR_SCHEMA_INVALID with everything in it that isn't understood.
 */
export function readShape(schema: TSchema): Shape {
  const issues: ConfigIssue[] = []
  const shape = shapeOf(schema, '', (path, problem) => {
    issues.push(schemaIssue(path, problem))
  })
  throwIssues(issues)
  return shape
}

/** A problem that the program's author has to mend. */
export function schemaIssue(path: string, problem: string): ConfigIssue {
  const where = path === '' ? 'schema' : `schema at ${path}`
  return { code: 'CONFIG_ERR_SCHEMA_INVALID', path, source: 'schema', message: `${where}: ${problem}` }
}

function shapeOf(schema: TSchema, path: string, refuse: Refuse): Shape {
  const keywords = schema as Keywords
  const shape = bareShape(keywords, notesOf(keywords, path, refuse), path, refuse)
  const known = [...METADATA_KEYS, ...ANNOTATION_KEYS, ...KEYWORDS[shape.kind]]
  for (const key of Object.keys(keywords)) {
    // Keys of TypeBox's own; the one that would change the value is refused below.
    if (key.startsWith('~') || key.startsWith('x-') || known.includes(key)) continue
    refuse(
      path,
      `the keyword "${key}" is not supported for a value of kind ${shape.kind}; supported are ${known.join(', ')}`,
    )
  }
  if ('~codec' in keywords) refuse(path, 'codecs are not supported; use fromText')
  return shape
}

function bareShape(keywords: Keywords, notes: ShapeNotes, path: string, refuse: Refuse): Shape {
  const nothing: PlainShape = { kind: 'any', notes }
  if ('const' in keywords) return { kind: 'oneOf', notes, values: closedSet([keywords['const']], path, refuse) }
  if (Array.isArray(keywords['enum'])) {
    return { kind: 'oneOf', notes, values: closedSet(keywords['enum'], path, refuse) }
  }
  if (Array.isArray(keywords['anyOf'])) {
    const branches = keywords['anyOf'].map(branch => shapeOf(branch as TSchema, path, refuse))
    if (branches.length === 0) refuse(path, 'a union needs at least one member')
    const values = branches.map(branch => (branch.kind === 'oneOf' ? branch.values : null))
    return values.every(set => set !== null)
      ? { kind: 'oneOf', notes, values: values.flat() }
      : { kind: 'anyOf', notes, branches }
  }
  const bound = (key: string): number | null => numberAt(keywords, key, path, refuse)
  switch (keywords['type']) {
    case 'string':
      return {
        kind: 'string',
        notes,
        minLength: bound('minLength'),
        maxLength: bound('maxLength'),
        pattern: patternAt(keywords['pattern'], path, refuse),
        format: formatAt(keywords['format'], path, refuse),
      }
    case 'integer':
    case 'number':
      return {
        kind: keywords['type'],
        notes,
        minimum: bound('minimum'),
        maximum: bound('maximum'),
        exclusiveMinimum: bound('exclusiveMinimum'),
        exclusiveMaximum: bound('exclusiveMaximum'),
        multipleOf: bound('multipleOf'),
      }
    case 'boolean':
    case 'null':
      return { kind: keywords['type'], notes }
    case 'array':
      if (!isPlainObject(keywords['items'])) {
        refuse(path, 'a list needs one schema for its elements under "items"; tuples are not supported')
        return nothing
      }
      return {
        kind: 'array',
        notes,
        items: shapeOf(keywords['items'], path === '' ? '[]' : `${path}[]`, refuse),
        minItems: bound('minItems'),
        maxItems: bound('maxItems'),
        uniqueItems: keywords['uniqueItems'] === true,
      }
    case 'object':
      return objectShape(keywords, notes, path, refuse)
    case undefined:
      return nothing
    default:
      refuse(path, `values of type ${JSON.stringify(keywords['type'])} are not supported`)
      return nothing
  }
}

function objectShape(keywords: Keywords, notes: ShapeNotes, path: string, refuse: Refuse): ObjectShape | RecordShape {
  const additional = keywords['additionalProperties']
  if (isPlainObject(keywords['patternProperties'])) {
    const [first, ...others] = Object.entries(keywords['patternProperties'])
    if (!first || others.length > 0) refuse(path, 'a map has exactly one pattern for its names')
    const [pattern, value] = first ?? ['', {}]
    return {
      kind: 'record',
      notes,
      keyPattern: patternAt(pattern, path, refuse) ?? /^/,
      values: shapeOf(value as TSchema, keyPath(path, '*'), refuse),
    }
  }
  if (additional !== undefined && additional !== false) {
    refuse(path, 'additionalProperties must be false or left out: unknown keys are errors; use a Record for free names')
  }
  const required = Array.isArray(keywords['required']) ? (keywords['required'] as unknown[]) : []
  const properties = new Map<string, PropertyShape>()
  for (const [key, schema] of Object.entries((keywords['properties'] ?? {}) as Record<string, TSchema>)) {
    if (!/^[a-z][\w-]*$/i.test(key)) {
      refuse(path, `the key ${JSON.stringify(key)} can't be an option; use letters, digits, "_" and "-"`)
    }
    properties.set(key, { shape: shapeOf(schema, keyPath(path, key), refuse), optional: !required.includes(key) })
  }
  return { kind: 'object', notes, properties }
}

function notesOf(keywords: Keywords, path: string, refuse: Refuse): ShapeNotes {
  const text = (key: 'description' | 'unit' | 'zero' | 'when' | 'placeholder'): string => {
    const value = keywords[key] ?? ''
    if (typeof value === 'string') return value
    refuse(path, `"${key}" must be text`)
    return ''
  }
  const { env = [], flag = null, secret = false, fromText = null, separator = null } = keywords
  const names: unknown[] = Array.isArray(env) ? env : [env]
  if (!names.every(name => typeof name === 'string' && /^[A-Z_]\w*$/i.test(name))) {
    refuse(path, '"env" must be the name of an environment variable, or a list of them')
  }
  if (flag !== null && (typeof flag !== 'string' || !/^[a-z0-9][a-z0-9.-]*$/.test(flag))) {
    refuse(path, '"flag" must be small letters, digits, "." and "-", without the leading dashes')
  }
  if (typeof secret !== 'boolean') refuse(path, '"secret" must be true or false')
  if (fromText !== null && typeof fromText !== 'function') refuse(path, '"fromText" must be a function')
  if (separator !== null && (typeof separator !== 'string' || separator === '')) {
    refuse(path, '"separator" must be text of at least one character')
  }
  return {
    description: text('description'),
    unit: text('unit'),
    zero: text('zero'),
    when: text('when'),
    placeholder: text('placeholder'),
    env: names as string[],
    flag: flag as string | null,
    secret: secret === true,
    fromText: fromText as ((text: string) => unknown) | null,
    separator: separator as string | null,
    fallback: 'default' in keywords ? { value: keywords['default'] } : null,
    refinements: Array.isArray(keywords['~refine']) ? (keywords['~refine'] as Refinement[]) : [],
  }
}

function closedSet(values: readonly unknown[], path: string, refuse: Refuse): (string | number | boolean)[] {
  if (!values.every(value => ['string', 'number', 'boolean'].includes(typeof value)) || values.length === 0) {
    refuse(path, 'a closed set has at least one value, and only texts, numbers and booleans')
  }
  return values as (string | number | boolean)[]
}

function numberAt(keywords: Keywords, key: string, path: string, refuse: Refuse): number | null {
  const value = keywords[key]
  if (value === undefined) return null
  if (typeof value !== 'number' || !Number.isFinite(value)) refuse(path, `"${key}" must be a number`)
  return Number(value)
}

function patternAt(pattern: unknown, path: string, refuse: Refuse): RegExp | null {
  if (pattern === undefined) return null
  // A global or sticky expression remembers where it stopped, so it's built anew without those flags.
  if (pattern instanceof RegExp) return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''))
  try {
    if (typeof pattern === 'string') return new RegExp(pattern, 'u')
    refuse(path, '"pattern" must be text or a regular expression')
  } catch (error) {
    refuse(path, `"pattern" is no regular expression: ${(error as Error).message}`)
  }
  return null
}

function formatAt(format: unknown, path: string, refuse: Refuse): StringFormat | null {
  if (format === undefined) return null
  const known = STRING_FORMATS.find(name => name === format)
  if (!known) {
    refuse(path, `the format ${JSON.stringify(format)} is not checked here; there is ${STRING_FORMATS.join(', ')}`)
  }
  return known ?? null
}
