import { getHeapStatistics } from 'node:v8'
import t from 'tap'
import { keepObjects } from '../../src/load-reports/kept-objects.ts'

await t.test('about as much is kept as was asked for', async t => {
  const before = getHeapStatistics().used_heap_size
  const kept = keepObjects(32)
  const grownMib = (getHeapStatistics().used_heap_size - before) / 2 ** 20
  // Garbage of before may have gone meanwhile, and some of making it may still be there.
  t.ok(grownMib > 24 && grownMib < 64, `${grownMib} MiB`)
  t.ok(kept.flat().length > 500_000)
})

await t.test('nothing is nothing', async t => {
  t.same(keepObjects(0), [])
})
