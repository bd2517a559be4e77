import fc from 'fast-check'
import t from 'tap'
import { SeededRandom } from '@plimsoll/testing'
import { DurationHistogram } from '../../src/duration-histogram.ts'
import { OTHERS, StatementStatistics } from '../../src/statements/statement-statistics.ts'
import { topStatements } from '../../src/statements/top-statements.ts'

await t.test('executions that differ in values are counted together, waiting and running apart', async t => {
  const statistics = new StatementStatistics()
  statistics.record('select * from t where a = 1', 1, 10, 2, false)
  statistics.record('SELECT * FROM t WHERE a=$1', 3, 30, null, true)
  const [summary] = topStatements(statistics.entries(), 'total', 10)
  t.match(summary, { text: 'select * from t where a = ?', count: 2, errors: 1, rows: 2, share: 1 })
  t.match(summary?.wait, { totalMs: 4, meanMs: 2, maxMs: 3 })
  t.match(summary?.execution, { totalMs: 40, meanMs: 20, maxMs: 30, p99Ms: 30 })
})

await t.test('the report is in order of total time, mean or count', async t => {
  const statistics = new StatementStatistics()
  for (let call = 0; call < 10; call++) statistics.record('select often', 0, 5, 1, false)
  for (let call = 0; call < 3; call++) statistics.record('select much', 0, 30, 1, false)
  statistics.record('select slow', 0, 60, 1, false)
  const texts = (order: 'total' | 'mean' | 'count'): string[] =>
    topStatements(statistics.entries(), order, 2).map(({ text }) => text)
  t.same(texts('total'), ['select much', 'select slow'])
  t.same(texts('mean'), ['select slow', 'select much'])
  t.same(texts('count'), ['select often', 'select much'])
  t.equal(topStatements(statistics.entries(), 'total', 10)[0]?.share, 0.45)
  t.same(topStatements([], 'total', 10), [])
})

await t.test(
  'too many statements are folded together, the one not used for longest first, and nothing is lost',
  async t => {
    const statistics = new StatementStatistics({ maxStatements: 2, maxTexts: 2 })
    statistics.record('select a', 1, 10, 1, false)
    statistics.record('select b', 1, 10, 1, false)
    statistics.record('select a', 1, 10, 1, false)
    statistics.record('select c', 1, 10, 1, true)
    t.same(
      [...statistics.entries()].map(({ text }) => text),
      ['select a', 'select c', OTHERS],
    )
    statistics.record('select b', 1, 10, 1, false)
    t.same(
      [...statistics.entries()].map(({ text, rows }) => [text, rows]),
      [
        ['select c', 1],
        ['select b', 1],
        [OTHERS, 3],
      ],
    )
  },
)

await t.test('whatever is sent, the bounds hold and the sums are right', async t => {
  const random = new SeededRandom(9)
  const statistics = new StatementStatistics({ maxStatements: 10, maxTexts: 20 })
  let totalMs = 0
  for (let call = 1; call <= 5000; call++) {
    const ms = random.integer(0, 100)
    totalMs += ms
    const text = `select ${random.integer(0, 9)} from t${random.integer(0, 30)}${' '.repeat(random.integer(0, 5))}`
    statistics.record(random.next() < 0.01 ? `${text} -- ${'x'.repeat(9000)}` : text, 0, ms, 1, random.next() < 0.1)
    if (statistics.size > 10) t.fail('too many')
    if (call % 500 !== 0) continue
    const entries = [...statistics.entries()]
    t.equal(
      entries.reduce((sum, entry) => sum + entry.execution.count, 0),
      call,
    )
    t.equal(
      entries.reduce((sum, entry) => sum + entry.execution.totalMs, 0),
      totalMs,
    )
    t.equal(
      entries.reduce((sum, entry) => sum + entry.rows, 0),
      call,
    )
  }
})

await t.test('quantiles are right to an eighth, from microseconds to an hour', async () => {
  const duration = fc.oneof(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 3_000_000, noNaN: true }),
  )
  fc.assert(
    fc.property(
      fc.array(duration, { minLength: 1, maxLength: 50 }),
      fc.constantFrom(0, 0.5, 0.9, 0.99, 1),
      (all, part) => {
        const histogram = new DurationHistogram()
        for (const ms of all) histogram.record(ms)
        const exact = all.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(part * all.length) - 1)] as number
        const seen = histogram.quantileMs(part)
        return seen >= exact - 1e-9 && seen <= exact * 1.126 + 0.0011
      },
    ),
    { numRuns: 1000, seed: 1 },
  )
})

await t.test('an empty histogram, and durations that are none', async t => {
  const histogram = new DurationHistogram()
  t.equal(histogram.quantileMs(0.5), 0)
  t.equal(histogram.meanMs, 0)
  for (const ms of [-1, NaN, Infinity, 1e12]) histogram.record(ms)
  t.equal(histogram.count, 4)
  t.equal(histogram.quantileMs(0.5), 0.001)
})
