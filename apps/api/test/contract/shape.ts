// What a JSON Schema of the document says, as a closed set of kinds: the same reading serves to make values, to break them and to check answers.
//
// Only the part of JSON Schema that the document uses is understood. A keyword beyond it throws: a rule that this reading passed over would be a rule that nobody tests.

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

/** A schema, read. */
export type Shape =
  | { readonly kind: 'any' | 'null' | 'boolean'; readonly examples: readonly Json[] }
  | { readonly kind: 'choice'; readonly values: readonly Json[]; readonly examples: readonly Json[] }
  | StringShape
  | NumberShape
  | ArrayShape
  | ObjectShape
  /** One of them is enough. */
  | { readonly kind: 'union'; readonly options: readonly Shape[]; readonly examples: readonly Json[] }
  /** All of them hold. */
  | { readonly kind: 'every'; readonly parts: readonly Shape[]; readonly examples: readonly Json[] }

export interface StringShape {
  readonly kind: 'string'
  readonly minLength: number
  readonly maxLength: number
  readonly pattern: string | undefined
  readonly format: 'date' | 'date-time' | undefined
  readonly examples: readonly Json[]
}

export interface NumberShape {
  readonly kind: 'number'
  readonly isInteger: boolean
  readonly minimum: number
  readonly maximum: number
  readonly examples: readonly Json[]
}

export interface ArrayShape {
  readonly kind: 'array'
  readonly items: Shape
  readonly minItems: number
  readonly maxItems: number
  readonly uniqueItems: boolean
  readonly examples: readonly Json[]
}

export interface ObjectShape {
  readonly kind: 'object'
  readonly fields: ReadonlyMap<string, { readonly shape: Shape; readonly isRequired: boolean }>
  /** Of fields that aren't named; null: there are none. */
  readonly others: Shape | null
  readonly minProperties: number
  readonly maxProperties: number
  readonly examples: readonly Json[]
}

type Schema = Readonly<Record<string, unknown>>

const ANNOTATIONS = ['title', 'description', 'default', 'examples', 'example', 'deprecated']
const KEYWORDS: Readonly<Record<string, readonly string[]>> = {
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  integer: ['minimum', 'maximum'],
  number: ['minimum', 'maximum'],
  boolean: [],
  null: [],
  array: ['items', 'minItems', 'maxItems', 'uniqueItems'],
  object: ['properties', 'required', 'additionalProperties', 'minProperties', 'maxProperties'],
}

/**
 * @param components the document's `components.schemas`
 * @throws Error for what isn't understood, naming the keyword
 */
export function readShape(schema: unknown, components: Schema): Shape {
  if (!isSchema(schema)) throw new Error(`No schema: ${JSON.stringify(schema)}`)
  const examples = examplesOf(schema)
  const read = (inner: unknown) => readShape(inner, components)
  const own = Object.keys(schema).filter(keyword => !ANNOTATIONS.includes(keyword))
  const only = (...known: string[]) => {
    const unknown = own.filter(keyword => !known.includes(keyword))
    if (unknown.length > 0) throw new Error(`Not understood: ${unknown.join(', ')} in ${JSON.stringify(schema)}`)
  }
  if (own.length === 0) return { kind: 'any', examples }
  const { $ref: reference, anyOf, allOf, type } = schema
  if (typeof reference === 'string') {
    only('$ref')
    const name = reference.replace('#/components/schemas/', '')
    if (!Object.hasOwn(components, name)) throw new Error(`The document has no ${reference}`)
    return read(components[name])
  }
  if (Array.isArray(anyOf)) {
    only('anyOf')
    return { kind: 'union', options: anyOf.map(read), examples }
  }
  if (Array.isArray(allOf)) {
    only('allOf')
    return merge(allOf.map(read))
  }
  if ('enum' in schema || 'const' in schema) {
    only('enum', 'const', 'type')
    const values = 'const' in schema ? [schema['const'] as Json] : (schema['enum'] as Json[])
    return { kind: 'choice', values, examples }
  }
  if (Array.isArray(type)) return { kind: 'union', options: type.map(one => read({ ...schema, type: one })), examples }
  if (typeof type !== 'string' || !Object.hasOwn(KEYWORDS, type))
    throw new Error(`Not understood: ${JSON.stringify(schema)}`)
  only('type', ...(KEYWORDS[type] ?? []))
  return readTyped(type, schema, examples, read)
}

function readTyped(type: string, schema: Schema, examples: readonly Json[], read: (schema: unknown) => Shape): Shape {
  const numberAt = (keyword: string, otherwise: number) => (schema[keyword] as number | undefined) ?? otherwise
  switch (type) {
    case 'string': {
      const format = schema['format'] as string | undefined
      if (format !== undefined && format !== 'date' && format !== 'date-time')
        throw new Error(`Not understood: format ${format}`)
      const pattern = schema['pattern'] as string | undefined
      const [minLength, maxLength] = [numberAt('minLength', 0), numberAt('maxLength', Infinity)]
      return { kind: 'string', minLength, maxLength, pattern, format, examples }
    }
    case 'integer':
    case 'number': {
      const [minimum, maximum] = [numberAt('minimum', -Infinity), numberAt('maximum', Infinity)]
      return { kind: 'number', isInteger: type === 'integer', minimum, maximum, examples }
    }
    case 'array': {
      const [minItems, maxItems] = [numberAt('minItems', 0), numberAt('maxItems', Infinity)]
      const uniqueItems = schema['uniqueItems'] === true
      return { kind: 'array', items: read(schema['items'] ?? {}), minItems, maxItems, uniqueItems, examples }
    }
    case 'object': {
      const required = (schema['required'] as string[] | undefined) ?? []
      const properties = Object.entries((schema['properties'] as Schema | undefined) ?? {})
      const fields = new Map(
        properties.map(([name, field]) => [name, { shape: read(field), isRequired: required.includes(name) }]),
      )
      const additional = schema['additionalProperties']
      // An object that doesn't say that it's open is taken for closed: what isn't described isn't sent.
      const others = isSchema(additional) ? read(additional) : null
      const [minProperties, maxProperties] = [numberAt('minProperties', 0), numberAt('maxProperties', Infinity)]
      return { kind: 'object', fields, others, minProperties, maxProperties, examples }
    }
    default:
      return { kind: type as 'boolean' | 'null', examples }
  }
}

/** Objects become one that has the fields of all, so that it's known which fields there are. */
function merge(parts: readonly Shape[]): Shape {
  const fields = new Map<string, { shape: Shape; isRequired: boolean }>()
  for (const part of parts) {
    if (part.kind !== 'object' || part.others !== null) throw new Error('Not understood: allOf of other than objects')
    for (const [name, { shape, isRequired }] of part.fields) {
      const before = fields.get(name)
      const both = { kind: 'every', parts: [...(before ? [before.shape] : []), shape], examples: [] } as const
      fields.set(name, { shape: before ? both : shape, isRequired: isRequired || before?.isRequired === true })
    }
  }
  return { kind: 'object', fields, others: null, minProperties: 0, maxProperties: Infinity, examples: [] }
}

/** As JSON Schema has them, and as OpenAPI has them beside a schema. */
export function examplesOf(schema: Schema): Json[] {
  const { example, examples } = schema
  const one = example === undefined ? [] : [example as Json]
  if (Array.isArray(examples)) return [...one, ...(examples as Json[])]
  if (!isSchema(examples)) return one
  return [...one, ...Object.values(examples).map(named => (named as { value: Json }).value)]
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
