import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Type, type TObject } from 'typebox'
import Schema from 'typebox/schema'
import { toJsonSchema } from '@plimsoll/config'
import { programCase } from './random-schema.ts'

await t.test('it is plain data that describes the file, with what our annotations say in words', async t => {
  const schema = Type.Object({
    listen: Type.String({ description: 'Address.', default: 'a', flag: 'l', env: 'L', placeholder: 'host:port' }),
    token: Type.Optional(Type.String({ secret: true, default: 'hunter2' })),
    health: Type.Object({
      intervalMs: Type.Integer({ description: 'Time', unit: 'ms', zero: 'never', when: 'Rarely.', minimum: 0 }),
    }),
    upstream: Type.Array(
      Type.Object({ url: Type.String(), weight: Type.Integer({ default: 1 }), note: Type.Optional(Type.Null()) }),
      { fromText: String, minItems: 1, uniqueItems: true },
    ),
    address: Type.Object({ host: Type.String() }, { fromText: (host: string) => ({ host }), placeholder: 'host:port' }),
    mode: Type.Union([Type.Literal('a'), Type.Literal(2)]),
    size: Type.Union([Type.Literal('auto'), Type.Number({ exclusiveMinimum: 0 })]),
    labels: Type.Record(Type.String(), Type.Unknown()),
  })
  const made = toJsonSchema(schema)
  t.strictSame(JSON.parse(JSON.stringify(made)), made)
  t.strictSame(made, {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    properties: {
      $schema: { type: 'string' },
      listen: { description: 'Address.', type: 'string', default: 'a' },
      token: { type: 'string' },
      health: {
        type: 'object',
        properties: { intervalMs: { description: 'Time. 0: never. Rarely. Unit: ms.', type: 'integer', minimum: 0 } },
        additionalProperties: false,
      },
      upstream: {
        type: 'array',
        items: {
          anyOf: [
            { type: 'string' },
            {
              type: 'object',
              required: ['url'],
              properties: { url: { type: 'string' }, weight: { type: 'integer', default: 1 }, note: { type: 'null' } },
              additionalProperties: false,
            },
          ],
        },
        minItems: 1,
        uniqueItems: true,
      },
      address: {
        anyOf: [
          { type: 'string', description: 'host:port' },
          { type: 'object', required: ['host'], properties: { host: { type: 'string' } }, additionalProperties: false },
        ],
      },
      mode: { enum: ['a', 2] },
      size: { anyOf: [{ enum: ['auto'] }, { type: 'number', exclusiveMinimum: 0 }] },
      labels: { type: 'object', patternProperties: { '^.*$': {} }, additionalProperties: false },
    },
    additionalProperties: false,
  })
})

await t.test('it accepts every file that the program accepts', async t => {
  const withValue = programCase.chain(({ schema, value }) => fc.tuple(fc.constant(schema as TObject), value))
  const property = fc.property(withValue, ([schema, value]) => {
    const made = JSON.parse(JSON.stringify(toJsonSchema(schema))) as object
    assert(Schema.Check(made, { $schema: 'x', ...(value as object) }), JSON.stringify({ made, value }))
    assert(!Schema.Check(made, { ...(value as object), unknownKey: 1 }))
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 40 }))
})
