// The tools of the contract, each against the others: what's made fits, what's broken doesn't, and the check sees every difference.
import t from 'tap'
import fc from 'fast-check'
import { differences } from './differences.ts'
import { readShape, type Json } from './shape.ts'
import { valuesOf } from './values.ts'
import { violationsOf, wholeOf, wrongTexts } from './violations.ts'

const SCHEMA = {
  type: 'object',
  required: ['id', 'title', 'tags', 'at'],
  properties: {
    id: { type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
    title: { type: 'string', minLength: 2, maxLength: 12 },
    slug: { type: 'string', pattern: '^[a-z]+(?:-[a-z]+)*$', maxLength: 20 },
    tags: { type: 'array', items: { enum: ['a', 'b', 'c'] }, minItems: 1, maxItems: 3, uniqueItems: true },
    at: { type: 'string', format: 'date-time' },
    on: { anyOf: [{ type: 'string', format: 'date' }, { type: 'null' }] },
    ratio: { type: 'number', minimum: 0, maximum: 1 },
    isOpen: { type: 'boolean' },
    all: { type: 'boolean', const: true },
    counts: { type: 'object', additionalProperties: { type: 'integer' } },
    inner: { $ref: '#/components/schemas/Inner' },
  },
  additionalProperties: false,
}
const COMPONENTS = { Inner: { type: 'object', properties: { x: { type: ['integer', 'null'] } }, required: ['x'] } }
const shape = readShape(SCHEMA, COMPONENTS)

await t.test('every value that is made fits its shape', t => {
  fc.assert(
    fc.property(valuesOf(shape), value => {
      const found = differences(shape, value)
      if (found.length > 0) throw new Error(found.join('; '))
    }),
    { numRuns: 200 },
  )
  t.pass('200 values')
  t.end()
})

await t.test('every violation breaks its shape, in the place that it names, and none is forgotten', t => {
  const whole = wholeOf(shape, part => fc.sample(valuesOf(part), { seed: 5, numRuns: 1 })[0] ?? null)
  t.same(differences(shape, whole), [])
  const violations = violationsOf(shape, whole)
  const named = new Set<string>()
  for (const { path, what, value } of violations) {
    named.add(`${path.join('.')}: ${what}`)
    const [at] = differences(shape, value)
    // Written as in answers: `tags.0`, not `tags[0]`.
    const place = at?.replaceAll(/\[(\d+)\]/g, '.$1')
    t.ok(place?.startsWith(['$', ...path].join('.')), `${path.join('.')} ${what}: ${at}`)
  }
  for (const expected of [
    'title: missing',
    'title: null',
    'title: ""',
    `title: ${JSON.stringify('x'.repeat(13))}`,
    `title: ${JSON.stringify('😀'.repeat(13)).slice(0, 20)}`,
    'slug: "A b"',
    'id: 0',
    'id: 9007199254740992',
    'id: 1.5',
    'tags: too few items',
    'tags: too many items',
    'tags: duplicates',
    'tags: {}',
    'tags.0: "x"',
    'at: "2026-13-01T00:00:00',
    'on: "2026-02-30"',
    'ratio: 2',
    'isOpen: 0',
    'inner: []',
    'inner.x: missing',
    'inner.unknownField: unknown',
    'unknownField: unknown',
  ])
    t.ok(named.has(expected), expected)
  t.end()
})

await t.test('each difference is seen', t => {
  const fitting = { id: 1, title: 'xx', tags: ['a'], at: '2026-01-01T00:00:00.000Z' }
  t.same(differences(shape, fitting), [])
  for (const [change, says] of [
    [{ id: '1' }, '$.id is no integer'],
    [{ id: 0 }, '$.id is out of range'],
    [{ title: 'x' }, '$.title has 1 characters'],
    [{ title: '\ud800x' }, '$.title holds half a surrogate pair'],
    [{ tags: ['a', 'a'] }, '$.tags has duplicates'],
    [{ tags: ['z'] }, '$.tags[0] is none of ["a","b","c"]'],
    [{ at: '2026-01-01T00:00:00Z' }, '$.at is no time with milliseconds in UTC'],
    [{ at: '2026-01-01T00:00:00.000+01:00' }, '$.at is no time with milliseconds in UTC'],
    [{ on: '2026-02-30' }, '$.on fits no option: $.on is no date, $.on is not null'],
    [{ all: false }, '$.all is none of [true]'],
    [{ counts: { a: 1.5 } }, '$.counts.a is no integer'],
    [{ inner: {} }, '$.inner.x is missing'],
    [{ inner: { x: 1, y: 2 } }, '$.inner.y is not described'],
    [{ other: 1 }, '$.other is not described'],
  ] as const)
    t.same(differences(shape, { ...fitting, ...change }), [says])
  t.same(differences(shape, []), ['$ is no object'])
  t.end()
})

await t.test('objects of allOf are one: what one of them narrows is narrow, and there are no others', t => {
  const problem = readShape(
    { allOf: [{ $ref: '#/components/schemas/P' }, { type: 'object', properties: { code: { enum: ['A'] } } }] },
    { P: { type: 'object', required: ['code'], properties: { code: { type: 'string' }, detail: { type: 'string' } } } },
  )
  t.same(differences(problem, { code: 'A', detail: 'x' }), [])
  t.same(differences(problem, { code: 'B' }), ['$.code is none of ["A"]'])
  t.same(differences(problem, {}), ['$.code is missing'])
  t.same(differences(problem, { code: 'A', more: 1 }), ['$.more is not described'])
  t.end()
})

await t.test('texts that a parameter may not be are none that it may be', t => {
  const read = (schema: Json) => wrongTexts(readShape(schema, {}))
  t.strictSame(read({ type: 'string' }), [])
  const ofInteger = read({ type: 'integer', minimum: 1, maximum: 50 })
  for (const text of ['0', '51', '1.5', '01', '+1', '', 'TRUE', '1e3']) t.ok(ofInteger.includes(text), text)
  t.notOk(ofInteger.some(text => /^[1-9]$|^[1-4]\d$|^50$/.test(text)))
  t.notOk(read({ type: 'boolean' }).includes('true'))
  t.ok(read({ enum: ['null'] }).every(text => text !== 'null'))
  t.end()
})
