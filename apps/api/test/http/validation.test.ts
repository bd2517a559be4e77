import t from 'tap'
import { Type, type TSchema } from 'typebox'
import type { ApiError } from '../../src/errors.ts'
import { compileValidator } from '../../src/http/validation.ts'

type Outcome = { value?: unknown; error?: ApiError }

function validator(schema: TSchema, httpPart: string): (value: unknown) => Outcome {
  return compileValidator({ schema, method: 'GET', url: '/', httpPart }) as (value: unknown) => Outcome
}

const Everything = Type.Object(
  {
    count: Type.Integer({ minimum: -5, maximum: 50, default: 20 }),
    ratio: Type.Optional(Type.Number()),
    flag: Type.Optional(Type.Boolean()),
    word: Type.Optional(Type.Enum(['a', 'b'])),
    name: Type.Optional(Type.String({ maxLength: 5 })),
  },
  { additionalProperties: false },
)

await t.test('a query is read from text in its canonical spelling, and gets its defaults', async t => {
  const check = validator(Everything, 'querystring')
  t.same(check({}).value, { count: 20 })
  t.same(check({ count: '-5', ratio: '0.25', flag: 'true', word: 'a', name: '12' }).value, {
    count: -5,
    ratio: 0.25,
    flag: true,
    word: 'a',
    name: '12',
  })
  for (const ratio of ['1', '-0.5', '0', '12.5', '100'])
    t.equal((check({ ratio }).value as { ratio: number }).ratio, Number(ratio))
})

await t.test('other spellings of a number or a boolean are refused', async t => {
  const check = validator(Everything, 'querystring')
  for (const count of ['05', '+5', '5.0', '5e0', ' 5', '', '0x5', '-0', ['5', '6'], '٥'])
    t.ok(check({ count }).error, JSON.stringify(count))
  for (const ratio of ['.5', '1.', '1.0', '01', '1e3', 'NaN', 'Infinity', '-', '--1'])
    t.ok(check({ ratio }).error, ratio)
  for (const flag of ['1', '0', 'yes', 'TRUE', '', 'null']) t.ok(check({ flag }).error, flag)
})

await t.test('a body is taken as it is: nothing is converted, nothing filled in', async t => {
  const check = validator(Everything, 'body')
  for (const body of [{ count: '5' }, { count: true }, { count: null }, {}, null, [], 'x', 5, undefined])
    t.ok(check(body).error, JSON.stringify(body))
  t.same(check({ count: 5 }).value, { count: 5 })
})

await t.test('a refusal names every field and its rule, and no value', async t => {
  const check = validator(Everything, 'querystring')
  const { error } = check({ count: '51', word: 'secret-word', name: 'secret-name', other: 'secret-other' })
  t.match(error, { code: 'API_ERR_VALIDATION', status: 400 })
  t.same(
    new Map(error?.issues?.map(({ field, message }) => [field, message])),
    new Map([
      ['query.other', 'is not known here'],
      ['query.count', 'must be <= 50'],
      ['query.word', 'must be one of: a, b'],
      ['query.name', 'must not have more than 5 characters'],
    ]),
  )
  t.notMatch(JSON.stringify([error?.message, error?.issues]), /secret/)
})

await t.test('fields inside a body are named by their path', async t => {
  const check = validator(Type.Object({ list: Type.Array(Type.Object({ title: Type.String() })) }), 'body')
  const { error } = check({ list: [{ title: 'x' }, { title: 5 }, {}] })
  t.same(
    error?.issues?.map(({ field }) => field),
    ['body.list.1.title', 'body.list.2.title'],
  )
})

await t.test('a flood of wrong fields makes a short answer', async t => {
  const check = validator(Everything, 'body')
  const { error } = check({
    count: 1,
    ...Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`${'x'.repeat(500)}${index}`, 1])),
  })
  t.ok(JSON.stringify(error?.issues).length < 3000)
})

await t.test('names that mean something to JavaScript are names like others', async t => {
  const query = Object.assign(
    Object.create(null) as object,
    JSON.parse('{"__proto__":"1","constructor":"2","toString":"3"}') as object,
  )
  const { error } = validator(Everything, 'querystring')(query)
  t.same(error?.issues?.map(({ field }) => field).toSorted(), [
    'query.__proto__',
    'query.constructor',
    'query.toString',
  ])
})

await t.test('a text beyond its length meets no pattern, neither in the check nor in what is said of it', t => {
  const seen: number[] = []
  class Watched extends RegExp {
    override test(text: string): boolean {
      seen.push(text.length)
      return super.test(text)
    }
  }
  const code = Type.String({ maxLength: 40, pattern: new Watched('^[a-z]+$') })
  for (const [part, give] of [
    ['querystring', (text: string) => ({ code: text })],
    ['body', (text: string) => ({ code: text })],
    ['headers', (text: string) => ({ code: text })],
  ] as const) {
    const check = validator(Type.Object({ code }), part)
    t.same(check(give('a'.repeat(40))).error, undefined)
    t.match(check(give('A')).error, { issues: [{ message: /must match pattern/ }] })
    const { error } = check(give(`${'a'.repeat(50_000)}!`))
    t.same(
      error?.issues?.map(({ message }) => message),
      ['must not have more than 40 characters'],
    )
  }
  t.ok(seen.length > 0)
  t.ok(Math.max(...seen) <= 40, String(Math.max(...seen)))
  t.end()
})
