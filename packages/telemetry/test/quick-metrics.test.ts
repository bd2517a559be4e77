import t from 'tap'
import fc from 'fast-check'
import { Counter, Histogram, Registry } from '../src/registry.ts'
import { QuickCounter, QuickHistogram } from '../src/quick-metrics.ts'

const NAME = { name: 'x_seconds', help: 'Of the test.' }
const BUCKETS = [0.1, 1, 10]

await t.test('a histogram says what prom-client says of the same observations', async t => {
  const observations = fc.array(
    fc.tuple(
      fc.constantFrom('a', 'b"\n'),
      fc.oneof(fc.constantFrom(0, 0.1, 1, 10), fc.double({ min: 0, max: 99, noNaN: true })),
    ),
    { minLength: 1, maxLength: 30 },
  )
  await fc.assert(
    fc.asyncProperty(observations, async all => {
      const [ours, theirs] = [new Registry(), new Registry()]
      const quick = new QuickHistogram({ ...NAME, registry: ours, buckets: BUCKETS })
      const known = new Histogram({ ...NAME, registers: [theirs], buckets: BUCKETS, labelNames: ['route'] })
      const distributions = new Map(
        [...new Set(all.map(([route]) => route))].map(route => [route, quick.distribution({ route })]),
      )
      for (const [route, value] of all) {
        distributions.get(route)?.observe(value)
        known.observe({ route }, value)
      }
      t.equal(await ours.metrics(), await theirs.metrics())
      // Default labels stand in another place of the text.
      for (const registry of [ours, theirs]) registry.setDefaultLabels({ worker: '1' })
      t.same(plain(await ours.getMetricsAsJSON()), plain(await theirs.getMetricsAsJSON()))
    }),
    { numRuns: 50 },
  )
})

await t.test('a counter says what prom-client says of the same counts, however often it is read', async t => {
  const [ours, theirs] = [new Registry(), new Registry()]
  const quick = new QuickCounter({
    name: 'x_total',
    help: 'Of the test.',
    registry: ours,
    labelNames: ['route', 'code'],
  })
  const known = new Counter({
    name: 'x_total',
    help: 'Of the test.',
    registers: [theirs],
    labelNames: ['route', 'code'],
  })
  const counts = ['200', '404'].map(code => ({ code, count: quick.count({ route: '/x', code }) }))
  for (const code of ['200', '404', '200']) {
    const found = counts.find(one => one.code === code)
    if (found !== undefined) found.count.value += 1
    known.inc({ route: '/x', code })
    await ours.metrics()
  }
  t.equal(await ours.metrics(), await theirs.metrics())
})

/** Without what says nothing. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_key, part: unknown) => (part === null ? undefined : part)))
}
