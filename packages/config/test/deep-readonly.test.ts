import t from 'tap'
import { deepFreeze, isPlainObject, setOwn } from '../src/deep-readonly.ts'

await t.test('objects and lists are frozen at any depth, instances of classes stay usable', async t => {
  const map = new Map([['a', 1]])
  const frozen = deepFreeze({ list: [{ a: 1 }], map, url: new URL('http://a') })
  t.ok(Object.isFrozen(frozen) && Object.isFrozen(frozen.list) && Object.isFrozen(frozen.list[0]))
  t.notOk(Object.isFrozen(frozen.map))
  // @ts-expect-error the type says so too
  t.throws(() => (frozen.list[0].a = 2), TypeError)
})

await t.test('an own key named __proto__ is a key like any other', async t => {
  const target = {}
  setOwn(target, '__proto__', { polluted: true })
  t.ok(Object.hasOwn(target, '__proto__'))
  t.equal(Object.getPrototypeOf(target), Object.prototype)
})

await t.test('plain objects are told from everything else', async t => {
  for (const value of [{}, Object.create(null), JSON.parse('{"a":1}')]) t.ok(isPlainObject(value))
  for (const value of [null, undefined, [], 'a', 1, new Map(), new URL('http://a'), () => 1])
    t.notOk(isPlainObject(value))
})
