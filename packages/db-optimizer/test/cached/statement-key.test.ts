import fc from 'fast-check'
import { anyText } from '@plimsoll/testing/any-text'
import t from 'tap'
import { statementKey } from '../../src/cached/statement-key.ts'

const key = (...parameters: unknown[]) =>
  statementKey('o', { text: 'select', parameters, types: parameters.map(() => 0) })

const scalar = fc.oneof(
  anyText({ maxLength: 5 }),
  fc.double(),
  fc.bigInt(),
  fc.boolean(),
  fc.constant(null),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 4 }).map(bytes => Buffer.from(bytes)),
)
const value = fc.letrec(tie => ({
  any: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(fc.string({ maxLength: 3 }), tie('any'), { maxKeys: 3 }),
  ),
})).any

await t.test('equal parameters have one key, different ones never', async t => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 3 }), fc.array(value, { maxLength: 3 }), (a, b) => {
      const same = isSame(a, b)
      return key(...a) !== undefined && (key(...a) === key(...b)) === same && key(...a) === key(...structuredClone(a))
    }),
    { numRuns: 2000 },
  )
  t.pass()
})

await t.test('look-alikes are told apart', async t => {
  const lists: unknown[][] = [
    ['5'],
    [5],
    [5n],
    [-0],
    [0],
    ['0'],
    [null],
    ['null'],
    [true],
    ['t'],
    [[]],
    [{}],
    [''],
    [],
    ['', ''],
    [['', '']],
    [[''], ''],
    [new Date(5)],
    [Buffer.from('5')],
    [{ a: 1 }],
    [{ 'a:1': 1 }],
    [{ a: undefined }],
    ['ab', 'c'],
    ['a', 'bc'],
    [Number.NaN],
  ]
  t.equal(new Set(lists.map(list => key(...list))).size, lists.length)
  const statement = { text: 'select', parameters: [1], types: [0] }
  t.not(statementKey('o', statement), statementKey('p', statement), 'origin')
  t.not(statementKey('o', statement), statementKey('o', { ...statement, text: 'select 1' }), 'text')
  t.not(statementKey('o', statement), statementKey('o', { ...statement, types: [20] }), 'declared type')
  t.match(statementKey('o', statement), /^[\w-]{43}$/)
})

await t.test('what can not be compared by its contents has no key', async t => {
  class Money {
    readonly #cents = 5
    get cents(): number {
      return this.#cents
    }
  }
  const deep: unknown[] = []
  let inner = deep
  for (let i = 0; i < 200; i++) inner.push((inner = []))
  for (const one of [
    new Money(),
    new Map([[1, 2]]),
    () => 5,
    Symbol('x'),
    { toJSON: () => 5 },
    [new Money()],
    { a: new Map() },
    deep,
  ]) {
    t.equal(key(one), undefined)
  }
})

/** Sameness as the key means it: by kind and contents. */
function isSame(a: unknown, b: unknown): boolean {
  if (Buffer.isBuffer(a) || Buffer.isBuffer(b)) return Buffer.isBuffer(a) && Buffer.isBuffer(b) && a.equals(b)
  if (a instanceof Date || b instanceof Date)
    return a instanceof Date && b instanceof Date && a.getTime() === b.getTime()
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b)
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const [one, other] = [Object.entries(a), Object.entries(b)]
  return (
    one.length === other.length &&
    one.every(([name, item], index) => other[index]?.[0] === name && isSame(item, other[index]?.[1]))
  )
}
