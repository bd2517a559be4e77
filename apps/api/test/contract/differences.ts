// What a value has that its shape doesn't allow. Stricter than JSON Schema: a field that isn't described is a difference, and so is a time without milliseconds.
import type { Json, Shape, StringShape } from './shape.ts'

/** Empty when the value is one of the shape; each entry says where and what, without the value. */
export function differences(shape: Shape, value: unknown, path = '$'): string[] {
  switch (shape.kind) {
    case 'any':
      return []
    case 'null':
      return value === null ? [] : [`${path} is not null`]
    case 'boolean':
      return typeof value === 'boolean' ? [] : [`${path} is no boolean`]
    case 'choice':
      return shape.values.some(one => isSame(one, value)) ? [] : [`${path} is none of ${JSON.stringify(shape.values)}`]
    case 'string':
      return ofString(shape, value, path)
    case 'number': {
      const isNumber = typeof value === 'number' && (shape.isInteger ? Number.isInteger(value) : Number.isFinite(value))
      if (!isNumber) return [`${path} is no ${shape.isInteger ? 'integer' : 'number'}`]
      return value < shape.minimum || value > shape.maximum ? [`${path} is out of range`] : []
    }
    case 'array': {
      if (!Array.isArray(value)) return [`${path} is no array`]
      const { minItems, maxItems, uniqueItems } = shape
      const inItems = value.flatMap((item, index) => differences(shape.items, item, `${path}[${index}]`))
      if (value.length < minItems || value.length > maxItems) inItems.push(`${path} has ${value.length} items`)
      if (uniqueItems && new Set(value.map(item => JSON.stringify(item))).size < value.length)
        inItems.push(`${path} has duplicates`)
      return inItems
    }
    case 'object': {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path} is no object`]
      const { fields, others, minProperties, maxProperties } = shape
      const found: string[] = []
      for (const [name, { isRequired }] of fields)
        if (isRequired && !Object.hasOwn(value, name)) found.push(`${path}.${name} is missing`)
      for (const [name, inner] of Object.entries(value)) {
        const field = fields.get(name)?.shape ?? others
        found.push(
          ...(field === null ? [`${path}.${name} is not described`] : differences(field, inner, `${path}.${name}`)),
        )
      }
      const size = Object.keys(value).length
      if (size < minProperties || size > maxProperties) found.push(`${path} has ${size} fields`)
      return found
    }
    case 'union': {
      const each = shape.options.map(option => differences(option, value, path))
      return each.some(found => found.length === 0) ? [] : [`${path} fits no option: ${each.flat().join(', ')}`]
    }
    case 'every':
      return shape.parts.flatMap(part => differences(part, value, path))
    default:
      return shape satisfies never
  }
}

function ofString({ minLength, maxLength, pattern, format }: StringShape, value: unknown, path: string): string[] {
  if (typeof value !== 'string') return [`${path} is no string`]
  const found: string[] = []
  const length = Array.from(value).length
  if (length < minLength || length > maxLength) found.push(`${path} has ${length} characters`)
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) found.push(`${path} doesn't match ${pattern}`)
  if (format === 'date-time' && !isTime(value)) found.push(`${path} is no time with milliseconds in UTC`)
  if (format === 'date' && !isTime(`${value}T00:00:00.000Z`)) found.push(`${path} is no date`)
  if (!value.isWellFormed()) found.push(`${path} holds half a surrogate pair`)
  return found
}

function isTime(text: string): boolean {
  const at = new Date(text)
  return !Number.isNaN(at.getTime()) && at.toISOString() === text
}

function isSame(one: Json, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
