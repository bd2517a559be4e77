import t from 'tap'
import { CarriedCounts } from '../../src/metrics/carried-counts.ts'
import type { MetricSnapshot } from '../../src/metrics/metric-snapshot.ts'

const metric = (type: MetricSnapshot['type'], value: number): MetricSnapshot => ({
  name: 'x',
  help: 'X.',
  type,
  aggregator: 'sum',
  values: [{ value, labels: { a: '1' } }],
})

await t.test('adds up by series and keeps the figures it was given unchanged', t => {
  const carried = new CarriedCounts()
  const first = metric('counter', 3)
  carried.add([first])
  carried.add([metric('counter', 4), { ...metric('counter', 9), name: 'y', aggregator: 'omit' }])
  t.match(carried.snapshots(), [{ name: 'x', values: [{ value: 7, labels: { a: '1' } }] }])
  t.equal(carried.snapshots().length, 1, 'what is to be omitted is')
  t.equal(first.values[0]?.value, 3)
  t.end()
})

await t.test('carries no gauge, and starts again when a metric has become another type', t => {
  const carried = new CarriedCounts()
  carried.add([metric('gauge', 1)])
  t.same(carried.snapshots(), [])
  carried.add([metric('counter', 3)])
  carried.add([metric('histogram', 5)])
  t.match(carried.snapshots(), [{ type: 'histogram', values: [{ value: 5 }] }])
  t.end()
})
