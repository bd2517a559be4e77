// Values that a shape allows, for requests that have to be taken.
//
// They're chosen to find something: the ends of each range, texts whose characters are two code units, examples of the document, and for ids mostly small ones, since
// those exist in the demo data.
import fc from 'fast-check'
import type { Json, NumberShape, ObjectShape, Shape, StringShape } from './shape.ts'

/** Ids up to this one probably exist. */
const KNOWN_IDS = 30
/** Characters added to the least length; the greatest length is a case by itself. */
const EXTRA_CHARACTERS = 30
const EXTRA_ITEMS = 3
/** One and two code units, one to four bytes, and what means something to JSON, SQL, HTML and addresses. */
const CHARACTERS = fc.constantFrom(...Array.from('aZ09 éß漢\u0301😀𝒳-._~\'"`<&\\%/?#+=;:,{}[]()$@!|^*'))
const TIMES = fc.date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
/** A text longer than this isn't made at its greatest length each time. */
const LONG = 1000

export function valuesOf(shape: Shape): fc.Arbitrary<Json> {
  const made = madeFor(shape)
  return shape.examples.length === 0 ? made : fc.oneof(made, fc.constantFrom(...shape.examples))
}

function madeFor(shape: Shape): fc.Arbitrary<Json> {
  switch (shape.kind) {
    case 'any':
      return fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>
    case 'null':
      return fc.constant(null)
    case 'boolean':
      return fc.boolean()
    case 'choice':
      return fc.constantFrom(...shape.values)
    case 'string':
      return texts(shape)
    case 'number':
      return shape.isInteger ? integers(shape) : numbers(shape)
    case 'array': {
      const { minItems, maxItems, items, uniqueItems } = shape
      const lengths = { minLength: minItems, maxLength: Math.min(maxItems, minItems + EXTRA_ITEMS) }
      return uniqueItems
        ? fc.uniqueArray(valuesOf(items), { ...lengths, selector: item => JSON.stringify(item) })
        : fc.array(valuesOf(items), lengths)
    }
    case 'object':
      return objects(shape)
    case 'union':
      return fc.oneof(...shape.options.map(valuesOf))
    case 'every':
      throw new Error('Requests with allOf are not understood')
    default:
      return shape satisfies never
  }
}

/** Printable, without white space at the ends: what else a text may hold is for those who try what it may not. */
function texts({ minLength, maxLength, pattern, format }: StringShape): fc.Arbitrary<string> {
  if (format === 'date-time') return TIMES.map(at => at.toISOString())
  if (format === 'date') return TIMES.map(at => at.toISOString().slice(0, 10))
  const fits = (text: string) => isBetween(Array.from(text).length, minLength, maxLength)
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern, 'u'), { size: 'xsmall' }).filter(fits)
  // fc.string() looks for dangerous texts that fit, which takes longer than the requests: hostile ones are tried by themselves.
  const usual = fc
    .array(CHARACTERS, { minLength, maxLength: Math.min(maxLength, minLength + EXTRA_CHARACTERS) })
    .map(characters => characters.join('').trim())
    .filter(fits)
  const ends = [minLength, ...(maxLength < LONG ? [maxLength] : [])]
  return fc.oneof(
    { arbitrary: usual, weight: 4 },
    fc.constantFrom(...ends.flatMap(n => ['x'.repeat(n), '😀'.repeat(n)])),
  )
}

function integers({ minimum, maximum }: NumberShape): fc.Arbitrary<number> {
  const [min, max] = [Math.max(minimum, -(2 ** 31)), Math.min(maximum, Number.MAX_SAFE_INTEGER)]
  const whole = fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max))
  const isId = minimum === 1 && maximum === Number.MAX_SAFE_INTEGER
  return isId ? fc.oneof({ arbitrary: fc.integer({ min, max: KNOWN_IDS }), weight: 8 }, whole) : whole
}

function numbers({ minimum, maximum }: NumberShape): fc.Arbitrary<number> {
  const range = { min: Math.max(minimum, -1e9), max: Math.min(maximum, 1e9) }
  return fc.double({ ...range, noNaN: true, noDefaultInfinity: true }).map(value => value + 0)
}

function objects({ fields, minProperties, maxProperties }: ObjectShape): fc.Arbitrary<Json> {
  const names = [...fields.keys()]
  const required = names.filter(name => fields.get(name)?.isRequired)
  const optional = names.filter(name => !required.includes(name))
  const lengths = {
    minLength: Math.max(0, minProperties - required.length),
    maxLength: Math.min(optional.length, maxProperties - required.length),
  }
  // Made once: what's in a chain is made anew for each value.
  const each = new Map([...fields].map(([name, { shape }]) => [name, valuesOf(shape)]))
  return fc.subarray(optional, lengths).chain(chosen => {
    const present = [...each].filter(([name]) => required.includes(name) || chosen.includes(name))
    return fc.record(Object.fromEntries(present), { noNullPrototype: true })
  })
}

function isBetween(value: number, minimum: number, maximum: number): boolean {
  return value >= minimum && value <= maximum
}
