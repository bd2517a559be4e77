// Says what is wrong with a value that its schema refuses: which fields, and which rule each breaks.
//
// TypeBox's own list isn't used for whole values. It looks at everything before it answers, so that the body of one request, 64 KiB of unknown names, holds the process
// for 60 ms; and it stops at eight errors, which unknown names can use up alone. Here the value is walked by its schema, parts that are right are passed over by their
// compiled check, and the walk ends with the issue that fills the list. TypeBox words the rule that a single value breaks.
//
// The parts are compiled when the schema refuses something for the first time: most never do.
import type { ProblemIssue } from '@plimsoll/problem-details'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'

const MAX_ISSUES = 20
const MAX_FIELD_LENGTH = 64
const NAME = /^[\w$.-]{1,40}$/

/** Answers what's wrong with a value, at least one issue and at most 20; none repeats a value, or a name that isn't one. */
export type ExplainIssues = (value: unknown) => ProblemIssue[]

/** @param area what the paths of the fields begin with: `body`, `query` */
export function explainIssues(schema: TSchema, area: string): ExplainIssues {
  let root: Part | undefined
  return value => {
    root ??= partOf(schema)
    const found = new Issues()
    root.explain(value, area, found)
    // A rule that the parts don't know: better a coarse answer than none.
    if (found.list.length === 0) found.add(area, 'breaks a rule of its schema')
    return found.list
  }
}

class Issues {
  readonly list: ProblemIssue[] = []

  get isFull(): boolean {
    return this.list.length >= MAX_ISSUES
  }

  add(path: string, message: string): void {
    if (!this.isFull) this.list.push({ field: path.slice(0, MAX_FIELD_LENGTH), message })
  }

  /** Repeats the name only if it's one that could have been meant. */
  addUnknown(path: string, name: string): void {
    if (NAME.test(name)) this.add(`${path}.${name}`, 'is not known here')
    else this.add(path, 'has a name that is not known here')
  }
}

/** A schema, or one within another. */
interface Part {
  isRight(value: unknown): boolean
  /** Adds what's wrong with a value that isn't right. */
  explain(value: unknown, path: string, issues: Issues): void
}

/** The keywords of JSON Schema that lead into a value. Not TypeBox's own marks: Fastify copies the schemas of header fields without them. */
interface Keywords {
  readonly type?: unknown
  readonly maxLength?: number
  readonly properties?: Readonly<Record<string, TSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: unknown
  readonly minProperties?: number
  readonly maxProperties?: number
  readonly items?: TSchema
  readonly minItems?: number
  readonly maxItems?: number
  readonly uniqueItems?: boolean
  readonly anyOf?: readonly TSchema[]
}

function partOf(schema: TSchema & Keywords): Part {
  const { properties, items, anyOf } = schema
  if (properties !== undefined) return objectPart(schema, properties)
  if (items !== undefined && !Array.isArray(items)) return arrayPart(schema, partOf(items))
  if (anyOf !== undefined) return unionPart(schema, anyOf)
  return singlePart(schema)
}

/** A value that has nothing in it, or nothing that could be looked into. */
function singlePart(schema: TSchema & Keywords): Part {
  const validator = Compile(schema)
  // A text that is too long isn't asked what else is wrong with it: no pattern ever sees more than it was made for. The check itself looks at the length first, too.
  const length = schema.maxLength === undefined ? undefined : Compile({ type: 'string', maxLength: schema.maxLength })
  return {
    isRight: value => validator.Check(value),
    explain: (value, path, issues) => {
      const asked = length !== undefined && typeof value === 'string' && !length.Check(value) ? length : validator
      for (const { keyword, params, message } of asked.Errors(value))
        issues.add(path, keyword === 'enum' ? `must be one of: ${params.allowedValues.join(', ')}` : message)
    },
  }
}

function objectPart(schema: TSchema & Keywords, properties: Readonly<Record<string, TSchema>>): Part {
  const validator = Compile(schema)
  const { required = [] } = schema
  const isClosed = schema.additionalProperties === false
  // Its number of fields.
  const itself = singlePart({ type: 'object', ...limitsOf(schema) })
  const parts = new Map(Object.entries(properties).map(([name, property]) => [name, partOf(property)]))
  return {
    isRight: value => validator.Check(value),
    explain: (value, path, issues) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return issues.add(path, 'must be object')
      if (!itself.isRight(value)) itself.explain(value, path, issues)
      for (const name of required) if (!Object.hasOwn(value, name)) issues.add(`${path}.${name}`, 'is required')
      for (const name in value) {
        if (issues.isFull) return
        const part = parts.get(name)
        const inner: unknown = Reflect.get(value, name)
        if (part === undefined) {
          if (isClosed) issues.addUnknown(path, name)
        } else if (!part.isRight(inner)) part.explain(inner, `${path}.${name}`, issues)
      }
    },
  }
}

const LIMITS = ['minProperties', 'maxProperties', 'minItems', 'maxItems'] as const satisfies readonly (keyof Keywords)[]

function limitsOf(schema: Keywords): object {
  return Object.fromEntries(LIMITS.filter(limit => schema[limit] !== undefined).map(limit => [limit, schema[limit]]))
}

function arrayPart(schema: TSchema & Keywords, item: Part): Part {
  const validator = Compile(schema)
  // Its length, apart from what's in it.
  const itself = singlePart({ type: 'array', ...limitsOf(schema) })
  return {
    isRight: value => validator.Check(value),
    explain: (value, path, issues) => {
      // With too many items it isn't asked what's wrong with each.
      if (!Array.isArray(value) || !itself.isRight(value)) return itself.explain(value, path, issues)
      let areRight = true
      for (const [index, inner] of value.entries()) {
        if (issues.isFull) return
        if (item.isRight(inner)) continue
        areRight = false
        item.explain(inner, `${path}.${index}`, issues)
      }
      // Not asked of TypeBox: its list of duplicates takes time by the square of their number.
      if (areRight && schema.uniqueItems === true) issues.add(path, 'must not have duplicate items')
    },
  }
}

/** One of several: whoever sent the right type is told what's wrong inside, others which types there are. */
function unionPart(schema: TSchema, anyOf: readonly (TSchema & Keywords)[]): Part {
  const validator = Compile(schema)
  const options = anyOf.map(option => ({
    type: typeof option.type === 'string' ? option.type : 'another value',
    part: partOf(option),
  }))
  return {
    isRight: value => validator.Check(value),
    explain: (value, path, issues) => {
      const alike = options.filter(({ type }) => type === typeOf(value))
      const [only] = alike
      if (alike.length === 1 && only) return only.part.explain(value, path, issues)
      issues.add(path, `must be ${[...new Set(options.map(({ type }) => type))].join(' or ')}`)
    },
  }
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  return typeof value
}
