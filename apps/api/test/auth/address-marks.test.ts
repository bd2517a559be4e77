import t from 'tap'
import { randomBytes } from 'node:crypto'
import { AddressMarks } from '../../src/auth/address-marks.ts'

const [oldKey, newKey] = [randomBytes(32), randomBytes(32)]
const before = { sign: 'old', keys: new Map([['old', oldKey]]) }
const meanwhile = {
  sign: 'new',
  keys: new Map([
    ['old', oldKey],
    ['new', newKey],
  ]),
}
const after = { sign: 'new', keys: new Map([['new', newKey]]) }
const isKnown = (marks: AddressMarks, mark: Buffer | null, userId: number, address: string) =>
  marks.anyOf(userId, address).some(one => mark?.equals(one))

await t.test('a mark is known again by whoever has the key, for this user and client only', t => {
  const marks = new AddressMarks(before)
  const mark = marks.of(7, '192.0.2.1')
  t.equal(mark?.length, 32)
  t.ok(isKnown(new AddressMarks(before), mark, 7, '192.0.2.1'))
  t.ok(isKnown(marks, mark, 7, '::ffff:192.0.2.1'))
  t.notOk(isKnown(marks, mark, 7, '192.0.2.2'))
  t.notOk(isKnown(marks, mark, 71, '92.0.2.1'))
  t.notOk(isKnown(marks, mark, 8, '192.0.2.1'))
  t.notOk(isKnown(new AddressMarks({ sign: 'old', keys: new Map([['old', newKey]]) }), mark, 7, '192.0.2.1'))
  const prefix = marks.of(7, '2001:db8::1')
  t.ok(isKnown(marks, prefix, 7, '2001:db8:0:0:ffff::9'))
  t.notOk(isKnown(marks, prefix, 7, '2001:db8:0:1::1'))
  t.end()
})

await t.test('an old key’s marks are known as long as it is in the ring', t => {
  const marks = new AddressMarks(before)
  const old = marks.of(7, '192.0.2.1')
  marks.replaceKeys(meanwhile)
  t.ok(isKnown(marks, old, 7, '192.0.2.1'))
  const made = marks.of(7, '192.0.2.1')
  t.notSame(made, old)
  marks.replaceKeys(after)
  t.notOk(isKnown(marks, old, 7, '192.0.2.1'))
  t.ok(isKnown(marks, made, 7, '192.0.2.1'))
  t.end()
})

await t.test('what is no address has no mark, and is never known', t => {
  const marks = new AddressMarks(before)
  for (const address of [undefined, '', 'unknown', 'x'.repeat(200), '1.2.3']) {
    t.equal(marks.of(7, address), null)
    t.same(marks.anyOf(7, address), [])
  }
  t.end()
})
