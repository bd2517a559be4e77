// Figures read out of metrics: the same that Prometheus would make of them.
import fc from 'fast-check'
import t from 'tap'
import { parseMetrics } from '@plimsoll/supervisor'
import { Counter, Gauge, Histogram, Registry } from '@plimsoll/telemetry'
import { MetricFigures } from '../../src/resources/performance/metric-figures.ts'

async function figuresOf(registry: Registry): Promise<MetricFigures> {
  return new MetricFigures(parseMetrics(await registry.getMetricsAsJSON()))
}

await t.test('counts are summed over labels, over some of them, or by one', async t => {
  const registry = new Registry()
  const requests = new Counter({ name: 'r_total', help: 'R.', labelNames: ['code', 'route'], registers: [registry] })
  requests.inc({ code: '200', route: '/a' }, 5)
  requests.inc({ code: '500', route: '/a' }, 2)
  requests.inc({ code: '500', route: '/b' }, 1)
  const figures = await figuresOf(registry)
  t.equal(figures.total('r_total'), 8)
  t.equal(
    figures.total('r_total', ({ code }) => code === '500'),
    3,
  )
  t.same(
    [...figures.totalsBy('r_total', 'route')],
    [
      ['/a', 7],
      ['/b', 1],
    ],
  )
  t.same([...figures.totalsBy('r_total', 'code', ({ route }) => route === '/b')], [['500', 1]])
  t.equal(figures.total('nothing_total'), 0)
  t.same([...figures.totalsBy('r_total', 'nothing')], [])
})

await t.test('a gauge that nobody has set, or that is not a number, is not known', async t => {
  const registry = new Registry()
  const registers = [registry]
  new Gauge({ name: 'zero', help: 'Z.', registers }).set(0)
  new Gauge({ name: 'empty', help: 'E.', registers }).set(Number.NaN)
  new Gauge({ name: 'far', help: 'F.', registers }).set(Number.POSITIVE_INFINITY)
  const figures = await figuresOf(registry)
  t.same(
    ['zero', 'empty', 'far', 'nowhere'].map(name => figures.gauge(name)),
    [0, null, Number.POSITIVE_INFINITY, null],
  )
})

await t.test('durations have a count, an average, and quantiles by their buckets', async t => {
  const registry = new Registry()
  const times = new Histogram({
    name: 's',
    help: 'S.',
    labelNames: ['name'],
    buckets: [0.1, 0.2, 1],
    registers: [registry],
  })
  for (const [name, seconds] of [
    ['a', 0.05],
    ['a', 0.15],
    ['b', 0.15],
    ['b', 0.15],
    ['b', 30],
  ] as const)
    times.observe({ name }, seconds)
  const figures = await figuresOf(registry)
  const all = figures.durations('s')
  t.equal(all.count, 5)
  t.ok(Math.abs(all.averageMs - 6100) < 1e-6)
  t.ok(Math.abs(all.quantileMs(0.1) - 50) < 1e-6, 'half of the first bucket')
  t.ok(Math.abs(all.quantileMs(0.4) - (100 + 100 / 3)) < 1e-6, 'a third of the second')
  t.equal(all.quantileMs(0.99), 1000, 'beyond the last bound that bound')
  t.same(
    Array.from(figures.durationsBy('s', 'name'), ([name, { count }]) => [name, count]),
    [
      ['a', 2],
      ['b', 3],
    ],
  )
  t.equal(figures.durations('s', ({ name }) => name === 'a').count, 2)
  const none = figures.durations('nothing')
  t.same([none.count, none.averageMs, none.quantileMs(0.99)], [0, 0, 0])
})

await t.test('a quantile lies in the bucket of the value that has its rank, whatever was observed', async t => {
  const bounds = [0.1, 0.2, 0.5, 1, 2]
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.double({ min: 0.001, max: 2, noNaN: true }), { minLength: 1, maxLength: 60 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      async (values, share) => {
        const registry = new Registry()
        const times = new Histogram({ name: 's', help: 'S.', buckets: bounds, registers: [registry] })
        for (const value of values) times.observe(value)
        const found = (await figuresOf(registry)).durations('s').quantileMs(share) / 1000
        const ranked = values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1] ?? Number.NaN
        const upper = bounds.find(bound => ranked <= bound) ?? Number.NaN
        const lower = bounds[bounds.indexOf(upper) - 1] ?? 0
        return found >= lower - 1e-9 && found <= upper + 1e-9
      },
    ),
    { numRuns: 200 },
  )
  t.pass('200 sets')
})
