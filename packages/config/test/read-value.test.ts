import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Type, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { readValue, type ValueProblem } from '../src/read-value.ts'
import { readShape } from '../src/schema-shape.ts'
import { optionCase } from './random-schema.ts'

function read(schema: TSchema, value: unknown): { value: unknown; problems: ValueProblem[] } {
  const problems: ValueProblem[] = []
  const result = readValue(readShape(schema), value, {
    path: 'x',
    secret: false,
    report: found => void problems.push(found),
  })
  return { value: result, problems }
}
const lines = (schema: TSchema, value: unknown) =>
  read(schema, value).problems.map(({ path, message }) => `${path}: ${message}`)

await t.test('it accepts exactly what TypeBox accepts', async t => {
  const withAny = optionCase.chain(({ schema, value }) =>
    fc.tuple(fc.constant(schema), fc.oneof(value, fc.jsonValue({ maxDepth: 3 }), value.chain(damaged))),
  )
  const property = fc.property(withAny, ([schema, value]) => {
    // The one difference, on purpose: a whole number that a double can't tell from its neighbours is refused.
    fc.pre(!hasUnsafeInteger(value))
    const { problems, value: result } = read(schema, value)
    assert.equal(problems.length === 0, Value.Check(schema, value), JSON.stringify({ schema, value, problems }))
    if (problems.length === 0) assert.deepEqual(JSON.parse(JSON.stringify(result)), JSON.parse(JSON.stringify(value)))
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 400 }))
})

function hasUnsafeInteger(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.values(value).some(hasUnsafeInteger)
  return Number.isInteger(value) && !Number.isSafeInteger(value)
}

/** The value with one thing in it changed. */
function damaged(value: unknown): fc.Arbitrary<unknown> {
  const replacement = fc.constantFrom(null, '', 'zz', -1, 1.5, 1e9, true, {}, [])
  if (Array.isArray(value) && value.length > 0) {
    return fc.tuple(fc.nat(value.length - 1), replacement).map(([index, other]) => value.with(index, other))
  }
  if (typeof value === 'object' && value !== null) {
    const key = fc.constantFrom('extra', ...Object.keys(value))
    return fc.tuple(key, replacement).map(([name, other]) => ({ ...value, [name]: other }))
  }
  return replacement
}

await t.test('bounds, steps, lengths, patterns, formats and counts are checked at their edges', async t => {
  const good: [TSchema, unknown][] = [
    [Type.Integer({ minimum: 1, maximum: 3 }), 1],
    [Type.Integer({ minimum: 1, maximum: 3 }), 3],
    [Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1 }), 0.5],
    [Type.Number({ multipleOf: 0.1 }), 0.3],
    [Type.String({ minLength: 1, maxLength: 1 }), '😀'],
    [Type.String({ format: 'ipv4' }), '127.0.0.1'],
    [Type.String({ format: 'ipv6' }), '::1'],
    [Type.String({ format: 'uri' }), 'unix:/a'],
    [Type.Array(Type.Integer(), { minItems: 1, maxItems: 2, uniqueItems: true }), [1, 2]],
    [Type.Union([Type.Null(), Type.Boolean()]), null],
    [Type.Unknown(), { any: [1] }],
  ]
  for (const [schema, value] of good) t.strictSame(lines(schema, value), [], JSON.stringify([schema, value]))
  const bad: [TSchema, unknown, RegExp][] = [
    [Type.Integer({ minimum: 1, maximum: 3 }), 0, /^x: 0 is out of range; give a whole number from 1 to 3$/],
    [Type.Integer({ minimum: 1, unit: 'ms' }), 1.5, /^x: 1.5 is not valid; give a whole number from 1 up \(ms\)$/],
    [Type.Integer(), 2 ** 53, /not valid; give a whole number$/],
    [Type.Number({ exclusiveMinimum: 0 }), 0, /give a number above 0$/],
    [Type.Number({ exclusiveMaximum: 1, minimum: 0 }), 1, /give a number from 0 below 1$/],
    [Type.Number({ exclusiveMaximum: 1, exclusiveMinimum: 0 }), 1, /give a number above 0 and below 1$/],
    [Type.Number({ multipleOf: 0.1 }), 0.35, /give a number in steps of 0.1$/],
    [Type.Number(), Number.POSITIVE_INFINITY, /give a number$/],
    [Type.String({ minLength: 1 }), '', /^x: "" is not valid; give text of at least 1 character$/],
    [Type.String({ minLength: 2, maxLength: 2 }), '😀', /text of exactly 2 characters$/],
    [Type.String({ pattern: '^a' }), 'b', /give text that matches \/\^a\/$/],
    [Type.String({ format: 'ipv4' }), '127.1', /give an IPv4 address$/],
    [Type.String({ format: 'ipv6' }), '127.0.0.1', /give an IPv6 address$/],
    [Type.String({ format: 'uri' }), 'a b', /give a URI$/],
    [Type.Boolean(), 'true', /give true or false$/],
    [Type.Array(Type.Integer(), { minItems: 2 }), [1], /has 1 element; give a list of at least 2 elements$/],
    [Type.Array(Type.Integer(), { uniqueItems: true }), [1, 1], /^x\[1\]: 1 is in the list already/],
    [Type.Array(Type.Integer()), {}, /^x: an object is not valid; give a list$/],
    [Type.Union([Type.Literal('a'), Type.Integer()]), 'b', /give "a", or a whole number$/],
    [Type.Enum(['a', 'b']), 'c', /^x: "c" is not valid; give one of: a, b$/],
    [Type.Null(), 0, /give null$/],
    [Type.Record(Type.String({ pattern: '^[a-z]+$' }), Type.Integer()), { A: 1 }, /^x.A: "A" is no valid name/],
  ]
  for (const [schema, value, message] of bad) t.match(lines(schema, value), [message], message.source)
})

await t.test('all problems of a value are reported, each with its path', async t => {
  const schema = Type.Array(
    Type.Object({
      url: Type.String(),
      weight: Type.Integer({ default: 1, maximum: 9 }),
      tls: Type.Optional(Type.Object({ ca: Type.String() })),
    }),
  )
  t.strictSame(lines(schema, [{ url: 'a' }, { wieght: 2 }, { url: 5, weight: 10, tls: { cert: 'x' } }]), [
    'x[1].url: "url" is missing; give text',
    'x[1].wieght: "wieght" is not known; did you mean "weight"?',
    'x[2].url: 5 is not valid; give text',
    'x[2].weight: 10 is out of range; give a whole number up to 9',
    'x[2].tls.ca: "ca" is missing; give text',
    'x[2].tls.cert: "cert" is not known; there is ca',
  ])
})

await t.test('defaults are filled at any depth, and optional keys stay absent', async t => {
  const schema = Type.Object({
    a: Type.Integer({ default: 1 }),
    b: Type.Object({ c: Type.Array(Type.Integer(), { default: [1] }), d: Type.Optional(Type.String()) }),
  })
  t.strictSame(read(schema, {}), { value: { a: 1, b: { c: [1] } }, problems: [] })
})

await t.test('the result shares nothing with the value or the schema', async t => {
  const fallback = { list: [1] }
  const schema = Type.Object({
    given: Type.Array(Type.Unknown()),
    filled: Type.Object({ list: Type.Array(Type.Integer()) }, { default: fallback }),
  })
  const inner = { a: 1 }
  const { value } = read(schema, { given: [inner] })
  const { given, filled } = value as { given: unknown[]; filled: typeof fallback }
  t.strictSame(given, [inner])
  t.not(given[0], inner)
  t.strictSame(filled, fallback)
  t.not(filled.list, fallback.list)
})

await t.test('an object in a union is judged by the member that its fixed key names', async t => {
  const schema = Type.Union([
    Type.Object({ kind: Type.Literal('tcp'), port: Type.Integer() }),
    Type.Object({ kind: Type.Literal('unix'), path: Type.String() }),
  ])
  t.strictSame(lines(schema, { kind: 'unix', path: 5 }), ['x.path: 5 is not valid; give text'])
  t.match(lines(schema, { kind: 'udp' }), [
    /^x: an object is not valid; give an object with kind, port, or an object with/,
  ])
})

await t.test('text is converted where something else is wanted, and left alone where it is not', async t => {
  const fromText = (text: string) => ({ host: text })
  const address = Type.Object({ host: Type.String() }, { fromText })
  t.strictSame(read(address, 'a').value, { host: 'a' })
  t.strictSame(read(Type.Array(address), ['a', { host: 'b' }]).value, [{ host: 'a' }, { host: 'b' }])
  const onList = Type.Array(Type.Object({ host: Type.String() }), { fromText })
  t.strictSame(read(onList, ['a', { host: 'b' }]).value, [{ host: 'a' }, { host: 'b' }])
  t.strictSame(read(Type.String({ fromText: (text: string) => text.toUpperCase() }), 'a').value, 'a')
  t.strictSame(read(Type.Union([Type.Literal('none'), address]), 'none').value, 'none')
})

await t.test('a message of fromText is passed on; that of a secret is not', async t => {
  const fromText = (text: string): never => {
    throw new Error(`"${text}" has no port`)
  }
  t.strictSame(lines(Type.Integer({ fromText }), 'hunter2'), ['x: "hunter2" has no port'])
  t.strictSame(
    lines(
      Type.Integer({
        fromText: () => {
          throw new Error('no port')
        },
      }),
      'h',
    ),
    ['x: "h" is not valid: no port'],
  )
  t.notMatch(lines(Type.Integer({ fromText, secret: true }), 'hunter2').join(''), /hunter/)
  t.notMatch(lines(Type.Object({ a: Type.Integer() }, { secret: true }), { a: 'hunter2' }).join(''), /hunter/)
})
