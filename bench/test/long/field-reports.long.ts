// The suite's own way from its options to its figures, through the naive service and the whole stack, on two databases.
import t from 'tap'
import { REPORTS } from '../../src/field-reports/claims.ts'
import { suite } from '../../src/suites/reports.ts'
import { RecordedIo } from '../recorded-io.ts'

// Databases, a stack and workers are started: on a busy machine that takes its time.
t.setTimeout(180_000)

await t.test('the suite, short: answers that agree, tables of all reports, figures', async t => {
  const recorded = new RecordedIo(t)
  await suite.run(recorded.io('--quick'))
  const { text } = recorded
  t.match(text, /\d+ answers of one are the same data as the other's/)
  for (const report of Object.values(REPORTS)) t.ok(text.includes(`${report}\n`), report)
  t.match(text, /one request at a time +claimed: before, ms +after, ms +ratio +here: before, ms +ours, ms +ratio/)
  t.match(text, /dashboard, cached +1,600 +40-48 +33 /)
  t.match(text, /dashboard, cold, user created +1,600 +615 +2\.6 /)
  t.match(text, /ten concurrent users +500 /)
  t.match(text, /token verify +11 +25 /)
  t.match(text, /login +707, target 500 /)
  t.match(text, /five logins at once, all answered +3,000, target 5,000 /)
  t.match(text, /CPU, µs per request, ten at once +before: service +PostgreSQL +all +ours: from cache/)
  t.match(text, /the file\n$/)
  t.match(recorded.figures, { size: 'small', naive: { poolSize: 5 }, effort: { rounds: 1 } })
  const figures = recorded.figures?.['figures'] as { scenario: string; cpuUsPerRequest: { after: object } }[]
  const costs = figures.find(one => one.scenario === 'courses, cached')?.cpuUsPerRequest.after ?? {}
  t.hasProps(costs, ['API', 'balancer', 'PostgreSQL'])
})

await t.test('options that mean nothing are refused before anything is started', async t => {
  const recorded = new RecordedIo(t)
  await t.rejects(suite.run(recorded.io('--report', 'C3')), /--report: there is no "C3"; there are: C1, P, A/)
  await t.rejects(suite.run(recorded.io('--rounds', '0')), /--rounds has to be a whole number above 0/)
  await t.rejects(suite.run(recorded.io('--distance=-1')), /--distance has to be a number from 0 to 1000/)
  t.equal(recorded.text, '')
})
