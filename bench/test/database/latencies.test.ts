import t from 'tap'
import { Latencies } from '../../src/database/latencies.ts'

await t.test('quantiles are by the nearest rank, in any order of adding', async t => {
  const latencies = new Latencies()
  for (const ms of [50, 10, 30, 20, 40]) latencies.add(ms)
  t.same(latencies.quantilesMs({ least: 0, p50: 0.5, p60: 0.6, p99: 0.99 }), { least: 10, p50: 30, p60: 30, p99: 50 })
})

await t.test('a share is of those above, and of nothing it is 0', async t => {
  const latencies = new Latencies()
  t.equal(latencies.shareAbove(10), 0)
  t.same(latencies.quantilesMs({ p50: 0.5 }), { p50: 0 })
  for (const ms of [10, 11, 12, 9]) latencies.add(ms)
  t.equal(latencies.shareAbove(10), 0.5)
})
