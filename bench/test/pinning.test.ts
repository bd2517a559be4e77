import t from 'tap'
import { onCore, parseCoreList, planCores, UNPINNED } from '../src/pinning.ts'

await t.test('the proxy shares its core with nobody', async t => {
  t.same(planCores([0, 1]), { proxy: 1, generator: 0, backend: 0 })
  t.same(planCores([2, 5, 7, 8]), { proxy: 5, generator: 2, backend: 7 })
})

await t.test('with one core, or none known, nothing is pinned', async t => {
  t.equal(planCores([0]), UNPINNED)
  t.equal(planCores([]), UNPINNED)
  t.same(onCore(UNPINNED.proxy, ['node', 'x.ts']), ['node', 'x.ts'])
})

await t.test('a command is pinned by taskset', async t => {
  t.same(onCore(3, ['node', 'x.ts']), ['taskset', '--cpu-list', '3', 'node', 'x.ts'])
})

await t.test('core lists have ranges and single numbers', async t => {
  t.same(parseCoreList('0-2,5'), [0, 1, 2, 5])
  t.same(parseCoreList('7'), [7])
})
