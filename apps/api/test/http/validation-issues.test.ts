import t from 'tap'
import fc from 'fast-check'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { explainIssues } from '../../src/http/validation-issues.ts'

const closed = { additionalProperties: false }
const Thing = Type.Object(
  {
    title: Type.String({ minLength: 2, maxLength: 5 }),
    level: Type.Optional(Type.Enum(['low', 'high'])),
    tags: Type.Optional(Type.Array(Type.String({ maxLength: 3 }), { maxItems: 30, uniqueItems: true })),
    at: Type.Optional(Type.Union([Type.Object({ line: Type.Integer({ minimum: 1 }) }, closed), Type.Null()])),
  },
  closed,
)
const explain = explainIssues(Thing, 'body')

await t.test('each issue names the innermost field and its rule', t => {
  for (const [value, ...issues] of [
    [null, ['body', 'must be object']],
    [[], ['body', 'must be object']],
    [{}, ['body.title', 'is required']],
    [{ title: 'x' }, ['body.title', 'must not have fewer than 2 characters']],
    [{ title: 'xx', level: 'LOW' }, ['body.level', 'must be one of: low, high']],
    [{ title: 'xx', tags: {} }, ['body.tags', 'must be array']],
    [
      { title: 'xx', tags: ['a', 5, 'abcd'] },
      ['body.tags.1', 'must be string'],
      ['body.tags.2', 'must not have more than 3 characters'],
    ],
    [{ title: 'xx', tags: ['a', 'b', 'a'] }, ['body.tags', 'must not have duplicate items']],
    [{ title: 'xx', tags: Array.from({ length: 31 }, () => 5) }, ['body.tags', 'must not have more than 30 items']],
    [{ title: 'xx', at: 5 }, ['body.at', 'must be object or null']],
    [{ title: 'xx', at: { line: 0 } }, ['body.at.line', 'must be >= 1']],
    [{ title: 'xx', at: { line: 1, column: 1 } }, ['body.at.column', 'is not known here']],
  ] as const)
    t.same(
      explain(value).map(({ field, message }) => [field, message]),
      issues,
      JSON.stringify(value),
    )
  t.end()
})

await t.test('unknown names do not hide what else is wrong, however many come first', t => {
  const unknown = Object.fromEntries(Array.from({ length: 12 }, (_, index) => [`unknown${index}`, 1]))
  const issues = explain({ ...unknown, title: 5 })
  t.equal(issues.length, 13)
  t.same(issues.at(-1), { field: 'body.title', message: 'must be string' })
  t.end()
})

await t.test('a name is repeated only if it looks like one', t => {
  const names = ['', 'a b', '<script>', 'é', '\ud800', 'x'.repeat(41), "'; drop", 'a\r\nb', '"', '%', '/']
  for (const name of names)
    t.same(explain({ title: 'xx', [name]: 1 }), [{ field: 'body', message: 'has a name that is not known here' }])
  for (const name of ['$where', 'a.b', 'a-b', '_', 'constructor', '0'])
    t.same(explain({ title: 'xx', [name]: 1 }), [{ field: `body.${name}`, message: 'is not known here' }])
  t.end()
})

await t.test('the walk ends when the list is full: a flood costs no more than what is told of it', t => {
  let looks = 0
  const counting = <Value extends object>(value: Value) =>
    new Proxy(value, {
      get(target, name, receiver): unknown {
        looks += 1
        return Reflect.get(target, name, receiver)
      },
    })
  const wide = Type.Object({ tags: Type.Array(Type.String()) }, closed)
  t.equal(explainIssues(wide, 'body')({ tags: counting(Array.from({ length: 10_000 }, () => 5)) }).length, 20)
  // Once by the check that finds that it isn't right, which ends at the first.
  t.ok(looks < 200, `${looks} looks at 10,000 items`)
  looks = 0
  const flood = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`k${index}`, 1]))
  t.equal(explain(counting(flood)).length, 20)
  t.ok(looks < 200, `${looks} looks at 10,000 fields`)
  t.end()
})

await t.test('a rule that it does not know is told coarsely, and a copied schema is understood like the first', t => {
  const odd = Type.Intersect([Type.Object({ a: Type.String() }), Type.Object({ b: Type.String() })])
  t.ok(explainIssues(odd, 'body')({ a: 'x' }).length >= 1)
  const limited = Type.Object({ a: Type.Optional(Type.String()) }, { ...closed, minProperties: 1 })
  t.same(explainIssues(limited, 'body')({}), [{ field: 'body', message: 'must not have fewer than 1 properties' }])
  const copied = JSON.parse(JSON.stringify(Thing)) as typeof Thing
  const value = { title: 5, tags: [5], at: { line: 0 }, other: 1 }
  t.same(explainIssues(copied, 'body')(value), explain(value))
  t.end()
})

await t.test("it finds what TypeBox's own list finds, and something whenever the check fails", t => {
  const validator = Compile(Thing)
  const near = fc.record(
    {
      title: fc.oneof(fc.string({ maxLength: 6 }), fc.jsonValue()),
      level: fc.oneof(fc.constantFrom('low', 'high'), fc.jsonValue()),
      tags: fc.oneof(fc.array(fc.oneof(fc.string({ maxLength: 4 }), fc.jsonValue())), fc.jsonValue()),
      at: fc.oneof(fc.record({ line: fc.oneof(fc.integer(), fc.jsonValue()) }), fc.constant(null), fc.jsonValue()),
      other: fc.jsonValue(),
    },
    { requiredKeys: [], noNullPrototype: true },
  )
  let failed = 0
  fc.assert(
    fc.property(fc.oneof(near, fc.jsonValue()), value => {
      if (validator.Check(value)) return
      failed += 1
      const issues = explain(value)
      if (issues.length === 0 || issues.length > 20) throw new Error(`${issues.length} issues`)
      const theirs = validator.Errors(value)
      // Its list ends at eight, and goes into every option of a union.
      if (theirs.length >= 8) return
      const paths = new Set(theirs.map(({ instancePath }) => `body${instancePath.replaceAll('/', '.')}`))
      for (const { field } of issues) {
        const owner = field.slice(0, Math.max(4, field.lastIndexOf('.')))
        if (!paths.has(field) && !paths.has(owner)) throw new Error(`${field} isn't among ${[...paths].join()}`)
      }
    }),
    { numRuns: 300 },
  )
  t.ok(failed > 100)
  t.end()
})
