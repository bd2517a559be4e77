import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { JsonSyntaxError, positionOf, readJson } from '../src/read-json.ts'

const reading = (text: string): unknown => {
  try {
    return { value: readJson(text).value }
  } catch (error) {
    if (error instanceof JsonSyntaxError) return 'refused'
    throw error
  }
}
const oracle = (text: string): unknown => {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return 'refused'
  }
}

await t.test('it reads every JSON text as JSON.parse does', async t => {
  const sameReading = fc.property(fc.jsonValue(), fc.constantFrom(0, 2, '\t'), (value, indent) => {
    const text = JSON.stringify(value, null, indent)
    assert.deepEqual(reading(text), oracle(text))
  })
  t.doesNotThrow(() => fc.assert(sameReading, { numRuns: 300 }))
})

await t.test('it refuses and accepts what JSON.parse does when a text is damaged', async t => {
  const damage = fc.constantFrom(
    '',
    ',',
    '"',
    '{',
    '}',
    '[',
    ']',
    ':',
    '0',
    '-',
    '.',
    'e',
    '\\',
    '\u0001',
    ' ',
    '\n',
    'u',
    '+',
    't',
  )
  const sameVerdict = fc.property(fc.json(), fc.nat(), fc.nat(2), damage, (text, place, removed, inserted) => {
    const at = place % (text.length + 1)
    const damaged = text.slice(0, at) + inserted + text.slice(at + removed)
    assert.deepEqual(reading(damaged), oracle(damaged))
  })
  t.doesNotThrow(() => fc.assert(sameVerdict, { numRuns: 1000 }))
})

await t.test('edges of the grammar', async t => {
  const texts = [
    '',
    ' ',
    '01',
    '1.',
    '.5',
    '-',
    '-0',
    '1e5',
    '1E+2',
    '1e',
    '0x1',
    'NaN',
    'Infinity',
    'tru',
    'true1',
    'nul',
    '"\\u00e9"',
    '"\\u12"',
    '"\\x"',
    '"\t"',
    '"a',
    "'a'",
    '[1,]',
    '[,1]',
    '{"a":1,}',
    '{a:1}',
    '{"a" 1}',
    '[] []',
    '// c\n1',
    '{"__proto__":{"x":1}}',
    '{"":0}',
    '\u00a01',
    '\u20281',
  ]
  const different = texts.filter(text => !isDeepStrictEqual(reading(text), oracle(text)))
  t.strictSame(different, [])
  t.equal(Object.getPrototypeOf(readJson('{"__proto__":{"x":1}}').value), Object.prototype)
})

await t.test('a byte order mark is passed over', async t => {
  t.strictSame(readJson('\uFEFF{"a":1}').value, { a: 1 })
})

await t.test('very deep nesting is refused before the stack ends', async t => {
  t.throws(() => readJson('['.repeat(100_000)), { name: 'JsonSyntaxError', message: /more than 200/ })
  t.throws(() => readJson('{"a":'.repeat(100_000)), { name: 'JsonSyntaxError' })
})

await t.test('a text of several megabytes is read', async t => {
  const long = 'a"\\\u00e9'.repeat(1_000_000)
  t.ok(readJson(JSON.stringify({ long })).value)
})

await t.test('every value knows its line and column', async t => {
  const { positions } = readJson('{\n  "a": {"b": [10,\n 20]},\r\n  "c d": true\n}')
  t.strictSame(Object.fromEntries(Array.from(positions, ([path, { line, column }]) => [path, `${line}:${column}`])), {
    '': '1:1',
    a: '2:3',
    'a.b': '2:9',
    'a.b[0]': '2:15',
    'a.b[1]': '3:2',
    '["c d"]': '4:3',
  })
})

await t.test('the position of what is not there is that of what is around it', async t => {
  const { positions } = readJson('{"ab": {"c": 1},\n"list": [{}]}')
  t.strictSame(positionOf(positions, 'ab.x'), { line: 1, column: 2 })
  t.strictSame(positionOf(positions, 'list[0].url'), { line: 2, column: 10 })
  t.strictSame(positionOf(positions, 'a'), { line: 1, column: 1 })
  t.strictSame(positionOf(positions, 'abc["x.y[0]"]'), { line: 1, column: 1 })
})

await t.test('a key that stands twice is reported with its second place', async t => {
  t.strictSame(readJson('{"a": {"b": 1,\n "b": 2}, "b": 3}').repeated, [
    { path: 'a.b', position: { line: 2, column: 2 } },
  ])
})

await t.test('a syntax error says where, and nothing of the text', async t => {
  try {
    readJson('{\n  "password": hunter2 }')
    t.fail('it was accepted')
  } catch (error) {
    t.type(error, JsonSyntaxError)
    t.strictSame((error as JsonSyntaxError).position, { line: 2, column: 15 })
    t.notMatch((error as JsonSyntaxError).message, /hunter|password/)
  }
})
