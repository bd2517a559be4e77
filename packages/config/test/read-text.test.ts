import t from 'tap'
import { Type, type TSchema } from 'typebox'
import { hasTextForm, readTexts, splitElements } from '../src/read-text.ts'
import type { ValueProblem } from '../src/read-value.ts'
import { type ArrayShape, readShape } from '../src/schema-shape.ts'

function read(schema: TSchema, ...texts: string[]): unknown {
  const problems: ValueProblem[] = []
  const value = readTexts(readShape(schema), texts, {
    path: 'x',
    secret: false,
    report: found => void problems.push(found),
  })
  return problems.length === 0
    ? value
    : problems.map(problem => `refused: ${problem.path}: ${problem.message}`).join('\n')
}

await t.test('numbers are plain digits', async t => {
  for (const [text, value] of [
    ['0', 0],
    ['-0', 0],
    ['42', 42],
    ['-7', -7],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ] as const) {
    t.equal(read(Type.Integer(), text), value, text)
    t.equal(read(Type.Number(), text), value, text)
  }
  for (const [text, value] of [
    ['0.5', 0.5],
    ['-12.250', -12.25],
  ] as const)
    t.equal(read(Type.Number(), text), value, text)
  const refused = [
    '',
    ' ',
    ' 1',
    '1 ',
    '1e3',
    '10_000',
    '10,000',
    '0x10',
    '007',
    '+5',
    '--5',
    '.5',
    '5.',
    '1.5.2',
    '10s',
    'NaN',
    'Infinity',
    '１',
  ]
  for (const text of refused) {
    t.match(read(Type.Integer(), text), /^refused: x: .* is not valid; give a whole number, in digits alone$/, text)
    t.match(read(Type.Number(), text), /^refused/, text)
  }
  t.match(read(Type.Integer(), '1.5'), /^refused/)
  t.match(read(Type.Integer(), '9007199254740993'), /"9007199254740993" is not valid/)
})

await t.test('booleans are true, false, 1 and 0', async t => {
  t.strictSame(
    ['true', '1', 'false', '0'].map(text => read(Type.Boolean(), text)),
    [true, true, false, false],
  )
  for (const text of ['', 'yes', 'TRUE', 'on', '2'])
    t.match(read(Type.Boolean(), text), /refused: .* give true or false/, text)
})

await t.test('a closed set takes its words and numbers, and the error lists them', async t => {
  const schema = Type.Union([Type.Literal('a'), Type.Literal('b'), Type.Literal(3)])
  t.strictSame([read(schema, 'b'), read(schema, '3')], ['b', 3])
  t.equal(read(schema, 'c'), 'refused: x: "c" is not valid; give one of: a, b, 3')
})

await t.test('of a union the narrowest member that fits is taken', async t => {
  t.equal(read(Type.Union([Type.String(), Type.Integer()]), '5'), 5)
  t.equal(read(Type.Union([Type.String(), Type.Integer()]), '5x'), '5x')
  t.equal(read(Type.Union([Type.Integer({ minimum: 1 }), Type.Literal('auto')]), 'auto'), 'auto')
  t.match(
    read(Type.Union([Type.Integer({ minimum: 1 }), Type.Literal('auto')]), '0'),
    /give a whole number from 1 up, or "auto"/,
  )
})

await t.test('when no member of a union fits, the reason of a fromText is told', async t => {
  const fromText = (text: string): never => {
    throw new Error(`"${text}" has no port`)
  }
  const schema = Type.Union([Type.Literal('none'), Type.Object({ host: Type.String() }, { fromText })])
  t.equal(read(schema, 'none'), 'none')
  t.equal(read(schema, 'a'), 'refused: x: "a" has no port')
})

await t.test('a list has one text per element, and each problem names its element', async t => {
  t.strictSame(read(Type.Array(Type.Integer()), '1', '2'), [1, 2])
  t.strictSame(read(Type.Array(Type.Integer())), [])
  t.equal(
    read(Type.Array(Type.Integer()), '1', 'x'),
    'refused: x[1]: "x" is not valid; give a whole number, in digits alone',
  )
})

await t.test('fromText reads an element, on the element or on the list, and its defaults are filled', async t => {
  const fromText = (text: string) => {
    if (text === '') throw new Error('an address is missing')
    return { url: text }
  }
  const upstream = { url: Type.String(), weight: Type.Integer({ default: 1 }) }
  const expected = [
    { url: 'a', weight: 1 },
    { url: 'b', weight: 1 },
  ]
  t.strictSame(read(Type.Array(Type.Object(upstream, { fromText })), 'a', 'b'), expected)
  t.strictSame(read(Type.Array(Type.Object(upstream), { fromText }), 'a', 'b'), expected)
  t.strictSame(
    read(Type.Array(Type.Integer(), { fromText: (text: string) => text.split('+').map(Number) }), '1+2', '3'),
    [1, 2, 3],
  )
  t.match(read(Type.Array(Type.Object(upstream, { fromText })), 'a', ''), /an address is missing/)
})

await t.test('what fromText gives is checked like any other value', async t => {
  const fromText = () => ({ url: 5, extra: 1 })
  t.equal(
    read(Type.Object({ url: Type.String() }, { fromText }), 'a'),
    'refused: x.url: 5 is not valid; give text\nrefused: x.extra: "extra" is not known; there is url',
  )
})

await t.test('the text of a secret never comes back in a message', async t => {
  const schemas = [
    Type.Integer({ secret: true }),
    Type.String({ secret: true, pattern: '^x' }),
    Type.Union([Type.Literal('a'), Type.Literal('b')], { secret: true }),
    Type.Array(Type.Integer({ secret: true })),
    Type.Array(Type.Integer(), { secret: true }),
    Type.Union([Type.Integer({ secret: true }), Type.Boolean()], { secret: true }),
    Type.Integer({
      secret: true,
      fromText: (text: string) => {
        throw new Error(`bad ${text}`)
      },
    }),
  ]
  for (const schema of schemas) {
    const message = read(schema, 'hunter2')
    t.match(message, /^refused/)
    t.notMatch(message, /hunter/)
  }
})

await t.test(
  'a variable is split into elements at commas, at white space where elements have a form of their own, or as told',
  async t => {
    const split = (schema: TSchema, text: string) => splitElements(readShape(schema) as ArrayShape, text)
    t.strictSame(split(Type.Array(Type.String()), ' a, b,,c d,'), ['a', 'b', 'c d'])
    t.strictSame(split(Type.Array(Type.String({ fromText: String })), ' a,w=1\n b  '), ['a,w=1', 'b'])
    t.strictSame(split(Type.Array(Type.String(), { fromText: String }), 'a b'), ['a', 'b'])
    t.strictSame(split(Type.Array(Type.String(), { separator: ';' }), 'a,b; c'), ['a,b', 'c'])
  },
)

await t.test('objects, maps and lists of them have a text form only by fromText', async t => {
  const object = Type.Object({ a: Type.String() })
  const without = [
    object,
    Type.Record(Type.String(), Type.String()),
    Type.Array(object),
    Type.Null(),
    Type.Array(Type.Array(Type.String())),
  ]
  for (const schema of without) t.notOk(hasTextForm(readShape(schema)))
  const withText = [
    Type.Object({}, { fromText: String }),
    Type.Array(object, { fromText: String }),
    Type.Union([object, Type.Literal('none')]),
    Type.Array(Type.String()),
    Type.Unknown(),
  ]
  for (const schema of withText) t.ok(hasTextForm(readShape(schema)))
})
