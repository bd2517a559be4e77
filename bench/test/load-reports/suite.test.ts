// The suite's own way from its options to its figures, through real balancers and workers.
import t from 'tap'
import { suite } from '../../src/suites/load-reports.ts'
import { RecordedIo } from '../recorded-io.ts'

await t.test('the suite, short: tables, ratios, figures', async t => {
  const recorded = new RecordedIo(t)
  await suite.run(recorded.io('--quick', '--only', 'least-connections,least-loaded'))
  t.match(recorded.text, /simulated, latency in ms +p50 +p99 +p99\.9 +to steady +to slow +to collecting/)
  t.match(recorded.text, /least-loaded: answers are right/)
  t.match(recorded.text, /latency in ms +p50 +p99 +p99\.9 +failed +to steady +to slow +to collecting/)
  t.match(recorded.text, /of least-connections's +p50 +p99 +p99\.9 +p99 no worse/)
  t.match(recorded.text, /the file\n$/)
  t.match(recorded.figures, { effort: { rounds: 1 }, rows: [{ name: 'least-connections' }, { name: 'least-loaded' }] })
})

await t.test('options that mean nothing are refused before anything is started', async t => {
  const recorded = new RecordedIo(t)
  await t.rejects(
    suite.run(recorded.io('--only', 'most-loaded')),
    /--only: there is no "most-loaded"; there are: least-c/,
  )
  await t.rejects(suite.run(recorded.io('--rounds', '1.5')), /--rounds has to be a whole number, not "1.5"/)
  await t.rejects(suite.run(recorded.io('--load', '0')), /--load has to be a number above 0/)
  t.equal(recorded.text, '')
})
