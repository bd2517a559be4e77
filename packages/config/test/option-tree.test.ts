import t from 'tap'
import { Type } from 'typebox'
import { optionsOf, readOptionTree } from '../src/option-tree.ts'

const invalid = (message: RegExp) => ({ code: 'CONFIG_ERR_SCHEMA_INVALID', message })

await t.test('every key is an option with its dotted path in kebab-case as flag', async t => {
  const schema = Type.Object({
    listen: Type.String(),
    upstreams: Type.Array(Type.String(), { flag: 'upstream' }),
    health: Type.Object({ intervalMs: Type.Integer(), checks: Type.Object({ maxCount: Type.Integer() }) }),
    labels: Type.Record(Type.String(), Type.String()),
    address: Type.Object({ host: Type.String() }, { fromText: (text: string) => ({ host: text }) }),
  })
  t.strictSame(
    optionsOf(readOptionTree(schema)).map(({ path, flag }) => [path, flag]),
    [
      ['listen', 'listen'],
      ['upstreams', 'upstream'],
      ['health.intervalMs', 'health.interval-ms'],
      ['health.checks.maxCount', 'health.checks.max-count'],
      ['labels', null],
      ['address', 'address'],
    ],
  )
})

await t.test('two options never share a name', async t => {
  const pairs = [
    Type.Object({ a: Type.String({ flag: 'x' }), b: Type.String({ flag: 'x' }) }),
    Type.Object({ a: Type.String({ env: 'X' }), b: Type.String({ env: ['Y', 'X'] }) }),
    Type.Object({ aB: Type.String(), 'a-b': Type.String() }),
    Type.Object({ cache: Type.Boolean(), other: Type.String({ flag: 'no-cache' }) }),
  ]
  for (const schema of pairs) t.throws(() => readOptionTree(schema), invalid(/is taken by/))
  for (const flag of ['help', 'config', 'check-config']) {
    t.throws(() => readOptionTree(Type.Object({ a: Type.String({ flag }) })), invalid(/is taken by every program/))
  }
})

await t.test('a default that its own schema refuses is the author’s mistake', async t => {
  const schemas = [
    Type.Object({ a: Type.Integer({ default: 'x' }) }),
    Type.Object({ a: Type.Integer({ default: 5, maximum: 4 }) }),
    Type.Object({ g: Type.Object({ a: Type.Integer() }, { default: { b: 1 } }) }),
    Type.Object({ g: Type.Object({ a: Type.Integer() }, { default: 5 }) }),
    Type.Object({ a: Type.Array(Type.Object({ b: Type.Integer() }), { default: [{}] }) }),
  ]
  for (const schema of schemas) t.throws(() => readOptionTree(schema), invalid(/default|missing/))
})

await t.test('a flag or a variable on what no text can be is refused', async t => {
  t.throws(() => readOptionTree(Type.Object({ g: Type.Object({}, { flag: 'g' }) })), invalid(/group/))
  t.throws(
    () =>
      readOptionTree(
        Type.Object({ m: Type.Record(Type.String(), Type.String(), {}), n: Type.Array(Type.Object({}), { env: 'N' }) }),
      ),
    invalid(/text form/),
  )
  t.throws(() => readOptionTree(Type.Object({ l: Type.Array(Type.Integer({ env: 'L' })) })), invalid(/inside a value/))
  t.throws(() => readOptionTree(Type.String()), invalid(/object of options/))
})

await t.test('the default of a group wins over those of its keys', async t => {
  const group = Type.Object({ a: Type.Integer({ default: 1 }), b: Type.Integer({ default: 2 }) }, { default: { a: 7 } })
  const defaults = optionsOf(readOptionTree(Type.Object({ group }))).map(option => option.fallback?.value)
  t.strictSame(defaults, [7, 2])
})
