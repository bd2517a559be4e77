// Words about a shape, so that an error, the help text and the README's table describe one option in the same terms.
import type { NumberShape, Shape, StringShape } from './schema-shape.ts'
import { keyPath } from './value-path.ts'

/** What a value of this shape is, for "give ...": `a whole number from 10 to 60000 (ms)`, `one of: a, b`. */
export function expectedText(shape: Shape): string {
  const { fromText, placeholder, unit } = shape.notes
  if (placeholder !== '' && fromText) return placeholder
  const range = rangeText(shape)
  switch (shape.kind) {
    case 'integer':
    case 'number': {
      const noun = shape.kind === 'integer' ? 'a whole number' : 'a number'
      return `${noun}${range === '' ? '' : ` ${range}`}${unit === '' ? '' : ` (${unit})`}`
    }
    case 'string':
      if (shape.format) return { uri: 'a URI', ipv4: 'an IPv4 address', ipv6: 'an IPv6 address' }[shape.format]
      return range === '' ? 'text' : `text ${shape.pattern ? 'that' : 'of'} ${range}`
    case 'boolean':
      return 'true or false'
    case 'null':
      return 'null'
    case 'oneOf':
      return shape.values.length === 1 ? `"${shape.values[0]}"` : range
    case 'array':
      return `a list${range === '' ? '' : ` of ${range}`}`
    case 'object':
      return shape.properties.size === 0 ? 'an object' : `an object with ${[...shape.properties.keys()].join(', ')}`
    case 'record':
      return 'an object'
    case 'anyOf':
      return shape.branches.map(expectedText).join(', or ')
    case 'any':
      return 'any value'
    default:
      return shape satisfies never
  }
}

/** Which values of its type are allowed: `from 10 to 60000`, `one of: a, b`, `1 to 64 characters`; empty when all are. */
export function rangeText(shape: Shape): string {
  switch (shape.kind) {
    case 'integer':
    case 'number':
      return numberRange(shape)
    case 'string':
      return stringRange(shape)
    case 'oneOf':
      return `one of: ${shape.values.join(', ')}`
    case 'array':
      return countRange(shape.minItems, shape.maxItems, 'element')
    case 'anyOf':
      return shape.branches.map(branch => rangeText(branch) || typeName(branch)).join(', or ')
    case 'boolean':
      return 'true or false'
    case 'object':
    case 'record':
    case 'null':
    case 'any':
      return ''
    default:
      return shape satisfies never
  }
}

/** A word for the value in the help text, without brackets: `ms`, `host:port`, `text`. */
export function typeName(shape: Shape): string {
  if (shape.notes.placeholder !== '') return shape.notes.placeholder
  if (shape.notes.unit !== '') return shape.notes.unit
  switch (shape.kind) {
    case 'integer':
    case 'number':
      return 'number'
    case 'string':
      return shape.format ?? 'text'
    case 'boolean':
      return 'true|false'
    case 'oneOf':
      return shape.values.join('|').length <= 40 ? shape.values.join('|') : 'name'
    case 'array':
      return shape.notes.fromText ? 'text' : typeName(shape.items)
    case 'object':
    case 'record':
      return shape.notes.fromText ? 'text' : 'object'
    case 'anyOf':
      return shape.branches.map(typeName).join('|')
    case 'null':
      return 'null'
    case 'any':
      return 'value'
    default:
      return shape satisfies never
  }
}

/** A default as people write it: texts bare, an empty one and an empty list in words, the rest as JSON. */
export function defaultText(value: unknown): string {
  if (value === '') return 'empty'
  if (Array.isArray(value) && value.length === 0) return 'none'
  if (typeof value === 'string') return value
  if (Array.isArray(value) && value.every(element => typeof element !== 'object')) return value.join(', ')
  return JSON.stringify(value) ?? String(value)
}

/** The sentences about an option: meaning, what 0 means, when to change it. */
export function meaningText(shape: Shape): string {
  const { description, zero, when } = shape.notes
  const sentences = [description, zero === '' ? '' : `0: ${zero}`, when]
  return sentences
    .map(part => part.trim())
    .filter(part => part !== '')
    .map(part => (/[.!?:)`]$/.test(part) ? part : `${part}.`))
    .join(' ')
}

function numberRange(shape: NumberShape): string {
  const low = shape.minimum ?? shape.exclusiveMinimum
  const high = shape.maximum ?? shape.exclusiveMaximum
  const lowText = shape.minimum === null ? `above ${low}` : `from ${low}`
  const highText = shape.maximum === null ? `below ${high}` : `to ${high}`
  const parts: string[] = []
  if (low !== null && high !== null) parts.push(`${lowText} ${shape.minimum === null ? 'and ' : ''}${highText}`)
  else if (low !== null) parts.push(shape.minimum === null ? lowText : `from ${low} up`)
  else if (high !== null) parts.push(shape.maximum === null ? highText : `up to ${high}`)
  if (shape.multipleOf !== null) parts.push(`in steps of ${shape.multipleOf}`)
  return parts.join(' ')
}

function stringRange(shape: StringShape): string {
  const parts: string[] = []
  if (shape.pattern) parts.push(`matches /${shape.pattern.source}/`)
  const count = countRange(shape.minLength, shape.maxLength, 'character')
  if (count !== '') parts.push(parts.length > 0 ? `and has ${count}` : count)
  return parts.join(' ')
}

function countRange(low: number | null, high: number | null, noun: string): string {
  const counted = (count: number) => `${count} ${noun}${count === 1 ? '' : 's'}`
  if (low !== null && high !== null) return low === high ? `exactly ${counted(low)}` : `${low} to ${counted(high)}`
  if (low !== null) return `at least ${counted(low)}`
  return high === null ? '' : `at most ${counted(high)}`
}

/** A key inside an option's value that is documented by itself: `upstream[].weight`. */
export interface InnerField {
  readonly path: string
  readonly shape: Shape
  readonly optional: boolean
}

/** The keys of the objects inside a value, outermost first; objects that only hold other keys are left out. */
export function innerFields(shape: Shape, path: string): InnerField[] {
  switch (shape.kind) {
    case 'array':
      return innerFields(shape.items, `${path}[]`)
    case 'record':
      return innerFields(shape.values, `${path}.*`)
    case 'anyOf':
      return shape.branches.flatMap(branch => innerFields(branch, path))
    case 'object':
      return Array.from(shape.properties).flatMap(([key, property]) => {
        const field = { path: keyPath(path, key), ...property }
        const inner = innerFields(field.shape, field.path)
        return field.shape.kind === 'object' && !field.shape.notes.fromText ? inner : [field, ...inner]
      })
    case 'string':
    case 'integer':
    case 'number':
    case 'boolean':
    case 'oneOf':
    case 'null':
    case 'any':
      return []
    default:
      return shape satisfies never
  }
}
