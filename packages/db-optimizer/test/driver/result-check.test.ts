import t from 'tap'
import { checkResult } from '../../src/driver/result-check.ts'

function result(values: unknown[], count: number | null): unknown[] {
  return Object.assign(values, { count })
}

await t.test('removes holes in front, and reports what it can’t repair', t => {
  const sparse: unknown[] = []
  sparse[3] = 'a'
  sparse[4] = 'b'
  t.equal(checkResult(result(sparse, 2)), 'repaired')
  t.same([...sparse], ['a', 'b'])
  t.equal(checkResult(result(['a'], 1)), 'sound')
  t.equal(checkResult(result([], 5)), 'sound', 'an update without returning')
  t.equal(checkResult([[1], [2]]), 'sound', 'several statements')
  t.same(checkResult(result(['a', 'b'], 1)), { length: 2, count: 1 })
  t.same(checkResult(result(['a'], 2)), { length: 1, count: 2 })
  t.end()
})
