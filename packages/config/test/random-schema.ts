// Random schemas, each with a generator of the values that it takes: what the property tests of this folder have in common.
import fc from 'fast-check'
import { anyText } from '@plimsoll/testing/any-text'
import { Type, type TSchema } from 'typebox'

/** A schema and values that satisfy it; `text` writes one as a flag would, where one can. */
export interface SchemaCase {
  readonly schema: TSchema
  readonly value: fc.Arbitrary<unknown>
  readonly text: ((value: unknown) => string) | null
}

const asText = (value: unknown) => String(value)

const bounds = fc
  .tuple(fc.integer({ min: -1e6, max: 1e6 }), fc.nat(1e6))
  .map(([minimum, width]) => [minimum, minimum + width] as const)

export const scalarCase: fc.Arbitrary<SchemaCase> = fc.oneof(
  bounds.map(([minimum, maximum]) => ({
    schema: Type.Integer({ minimum, maximum }),
    value: fc.integer({ min: minimum, max: maximum }),
    text: asText,
  })),
  // Thousandths: every one has a short decimal form, which is the only one that a flag takes.
  fc.constant({
    schema: Type.Number({ minimum: -1e6, maximum: 1e6 }),
    value: fc.integer({ min: -1e9, max: 1e9 }).map(thousandths => thousandths / 1000),
    text: asText,
  }),
  fc.constant({ schema: Type.Integer(), value: fc.maxSafeInteger(), text: asText }),
  fc.constant({ schema: Type.Boolean(), value: fc.boolean(), text: asText }),
  fc.constant({ schema: Type.String(), value: anyText(), text: asText }),
  fc.constant({
    schema: Type.String({ pattern: '^[a-z]+$', maxLength: 5 }),
    value: fc.stringMatching(/^[a-z]{1,5}$/),
    text: asText,
  }),
  fc.uniqueArray(fc.stringMatching(/^[a-z-]{1,8}$/), { minLength: 1, maxLength: 4 }).map(words => ({
    schema: Type.Union(words.map(word => Type.Literal(word))),
    value: fc.constantFrom(...words),
    text: asText,
  })),
  fc.constant({
    schema: Type.Union([Type.Literal('auto'), Type.Integer({ minimum: 0 })]),
    value: fc.oneof(fc.constant('auto'), fc.nat()),
    text: asText,
  }),
)

/** Values inside lists and maps: scalars, and objects of them with keys that may be absent. */
const elementCase: fc.Arbitrary<SchemaCase> = fc.oneof(
  scalarCase,
  objectCase(scalarCase, { withDefaults: false }),
  scalarCase.map(({ schema, value }) => ({
    schema: Type.Record(Type.String(), schema),
    value: fc.dictionary(fc.string(), value, { maxKeys: 3, noNullPrototype: true }),
    text: null,
  })),
)

/** Whatever one option may be. */
export const optionCase: fc.Arbitrary<SchemaCase> = fc.oneof(
  { weight: 3, arbitrary: scalarCase },
  {
    weight: 2,
    arbitrary: elementCase.map(({ schema, value }) => ({
      schema: Type.Array(schema),
      value: fc.array(value, { maxLength: 4 }),
      text: null,
    })),
  },
)

/** Options nested in groups, as a program has them. */
export const programCase: fc.Arbitrary<SchemaCase> = objectCase(
  fc.oneof(
    { weight: 3, arbitrary: optionCase },
    { weight: 1, arbitrary: objectCase(optionCase, { withDefaults: true }) },
  ),
  { withDefaults: true },
)

function objectCase(
  member: fc.Arbitrary<SchemaCase>,
  { withDefaults }: { withDefaults: boolean },
): fc.Arbitrary<SchemaCase> {
  const role = fc.constantFrom(
    'required' as const,
    'optional' as const,
    ...(withDefaults ? (['default'] as const) : []),
  )
  const key = fc.stringMatching(/^[a-z]{2,6}([A-Z][a-z]{2,5})?$/)
  return fc
    .uniqueArray(fc.tuple(key, role, member), {
      maxLength: 5,
      // Two keys that differ in case alone would be one flag.
      selector: ([name]) => name.toLowerCase(),
    })
    .filter(members => members.every(([name]) => !['help', 'config'].includes(name)))
    .chain(members =>
      fc.tuple(...members.map(([, , { value }]) => value)).map(defaults => ({
        schema: Type.Object(
          Object.fromEntries(
            members.map(([name, kind, { schema }], index) => [name, inRole(schema, kind, defaults[index])]),
          ),
          { additionalProperties: false },
        ),
        value: fc.record(Object.fromEntries(members.map(([name, , { value }]) => [name, value])), {
          // A group that is absent is filled with its defaults, so only single values are left out.
          requiredKeys: members
            .filter(([, kind, { schema }]) => kind !== 'optional' || isGroup(schema))
            .map(([name]) => name),
          noNullPrototype: true,
        }),
        text: null,
      })),
    )
}

const isGroup = (schema: TSchema) => 'properties' in schema

function inRole(schema: TSchema, role: 'required' | 'optional' | 'default', value: unknown): TSchema {
  if (role === 'optional' && !isGroup(schema)) return Type.Optional(schema)
  return role === 'default' && !isGroup(schema) ? Type.Unsafe({ ...schema, default: value }) : schema
}
