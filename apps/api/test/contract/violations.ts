// Each way in which a value can break its shape, one at a time: wrong types, just beyond each limit, missing and unknown fields, at every depth.
//
// Candidates are tried against the shape itself, and those that it allows are passed over; so nothing is called wrong that isn't.
import { differences } from './differences.ts'
import type { ArrayShape, Json, ObjectShape, Shape } from './shape.ts'

export interface Violation {
  /** Names and indices that lead to what's wrong, for the answer's `issues`. */
  readonly path: readonly string[]
  readonly what: string
  /** The whole value, wrong in this one respect. */
  readonly value: Json
}

/** None of them is of every type, so each shape refuses some. */
const OF_OTHER_TYPES: readonly Json[] = [null, true, 0, 1.5, 'x', '1', [], [1], {}]
const WRONG_TEXTS = ['', ' ', 'A b', 'é', '😀', '-', 'x\ny', '!', '2026-02-30', '2026-13-01T00:00:00.000Z', '0']
const WRONG_NUMBERS = [
  '1.5',
  '1e3',
  '0x1',
  '01',
  '+1',
  ' 1',
  '1 ',
  '1,0',
  '1_0',
  '٣',
  'NaN',
  'Infinity',
  'null',
  'TRUE',
]
/** Beyond this a limit isn't tried: the body would be over its own first. */
const MAX_TRIED_LENGTH = 60_000

/** @param whole a value of the shape with all its fields, where one is wanted */
export function violationsOf(shape: Shape, whole: Json): Violation[] {
  const candidates = [...OF_OTHER_TYPES, ...beyondLimits(shape)]
    .filter(value => differences(shape, value).length > 0)
    // What's in an object or an array is broken below, where it's known which part it is.
    .filter(value => !isSameKind(shape, value))
  const itself = candidates.map(value => ({ path: [], what: say(value), value }))
  return [...itself, ...within(shape, whole)]
}

function beyondLimits(shape: Shape): Json[] {
  switch (shape.kind) {
    case 'string': {
      const { minLength, maxLength } = shape
      return [
        ...(minLength > 0 ? ['x'.repeat(minLength - 1)] : []),
        ...(maxLength < MAX_TRIED_LENGTH ? ['x'.repeat(maxLength + 1), '😀'.repeat(maxLength + 1)] : []),
        ...WRONG_TEXTS,
      ]
    }
    case 'number':
      return [shape.minimum - 1, shape.maximum + 1, shape.minimum + 0.5, 2 ** 53].filter(Number.isFinite)
    case 'union':
      return shape.options.flatMap(beyondLimits)
    case 'any':
    case 'null':
    case 'boolean':
    case 'choice':
    case 'array':
    case 'object':
    case 'every':
      return []
    default:
      return shape satisfies never
  }
}

function within(shape: Shape, whole: Json): Violation[] {
  if (shape.kind === 'object' && isObject(whole)) return ofObject(shape, whole)
  if (shape.kind === 'array' && Array.isArray(whole)) return ofArray(shape, whole)
  return []
}

function ofObject({ fields, others, minProperties, maxProperties }: ObjectShape, whole: { [name: string]: Json }) {
  const found: Violation[] = []
  for (const [name, { shape, isRequired }] of fields) {
    const { [name]: inner, ...rest } = whole
    if (isRequired) found.push({ path: [name], what: 'missing', value: rest })
    if (inner === undefined) continue
    for (const { path, what, value } of violationsOf(shape, inner))
      found.push({ path: [name, ...path], what, value: { ...whole, [name]: value } })
  }
  const names = ['unknownField', 'constructor', 'toString', 'hasOwnProperty', 'length', '', '0', 'a.b', '$where']
  if (others === null)
    for (const name of names)
      found.push({ path: name === '' ? [] : [name], what: 'unknown', value: { ...whole, [name]: 1 } })
  if (minProperties > 0) found.push({ path: [], what: 'too few fields', value: {} })
  if (maxProperties < fields.size) found.push({ path: [], what: 'too many fields', value: whole })
  return found
}

function ofArray({ items, minItems, maxItems, uniqueItems }: ArrayShape, whole: readonly Json[]): Violation[] {
  const [first] = whole
  const found: Violation[] = []
  if (minItems > 0) found.push({ path: [], what: 'too few items', value: [] })
  if (first === undefined) return found
  if (maxItems < MAX_TRIED_LENGTH)
    found.push({ path: [], what: 'too many items', value: Array.from({ length: maxItems + 1 }, () => first) })
  if (uniqueItems) found.push({ path: [], what: 'duplicates', value: [first, first] })
  for (const { path, what, value } of violationsOf(items, first))
    found.push({ path: ['0', ...path], what, value: [value] })
  return found
}

function isSameKind(shape: Shape, value: Json): boolean {
  return (shape.kind === 'object' && isObject(value)) || (shape.kind === 'array' && Array.isArray(value))
}

function isObject(value: Json): value is { [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function say(value: Json): string {
  return JSON.stringify(value).slice(0, 20)
}

/** Texts that a parameter may not be. A number has one spelling. */
export function wrongTexts(shape: Shape): string[] {
  const readings = (text: string): Json[] => {
    if (shape.kind === 'number') return String(Number(text)) === text ? [Number(text)] : []
    if (shape.kind === 'boolean') return text === 'true' ? [true] : text === 'false' ? [false] : []
    return [text]
  }
  const candidates = new Set([...WRONG_TEXTS, ...WRONG_NUMBERS, ...beyondLimits(shape).map(String)])
  return [...candidates].filter(text => readings(text).every(value => differences(shape, value).length > 0))
}

/** A value with every field and an item in every array, so that there's something to break. */
export function wholeOf(shape: Shape, make: (shape: Shape) => Json): Json {
  if (shape.kind === 'object') {
    return Object.fromEntries([...shape.fields].map(([name, field]) => [name, wholeOf(field.shape, make)]))
  }
  if (shape.kind === 'array') return [wholeOf(shape.items, make)]
  if (shape.kind === 'union') {
    const inner = shape.options.find(({ kind }) => kind === 'object' || kind === 'array') ?? shape.options[0]
    return inner === undefined ? null : wholeOf(inner, make)
  }
  return make(shape)
}
