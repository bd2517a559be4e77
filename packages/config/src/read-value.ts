// A value against its shape: checks it, fills the defaults inside it, and copies it.
//
// Invariants
// * Every problem is reported, not only the first; a value with a problem is still read to its end.
// * The result shares no object with the input or with the schema, so it can be frozen.
// * A text in a file where the schema wants something else goes through `fromText` first: what a flag takes, a file takes too.
import { isIPv4, isIPv6 } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { isPlainObject, setOwn } from './deep-readonly.ts'
import { expectedText } from './describe-shape.ts'
import type { ConfigErrorCode } from './errors.ts'
import { nearestName } from './nearest-name.ts'
import { redactText, shownValue } from './redact-text.ts'
import type {
  AnyOfShape,
  ArrayShape,
  NumberShape,
  ObjectShape,
  RecordShape,
  Shape,
  StringShape,
} from './schema-shape.ts'
import { indexPath, keyPath } from './value-path.ts'

/** What's wrong inside a value; who calls adds where the value came from. */
export interface ValueProblem {
  readonly code: ConfigErrorCode
  readonly path: string
  readonly message: string
}

/** Where the reading stands. */
export interface Reading {
  readonly path: string
  /** True below a secret: no message shows the value. */
  readonly secret: boolean
  report(problem: ValueProblem): void
}

/** The same reading, secret from here on if the shape is. */
export function readingBelow(shape: Shape, reading: Reading): Reading {
  return shape.notes.secret && !reading.secret ? { ...reading, secret: true } : reading
}

/** Reads a value as a file or a default gives it. What it returns is only meaningful when nothing was reported. */
export function readValue(shape: Shape, value: unknown, reading: Reading): unknown {
  const { fromText } = shape.notes
  if (fromText && typeof value === 'string' && shape.kind !== 'array' && !takesText(shape, value)) {
    const converted = callFromText(fromText, value, readingBelow(shape, reading))
    return converted ? checkValue(shape, converted.value, reading) : undefined
  }
  return checkValue(shape, value, reading)
}

/** Reads a value that is in its final type already: no `fromText` is applied to the value itself, only inside it. */
export function checkValue(shape: Shape, value: unknown, reading: Reading): unknown {
  const inner = readingBelow(shape, reading)
  let problems = 0
  const counted: Reading = {
    ...inner,
    report: problem => {
      problems += 1
      inner.report(problem)
    },
  }
  const result = checkKind(shape, value, counted)
  if (problems > 0) return result
  for (const refinement of shape.notes.refinements) {
    if (refinement.check(result)) continue
    refuse(counted, counted.secret ? 'is not valid' : `is not valid: ${redactText(refinement.error(result))}`, value)
  }
  return result
}

/** Reads the elements of a list; `readElement` says how one is read. */
export function checkElements(
  shape: ArrayShape,
  values: readonly unknown[],
  reading: Reading,
  readElement: (shape: Shape, value: unknown, reading: Reading) => unknown,
): unknown[] {
  const elements = values.map((value, index) =>
    readElement(shape.items, value, { ...reading, path: indexPath(reading.path, index) }),
  )
  const { minItems, maxItems } = shape
  if ((minItems !== null && elements.length < minItems) || (maxItems !== null && elements.length > maxItems)) {
    refuse(
      reading,
      `has ${elements.length === 1 ? '1 element' : `${elements.length} elements`}; give ${expectedText(shape)}`,
      values,
    )
  }
  if (shape.uniqueItems) {
    const repeated = elements.findIndex((element, index) =>
      elements.slice(0, index).some(earlier => isDeepStrictEqual(earlier, element)),
    )
    if (repeated !== -1) {
      const at = { ...reading, path: indexPath(reading.path, repeated) }
      refuse(at, 'is in the list already; give each element once', values[repeated])
    }
  }
  return elements
}

/** Calls an author's `fromText`; null when it has thrown, which is reported. The result is boxed since it may be anything. */
export function callFromText(
  fromText: (text: string) => unknown,
  text: string,
  reading: Reading,
): { readonly value: unknown } | null {
  try {
    return { value: fromText(text) }
  } catch (error) {
    const reason = redactText(error instanceof Error ? error.message : String(error))
    if (reading.secret) refuse(reading, 'is not valid', text)
    else if (reason.includes(redactText(text))) report(reading, 'CONFIG_ERR_INVALID_VALUE', reason)
    else refuse(reading, `is not valid: ${reason}`, text)
    return null
  }
}

function checkKind(shape: Shape, value: unknown, reading: Reading): unknown {
  switch (shape.kind) {
    case 'string':
      if (typeof value !== 'string' || !fitsString(shape, value)) refuseType(shape, value, reading)
      return value
    case 'integer':
    case 'number':
      return checkNumber(shape, value, reading)
    case 'boolean':
      if (typeof value !== 'boolean') refuseType(shape, value, reading)
      return value
    case 'null':
      if (value !== null) refuseType(shape, value, reading)
      return value
    case 'oneOf':
      if (!shape.values.some(allowed => allowed === value)) refuseType(shape, value, reading)
      return value
    case 'array':
      return checkArray(shape, value, reading)
    case 'object':
      return checkObject(shape, value, reading)
    case 'record':
      return checkRecord(shape, value, reading)
    case 'anyOf':
      return checkAnyOf(shape, value, reading)
    case 'any':
      if (value === undefined) refuseType(shape, value, reading)
      return copyOf(value)
    default:
      return shape satisfies never
  }
}

function checkNumber(shape: NumberShape, value: unknown, reading: Reading): unknown {
  // Beyond 2^53 two written numbers can be one value: not what was meant, even where the schema sets no bound.
  const valid = shape.kind === 'integer' ? Number.isSafeInteger(value) : Number.isFinite(value)
  if (typeof value !== 'number' || !valid) {
    const form = typeof value === 'string' ? ', in digits alone' : ''
    refuse(reading, `is not valid; give ${expectedText(shape)}${form}`, value)
    return value
  }
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = shape
  const below = (minimum !== null && value < minimum) || (exclusiveMinimum !== null && value <= exclusiveMinimum)
  const above = (maximum !== null && value > maximum) || (exclusiveMaximum !== null && value >= exclusiveMaximum)
  // Decimal steps have no exact quotient in binary: 0.3 / 0.1 is 2.9999999999999996.
  const steps = multipleOf === null ? 0 : value / multipleOf
  const offStep = Math.abs(steps - Math.round(steps)) > 1e-9
  if (below || above || offStep) refuse(reading, `is out of range; give ${expectedText(shape)}`, value)
  return value === 0 ? 0 : value
}

function fitsString(shape: StringShape, value: string): boolean {
  const { minLength, maxLength, pattern, format } = shape
  if (minLength !== null || maxLength !== null) {
    // JSON Schema counts characters (RFC 8259), not UTF-16 units.
    const length = Array.from(value).length
    if (length < (minLength ?? 0) || length > (maxLength ?? Number.POSITIVE_INFINITY)) return false
  }
  if (pattern && !pattern.test(value)) return false
  switch (format) {
    case 'uri':
      return URL.canParse(value)
    case 'ipv4':
      return isIPv4(value)
    case 'ipv6':
      return isIPv6(value)
    case null:
      return true
    default:
      return format satisfies never
  }
}

function checkArray(shape: ArrayShape, value: unknown, reading: Reading): unknown {
  if (!Array.isArray(value)) {
    refuseType(shape, value, reading)
    return value
  }
  const { fromText } = shape.notes
  if (!fromText) return checkElements(shape, value, reading, readValue)
  const elements = (value as unknown[]).flatMap((element, index): unknown[] => {
    if (typeof element !== 'string' || takesText(shape.items, element)) return [element]
    const converted = callFromText(fromText, element, { ...reading, path: indexPath(reading.path, index) })
    if (!converted) return []
    return Array.isArray(converted.value) ? converted.value : [converted.value]
  })
  return checkElements(shape, elements, reading, readValue)
}

function checkObject(shape: ObjectShape, value: unknown, reading: Reading): unknown {
  if (!isPlainObject(value)) {
    refuseType(shape, value, reading)
    return value
  }
  const result = {}
  for (const [key, property] of shape.properties) {
    const at = { ...reading, path: keyPath(reading.path, key) }
    if (Object.hasOwn(value, key)) setOwn(result, key, readValue(property.shape, value[key], at))
    else if (property.shape.notes.fallback) {
      setOwn(result, key, readValue(property.shape, property.shape.notes.fallback.value, at))
    } else if (!property.optional) {
      // An object of options that nobody gave still has the defaults of its keys.
      if (property.shape.kind === 'object') setOwn(result, key, readValue(property.shape, {}, at))
      else report(at, 'CONFIG_ERR_MISSING_VALUE', `"${key}" is missing; give ${expectedText(property.shape)}`)
    }
  }
  for (const key of Object.keys(value)) {
    if (shape.properties.has(key)) continue
    const nearest = nearestName(key, shape.properties.keys())
    const remedy = nearest ? `did you mean "${nearest}"?` : `there is ${[...shape.properties.keys()].join(', ')}`
    const at = { ...reading, path: keyPath(reading.path, key) }
    report(at, 'CONFIG_ERR_UNKNOWN_OPTION', `"${key}" is not known; ${remedy}`)
  }
  return result
}

function checkRecord(shape: RecordShape, value: unknown, reading: Reading): unknown {
  if (!isPlainObject(value)) {
    refuseType(shape, value, reading)
    return value
  }
  const result = {}
  for (const [key, element] of Object.entries(value)) {
    const at = { ...reading, path: keyPath(reading.path, key) }
    if (!shape.keyPattern.test(key)) {
      report(at, 'CONFIG_ERR_INVALID_VALUE', `"${key}" is no valid name; names match /${shape.keyPattern.source}/`)
    }
    setOwn(result, key, readValue(shape.values, element, at))
  }
  return result
}

/** The first member that takes the value; when none does, the problems of the one that was evidently meant, else all that would be right. */
function checkAnyOf(shape: AnyOfShape, value: unknown, reading: Reading): unknown {
  const attempts = shape.branches.map(branch => {
    const problems: ValueProblem[] = []
    const quiet: Reading = { ...reading, report: problem => void problems.push(problem) }
    return { branch, problems, result: readValue(branch, value, quiet) }
  })
  const taken = attempts.find(attempt => attempt.problems.length === 0)
  if (taken) return taken.result
  const meant = attempts.filter(attempt => isMeant(attempt.branch, value))
  const [only] = meant
  if (only && meant.length === 1) for (const problem of only.problems) reading.report(problem)
  else refuseType(shape, value, reading)
  return value
}

/** An object is meant for the member whose fixed keys it has (`{ kind: 'unix', ... }`). */
function isMeant(branch: Shape, value: unknown): boolean {
  if (branch.kind !== 'object' || !isPlainObject(value)) return false
  for (const [key, { shape }] of branch.properties) {
    if (shape.kind === 'oneOf' && shape.values.length === 1 && value[key] !== shape.values[0]) return false
  }
  return true
}

/** Whether a text as it stands is a value of this shape's type. */
function takesText(shape: Shape, text: string): boolean {
  switch (shape.kind) {
    case 'string':
    case 'any':
      return true
    case 'oneOf':
      return shape.values.includes(text)
    case 'anyOf':
      return shape.branches.some(branch => takesText(branch, text))
    case 'integer':
    case 'number':
    case 'boolean':
    case 'null':
    case 'array':
    case 'object':
    case 'record':
      return false
    default:
      return shape satisfies never
  }
}

function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf)
  if (!isPlainObject(value)) return value
  const result = {}
  for (const [key, inner] of Object.entries(value)) setOwn(result, key, copyOf(inner))
  return result
}

function refuseType(shape: Shape, value: unknown, reading: Reading): void {
  refuse(reading, `is not valid; give ${expectedText(shape)}`, value)
}

function refuse(reading: Reading, sentence: string, value: unknown): void {
  report(reading, 'CONFIG_ERR_INVALID_VALUE', `${shownValue(value, reading.secret)} ${sentence}`)
}

function report(reading: Reading, code: ConfigErrorCode, message: string): void {
  reading.report({ code, path: reading.path, message })
}
