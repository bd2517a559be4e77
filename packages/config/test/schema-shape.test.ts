import t from 'tap'
import { Type } from 'typebox'
import { loadConfig, option } from '@plimsoll/config'
import type { ConfigError } from '@plimsoll/config'
import { readShape } from '../src/schema-shape.ts'

function problems(schema: object): string[] {
  try {
    readShape(schema)
    return []
  } catch (error) {
    const { code, issues } = error as ConfigError
    t.equal(code, 'CONFIG_ERR_SCHEMA_INVALID')
    return issues.map(issue => issue.message)
  }
}

await t.test('a schema that says something which nobody would check is refused', async t => {
  const schemas = {
    allOf: Type.Intersect([Type.Object({ a: Type.String() }), Type.Object({ b: Type.String() })]),
    $ref: Type.Ref('x'),
    tuple: Type.Tuple([Type.String()]),
    not: Type.Never(),
    bigint: Type.BigInt(),
    undefined: Type.Undefined(),
    format: Type.String({ format: 'email' }),
    contains: Type.Array(Type.String(), { contains: Type.Literal('a') }),
    minProperties: Type.Object({}, { minProperties: 1 }),
    additional: Type.Object({}, { additionalProperties: true }),
    types: { type: ['string', 'null'] },
    codec: Type.Codec(Type.String())
      .Decode(text => text.length)
      .Encode(length => 'x'.repeat(length)),
  }
  for (const [name, schema] of Object.entries(schemas)) {
    t.equal(problems(Type.Object({ key: schema })).length > 0, true, name)
  }
})

await t.test('mistakes in annotations are found, all at once, each with its path', async t => {
  const schema = Type.Object({
    a: Type.String({ desciption: 'A typo.' }),
    b: Type.Object({ c: Type.Integer({ env: 'NOT-A-NAME', unit: 5, minimum: Number.NaN }) }),
    d: Type.Boolean({ flag: '--d', secret: 'yes', fromText: 'x', separator: '' }),
    e: Type.String({ pattern: '(' }),
    'f.g': Type.String(),
    h: Type.Array(Type.Union([])),
  })
  const found = problems(schema)
  for (const expected of [
    /^schema at a: the keyword "desciption" is not supported/,
    /^schema at b\.c: "env"/,
    /^schema at b\.c: "unit"/,
    /^schema at b\.c: "minimum"/,
    /^schema at d: "flag"/,
    /^schema at d: "secret"/,
    /^schema at d: "fromText"/,
    /^schema at d: "separator"/,
    /^schema at e: "pattern"/,
    /^schema: the key "f\.g"/,
    /^schema at h\[\]: a union/,
  ]) {
    t.equal(found.filter(message => expected.test(message)).length, 1, expected.source)
  }
  t.equal(found.length, 11)
})

await t.test('metadata and keys that begin with x- are allowed', async t => {
  t.strictSame(
    problems(Type.String({ title: 'T', examples: ['a'], $comment: 'c', deprecated: true, 'x-order': 1 })),
    [],
  )
})

await t.test('a union of fixed values is one closed set', async t => {
  const shape = readShape(Type.Union([Type.Literal('a'), Type.Enum(['b', 3])]))
  t.match(shape, { kind: 'oneOf', values: ['a', 'b', 3] })
})

await t.test('refinements of TypeBox are checked', async t => {
  const even = Type.Refine(
    Type.Integer({ default: 2 }),
    value => value % 2 === 0,
    value => `${value} is odd`,
  )
  const schema = Type.Object({ even })
  const load = (text: string) => loadConfig({ name: 'x', schema }, { env: {}, argv: [`--even=${text}`] })
  t.match(load('4'), { config: { even: 4 } })
  t.throws(() => load('3'), { code: 'CONFIG_ERR_INVALID_VALUE', message: 'flag --even: 3 is not valid: 3 is odd' })
  const hidden = option.Object({ even: Type.Unsafe<number>({ ...even, secret: true, '~refine': even['~refine'] }) })
  const loadHidden = () => loadConfig({ name: 'x', schema: hidden }, { env: {}, argv: ['--even=3'] })
  t.throws(loadHidden, { message: 'flag --even: the value (a secret, not shown) is not valid' })
})

await t.test('a pattern with state between two tests is made stateless', async t => {
  const schema = option.Object({ a: option.String({ pattern: /x/g }) })
  for (let round = 0; round < 3; round++) {
    t.match(loadConfig({ name: 'x', schema }, { env: {}, argv: ['--a', 'x'] }), { kind: 'run' })
  }
})
