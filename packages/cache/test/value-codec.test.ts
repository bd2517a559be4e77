import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import t from 'tap'
import { decodeValue, encodeValue, estimateBytes, JSON_FORM, V8_FORM } from '../src/value-codec.ts'

const roundTrip = (value: unknown): unknown => {
  const { form, payload } = encodeValue(value)
  return decodeValue(form, Buffer.from(payload))
}

await t.test('any plain data comes back as it was', t => {
  const data = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withTypedArray: true,
    withSparseArray: true,
    withUnicodeString: true,
    withNullPrototype: false,
    withObjectString: false,
    withBoxedValues: false,
  })
  fc.assert(
    fc.property(data, value => deepStrictEqual(roundTrip(value), value)),
    { numRuns: 400, seed: 42 },
  )
  t.end()
})

await t.test('what JSON would change isn’t stored as JSON', t => {
  const changed = [
    undefined,
    -0,
    Number.NaN,
    Infinity,
    5n,
    new Date(5),
    new Date(Number.NaN),
    new Map([[1, { a: 1 }]]),
    new Set([1]),
    { a: undefined },
    [undefined],
    /x/gi,
  ]
  for (const value of changed) {
    t.equal(encodeValue({ value }).form, V8_FORM)
    deepStrictEqual(roundTrip({ value }), { value })
  }
  const kept = [
    null,
    1.5,
    'text \ud800 😀',
    true,
    [],
    {},
    { a: [{ b: null }] },
    JSON.parse('{"__proto__":{"a":1}}') as unknown,
  ]
  for (const value of kept) {
    t.equal(encodeValue({ value }).form, JSON_FORM)
    deepStrictEqual(roundTrip({ value }), { value })
  }
  deepStrictEqual(roundTrip(Buffer.from('bytes')), Buffer.from('bytes'))
  const cycle: { me?: unknown } = {}
  cycle.me = cycle
  deepStrictEqual(roundTrip(cycle), cycle)
  t.end()
})

await t.test('what can’t come back as it was is refused, by its place', t => {
  class Point {
    x = 1
  }
  class Rows extends Array<number> {}
  const cases: [unknown, RegExp][] = [
    [() => 1, /a function/],
    [{ list: [{ run: () => 1 }] }, /list\[0\]\.run.*a function/],
    [{ at: new URL('http://example.org') }, /At at.*URL/],
    [{ point: new Point() }, /Point/],
    [Object.create(null) as unknown, /no class/],
    [new Rows(3), /subclass of Array/],
    [new Map([[1, Symbol('x')]]), /a symbol/],
    [Promise.resolve(1), /Promise/],
    [new Error('boo'), /Error/],
  ]
  for (const [value, message] of cases) t.throws(() => encodeValue(value), { code: 'CACHE_ERR_VALUE', message })
  t.end()
})

await t.test('bytes that no encoder wrote are an exception, not a value', t => {
  t.throws(() => decodeValue(JSON_FORM, Buffer.from('{')))
  t.throws(() => decodeValue(V8_FORM, Buffer.from('nonsense')))
  t.throws(() => decodeValue(9, Buffer.from('1')))
  t.end()
})

await t.test('estimates grow with what’s in a value', t => {
  t.ok(estimateBytes('x'.repeat(1_000)) >= 1_000)
  t.ok(estimateBytes(Array.from({ length: 1_000 }, () => ({ a: 1 }))) > 30_000)
  t.ok(estimateBytes(Buffer.alloc(5_000)) >= 5_000)
  t.ok(estimateBytes(new Map([['a', 'x'.repeat(100)]])) > 100)
  const cycle: { me?: unknown } = {}
  cycle.me = cycle
  t.ok(estimateBytes(cycle) > 0, 'and end')
  t.end()
})
