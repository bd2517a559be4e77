import t from 'tap'
import { Type, type TNumberOptions, type TSchema } from 'typebox'
import { option, type OptionAnnotations } from '@plimsoll/config'
import { defaultText, expectedText, innerFields, meaningText, typeName } from '../src/describe-shape.ts'
import { readShape } from '../src/schema-shape.ts'

const fromText = (text: string) => text
const CASES: [TSchema, expected: string, typeName: string][] = [
  [Type.String(), 'text', 'text'],
  [
    Type.String({ minLength: 1, maxLength: 9, pattern: '^a' }),
    'text that matches /^a/ and has 1 to 9 characters',
    'text',
  ],
  [Type.String({ maxLength: 9 }), 'text of at most 9 characters', 'text'],
  [Type.String({ format: 'uri' }), 'a URI', 'uri'],
  [Type.Integer({ minimum: 1, maximum: 9, unit: 'ms' }), 'a whole number from 1 to 9 (ms)', 'ms'],
  [Type.Number({ maximum: 9, multipleOf: 3 }), 'a number up to 9 in steps of 3', 'number'],
  [Type.Number({ exclusiveMaximum: 9 }), 'a number below 9', 'number'],
  [Type.Boolean(), 'true or false', 'true|false'],
  [Type.Null(), 'null', 'null'],
  [Type.Literal('a'), '"a"', 'a'],
  [Type.Enum(['a', 'b']), 'one of: a, b', 'a|b'],
  [Type.Array(Type.Integer({ unit: 's' }), { minItems: 1, maxItems: 1 }), 'a list of exactly 1 element', 's'],
  [Type.Array(Type.Object({}), { fromText }), 'a list', 'text'],
  [Type.Object({ a: Type.String(), b: Type.String() }), 'an object with a, b', 'object'],
  [Type.Object({}, { fromText, placeholder: 'host:port' }), 'host:port', 'host:port'],
  [Type.Object({}, { fromText }), 'an object', 'text'],
  [Type.Record(Type.String(), Type.String()), 'an object', 'object'],
  [Type.Union([Type.Literal('auto'), Type.Integer()]), '"auto", or a whole number', 'auto|number'],
  [Type.Unknown(), 'any value', 'value'],
]

await t.test('every kind of value has words for what it takes and a name for the help text', async t => {
  for (const [schema, expected, name] of CASES) {
    const shape = readShape(schema)
    t.equal(expectedText(shape), expected)
    t.equal(typeName(shape), name)
  }
})

await t.test('defaults are written as people write them', async t => {
  const cases: [unknown, string][] = [
    ['', 'empty'],
    [[], 'none'],
    ['a b', 'a b'],
    [5, '5'],
    [false, 'false'],
    [['a', 'b'], 'a, b'],
    [[{ a: 1 }], '[{"a":1}]'],
    [{}, '{}'],
  ]
  for (const [value, text] of cases) t.equal(defaultText(value), text)
})

await t.test('the parts of a meaning become sentences', async t => {
  const meaning = (annotations: TNumberOptions & OptionAnnotations) =>
    meaningText(readShape(option.Integer(annotations)))
  t.equal(meaning({ description: 'Pause', zero: 'none', when: 'Raise it' }), 'Pause. 0: none. Raise it.')
  t.equal(meaning({ description: 'Is it? ' }), 'Is it?')
  t.equal(meaning({}), '')
})

await t.test('keys inside lists, maps, unions and nested objects are found', async t => {
  const inner = Type.Object({
    a: Type.String(),
    deep: Type.Object({ b: Type.Optional(Type.Array(Type.Object({ c: Type.Null() }))) }),
  })
  const paths = (schema: TSchema) => innerFields(readShape(schema), 'x').map(field => field.path)
  t.strictSame(paths(inner), ['x.a', 'x.deep.b', 'x.deep.b[].c'])
  t.strictSame(paths(Type.Array(inner)), ['x[].a', 'x[].deep.b', 'x[].deep.b[].c'])
  t.strictSame(paths(Type.Record(Type.String(), Type.Union([inner, Type.Null()]))), [
    'x.*.a',
    'x.*.deep.b',
    'x.*.deep.b[].c',
  ])
  t.strictSame(paths(Type.Integer()), [])
})
