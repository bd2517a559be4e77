import fc from 'fast-check'
import t from 'tap'
import { canonicalKey, type KeyForm } from '../../src/batching/canonical-key.ts'

await t.test('a whole number is the same key in whatever shape it comes', async t => {
  const int8 = canonicalKey('int8')
  for (const shape of [5, 5n, '5', '+5', '005']) t.equal(int8(shape), '5')
  t.equal(int8('-0'), '0')
  t.equal(int8(-0), '0')
  t.equal(int8('-9223372036854775808'), '-9223372036854775808')
  t.equal(int8(9_007_199_254_740_991), '9007199254740991')
})

await t.test('a key that the server would refuse is refused without naming it', async t => {
  const refused: readonly (readonly [KeyForm, unknown])[] = [
    ['int2', 32_768],
    ['int4', '2147483648'],
    ['int8', 2n ** 63n],
    ['int8', 2 ** 53],
    ['int8', 1.5],
    ['int8', 'secret'],
    ['int8', ''],
    ['int8', null],
    ['uuid', 'secret'],
    ['uuid', 7],
    ['text', 'a\0secret'],
    ['text', '\ud800'],
    ['text', 5],
  ]
  for (const [form, key] of refused) {
    t.throws(() => canonicalKey(form)(key), { code: 'DB_ERR_PARAMETER', message: /^(?!.*secret)/ }, String(form))
  }
  t.throws(() => canonicalKey('money' as KeyForm), { code: 'DB_ERR_OPTION' })
  t.throws(() => canonicalKey([]), { code: 'DB_ERR_OPTION' })
})

await t.test('a UUID is one key with and without hyphens, braces and capitals', async t => {
  const uuid = canonicalKey('uuid')
  const form = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'
  for (const shape of [form, form.toUpperCase(), `{${form}}`, form.replaceAll('-', '')]) t.equal(uuid(shape), form)
})

await t.test('whole numbers are equal exactly when their keys are', async () => {
  const shaped = (value: bigint): fc.Arbitrary<unknown> =>
    fc.constantFrom<unknown>(value, String(value), ...(Number.isSafeInteger(Number(value)) ? [Number(value)] : []))
  const pair = fc
    .tuple(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.bigInt(-3n, 3n), fc.boolean())
    .map(([a, b, near]) => [near ? b : a, b] as const)
  const int8 = canonicalKey('int8')
  fc.assert(
    fc.property(
      pair.chain(([a, b]) => fc.tuple(fc.constant(a === b), shaped(a), shaped(b))),
      ([equal, a, b]) => (int8(a) === int8(b)) === equal,
    ),
    { numRuns: 500, seed: 1 },
  )
})

await t.test('keys of several columns can not run into each other', async t => {
  const both = canonicalKey(['text', 'text'])
  fc.assert(
    fc.property(fc.tuple(fc.string(), fc.string()), fc.tuple(fc.string(), fc.string()), (a, b) => {
      if ([...a, ...b].some(part => part.includes('\0'))) return true
      return (both(a) === both(b)) === (a[0] === b[0] && a[1] === b[1])
    }),
    { numRuns: 500, seed: 1 },
  )
  t.not(both(['a', 'b,c']), both(['a,b', 'c']))
  t.throws(() => both(['a']), { code: 'DB_ERR_PARAMETER' })
  t.throws(() => both('ab'), { code: 'DB_ERR_PARAMETER' })
})
