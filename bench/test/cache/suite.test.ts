// The suite's own way from its options to its figures; each part has tests beside it.
import t from 'tap'
import { suite } from '../../src/suites/cache.ts'
import { RecordedIo } from '../recorded-io.ts'

await t.test('the hit ratios of short traces: tables, a chart, figures', async t => {
  const recorded = new RecordedIo(t)
  await suite.run(recorded.io('--quick', '--only', 'hit-ratio'))
  t.match(recorded.text, /exactly the simulated hits/)
  t.match(recorded.text, /keys +exponent +any size +100 entries +500 entries +1,000 entries +three tiers/)
  t.match(recorded.text, /80 % of all +90 % of all +95 % of all/)
  t.match(recorded.text, /100 % │/)
  t.match(recorded.text, /the file\n$/)
  const laws = Array.from({ length: 8 }, () => ({ reads: 5_000 }))
  t.match(recorded.figures, { effort: { quick: true }, parts: { 'hit-ratio': { reads: 5_000, figures: laws } } })
})

await t.test('options that mean nothing are refused before anything is measured', async t => {
  const recorded = new RecordedIo(t)
  await t.rejects(suite.run(recorded.io('--only', 'hitz')), /there is no part "hitz"; there are: hits, stampede, hit-/)
  await t.rejects(suite.run(recorded.io('--rounds', '0')), /--rounds has to be a whole number above 0/)
  t.equal(recorded.text, '')
  t.equal(recorded.figures, undefined)
})
