// The text of a flag or of an environment variable becomes a value.
//
// Strict on purpose: `1e3`, `10_000`, `0x10`, `007` and `10s` are refused, since each means something else to somebody. A text that can't
// be converted stays text, and the check that follows says what would be right.
import { callFromText, checkElements, checkValue, readingBelow, type Reading, type ValueProblem } from './read-value.ts'
import type { ArrayShape, Shape } from './schema-shape.ts'

const INTEGER = /^-?(?:0|[1-9]\d*)$/
const DECIMAL = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/

/** Reads what flags or one variable gave: one text, or one per element of a list. */
export function readTexts(shape: Shape, texts: readonly string[], reading: Reading): unknown {
  if (shape.kind === 'array') {
    const inner = readingBelow(shape, reading)
    let failed = false
    const elements = texts.flatMap(text => {
      const converted = convertElement(shape, text, inner)
      failed ||= converted === null
      return converted ?? []
    })
    // With an element missing, its neighbours would be numbered wrongly: what was reported is enough.
    return failed ? undefined : checkElements(shape, elements, inner, checkValue)
  }
  const converted = convertText(shape, texts.at(-1) ?? '', reading)
  return converted ? checkValue(shape, converted.value, reading) : undefined
}

/** Splits an environment variable into the texts of a list's elements; empty ones are dropped. */
export function splitElements(shape: ArrayShape, text: string): string[] {
  const separator = shape.notes.separator ?? ((shape.notes.fromText ?? shape.items.notes.fromText) ? /\s+/ : ',')
  return text
    .split(separator)
    .map(element => element.trim())
    .filter(element => element !== '')
}

/** Whether a flag or a variable can carry a value of this shape at all; the others are given in the file. */
export function hasTextForm(shape: Shape): boolean {
  if (shape.notes.fromText) return true
  switch (shape.kind) {
    case 'string':
    case 'integer':
    case 'number':
    case 'boolean':
    case 'oneOf':
    case 'any':
      return true
    case 'array':
      return shape.items.kind !== 'array' && hasTextForm(shape.items)
    case 'anyOf':
      return shape.branches.some(hasTextForm)
    case 'null':
    case 'object':
    case 'record':
      return false
    default:
      return shape satisfies never
  }
}

type Converted = { readonly value: unknown } | null

function convertElement(shape: ArrayShape, text: string, reading: Reading): unknown[] | null {
  const { fromText } = shape.notes
  if (!fromText) {
    const converted = convertText(shape.items, text, reading)
    return converted && [converted.value]
  }
  const converted = callFromText(fromText, text, reading)
  if (!converted) return null
  return Array.isArray(converted.value) ? converted.value : [converted.value]
}

function convertText(shape: Shape, text: string, reading: Reading): Converted {
  if (shape.notes.fromText) return callFromText(shape.notes.fromText, text, readingBelow(shape, reading))
  switch (shape.kind) {
    case 'integer': {
      const value = INTEGER.test(text) ? Number(text) : Number.NaN
      return { value: Number.isSafeInteger(value) ? value + 0 : text }
    }
    case 'number':
      return { value: DECIMAL.test(text) ? Number(text) + 0 : text }
    case 'boolean':
      return { value: text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : text }
    case 'oneOf':
      return { value: shape.values.find(value => String(value) === text) ?? text }
    case 'anyOf':
      return convertToMember(shape.branches, text, reading)
    case 'string':
    case 'any':
    case 'null':
    case 'array':
    case 'object':
    case 'record':
      return { value: text }
    default:
      return shape satisfies never
  }
}

/** The first member that takes the text; those that take any text come last, so that `Union([String(), Integer()])` can be a number. */
function convertToMember(branches: readonly Shape[], text: string, reading: Reading): Converted {
  const takesAll = (branch: Shape) => branch.kind === 'string' || branch.kind === 'any'
  const inOrder = [...branches.filter(branch => !takesAll(branch)), ...branches.filter(takesAll)]
  const refusals: ValueProblem[] = []
  for (const branch of inOrder) {
    const problems: ValueProblem[] = []
    const quiet: Reading = { ...reading, report: problem => void problems.push(problem) }
    const converted = convertText(branch, text, quiet)
    if (converted) checkValue(branch, converted.value, quiet)
    else refusals.push(...problems)
    if (converted && problems.length === 0) return converted
  }
  const [refusal] = refusals
  if (!refusal) return { value: text }
  reading.report(refusal)
  return null
}
