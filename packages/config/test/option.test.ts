import t from 'tap'
import { Type, type Static } from 'typebox'
import { option } from '@plimsoll/config'

/** Everything that a schema is made of, its hidden keys and functions included. */
function anatomy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(anatomy)
  return Reflect.ownKeys(value).map(key => {
    const descriptor = Object.getOwnPropertyDescriptor(value, key)
    return [key, descriptor?.enumerable, anatomy(descriptor?.value)]
  })
}

/** Builds one schema with all builders; called with TypeBox's and with ours. */
function everything(make: typeof option) {
  return make.Object(
    {
      text: make.String({ description: 'Text.', minLength: 1, pattern: '^a', env: 'TEXT' }),
      plain: make.String(),
      whole: make.Integer({ minimum: 1, unit: 'ms', default: 5 }),
      decimal: make.Optional(make.Number({ exclusiveMaximum: 2 })),
      enabled: make.Boolean({ default: false }),
      mode: make.Union([make.Literal('a'), make.Literal(2), make.Literal(true), make.Null()]),
      word: make.Enum(['x', 'y']),
      list: make.Array(make.String(), { minItems: 1 }),
      map: make.Record(make.String(), make.Integer()),
      group: make.Optional(make.Object({ inner: make.Unknown() }, { additionalProperties: false })),
      made: make.Unsafe<URL>(make.String({ secret: true })),
      none: make.Object({ a: make.Optional(make.Boolean()) }),
    },
    { description: 'All.' },
  )
}

await t.test('the builders make the same schemas as TypeBox, hidden keys included', async t => {
  t.same(anatomy(everything(option)), anatomy(everything(Type)))
})

await t.test('an optional schema is a copy, the original stays required', async t => {
  const schema = option.String()
  const optional = option.Optional(schema)
  t.not(optional, schema)
  t.notOk('~optional' in schema)
  t.equal(JSON.stringify(optional), JSON.stringify(schema))
})

await t.test('the static type is the one that TypeBox gives', async t => {
  const ours = everything(option)
  const value: Static<typeof ours> = {
    text: 'a',
    plain: '',
    whole: 1,
    enabled: true,
    mode: 2,
    word: 'y',
    list: [],
    map: { a: 1 },
    made: new URL('http://a'),
    none: {},
  }
  // @ts-expect-error a word that is not in the set
  value.word = 'z'
  // @ts-expect-error an optional key is absent, not undefined
  value.decimal = undefined
  t.ok(value)
})
