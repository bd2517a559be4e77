import t from 'tap'
import { createLoadReporter, LOAD_REPORT_ERRORS, LoadReportError, type LoadReporterOptions } from '../src/index.ts'

await t.test('wrong options are refused with what would be right', async t => {
  const wrong: [unknown, RegExp][] = [
    [{ signal: {} }, /no option "signal"; there are: signals, rebuildAfterMs, windowMs, clock/],
    [{ signals: { gc: () => 1 } }, /no signal "gc"; there are: utilization,.* gcRatio,/],
    [
      { signals: { pressure: 1 } },
      /signals\.pressure is a function that returns a number, or null.*not of type number/,
    ],
    [{ rebuildAfterMs: 9 }, /rebuildAfterMs is a number of milliseconds from 10 to 10000, not 9/],
    [{ rebuildAfterMs: '100' }, /rebuildAfterMs is a number/],
    [{ windowMs: Number.NaN }, /windowMs is a number of milliseconds from 100 to 60000, not NaN/],
    [{ windowMs: 200, rebuildAfterMs: 300 }, /windowMs \(200\) is less than rebuildAfterMs \(300\)/],
  ]
  for (const [options, message] of wrong) {
    try {
      createLoadReporter(options as LoadReporterOptions).close()
      t.fail(`accepted: ${JSON.stringify(options)}`)
    } catch (error) {
      t.type(error, LoadReportError)
      t.match(error, { code: 'LOAD_REPORT_ERR_OPTION', message })
    }
  }
  t.same(Object.keys(LOAD_REPORT_ERRORS), ['LOAD_REPORT_ERR_OPTION'])
})

await t.test('signals that are undefined are as if not given', async t => {
  const reporter = createLoadReporter({ signals: { pressure: undefined } as LoadReporterOptions['signals'] & object })
  t.teardown(() => reporter.close())
  t.ok(Number.isNaN(reporter.latest().pressure))
})
