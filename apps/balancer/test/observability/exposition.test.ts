import t from 'tap'
import { DurationHistogram, Exposition } from '../../src/observability/exposition.ts'

await t.test('labels are escaped, and values are written as they are', async t => {
  const out = new Exposition().metric('x_total', 'counter', 'Things.').sample('x_total', { a: 'q"b\\c\nd' }, 3)
  t.equal(out.toString(), '# HELP x_total Things.\n# TYPE x_total counter\nx_total{a="q\\"b\\\\c\\nd"} 3\n')
})

await t.test('a histogram is cumulative, with everything in +Inf and the sum beside it', async t => {
  const histogram = new DurationHistogram([0.1, 1])
  for (const seconds of [0.05, 0.1, 0.5, 7]) histogram.record(seconds)
  const text = new Exposition().histogram('d', {}, histogram).toString()
  t.equal(text, 'd_bucket{le="0.1"} 2\nd_bucket{le="1"} 3\nd_bucket{le="+Inf"} 4\nd_sum 7.65\nd_count 4\n')
})
