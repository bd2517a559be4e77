// Whose reports are taken, which of them are new, and what bytes can't do.
import fc from 'fast-check'
import t from 'tap'
import { describe } from '../upstream/fleet.ts'
import { EXPIRY_MS, field, headWith, ReportFleet, text } from './report-fleet.ts'

const FIGURES = { application_utilization: 0.5, rps_fractional: 100, loop_delay_p99_seconds: 0.012 }

await t.test('reports count from endpoints on Unix sockets, unless all or none are trusted', t => {
  for (const [from, taken] of [
    ['unix', ['u']],
    ['all', ['t', 'u']],
    ['none', []],
  ] as const) {
    const fleet = new ReportFleet({ from })
    fleet.pool.replace([describe('t'), describe('u', { url: 'unix:/run/u.sock' })])
    for (const id of ['t', 'u']) fleet.say(id, FIGURES)
    const said = fleet.pool.endpoints.filter(({ report }) => report.last !== null).map(({ id }) => id)
    t.same(said, taken, from)
    t.match(fleet.intake.counts, { taken: taken.length, untrusted: 2 - taken.length })
  }
  t.end()
})

await t.test('who is no longer trusted is forgotten at once', t => {
  const fleet = ReportFleet.reporting(1)
  fleet.say('a', FIGURES)
  fleet.intake.configure({ from: 'unix', expiryMs: EXPIRY_MS })
  t.equal(fleet.get('a').report.last, null)
  fleet.say('a', FIGURES)
  t.equal(fleet.get('a').report.last, null)
  t.end()
})

await t.test('an answer without a report changes nothing, and of two in one head the first counts', t => {
  const fleet = ReportFleet.reporting(1)
  const { report } = fleet.get('a')
  fleet.intake.take(fleet.get('a'), headWith())
  t.same(fleet.intake.counts, { taken: 0, same: 0, stale: 0, untrusted: 0, invalid: 0 })
  fleet.intake.take(fleet.get('a'), headWith(field(text({ ...FIGURES, sequence: 1 })), field(text({ sequence: 2 }))))
  t.equal(report.last?.sequence, 1)
  t.end()
})

await t.test('the same bytes are recognised wherever they stand, and are as old as when they came first', t => {
  const fleet = ReportFleet.reporting(1)
  const { report } = fleet.get('a')
  const line = field(text({ ...FIGURES, sequence: 7 }))
  fleet.intake.take(fleet.get('a'), headWith(line))
  fleet.clock.advance(1000)
  fleet.intake.take(fleet.get('a'), headWith('X-More: than before', line, 'Date: x'))
  t.match(fleet.intake.counts, { taken: 1, same: 1 })
  t.equal(report.ageMs(fleet.clock.now()), 1000)
  fleet.clock.advance(EXPIRY_MS - 1000)
  t.ok(report.isFresh(fleet.clock.now(), EXPIRY_MS))
  fleet.clock.advance(1)
  t.notOk(report.isFresh(fleet.clock.now(), EXPIRY_MS))
  fleet.intake.take(fleet.get('a'), headWith(line))
  t.notOk(report.isFresh(fleet.clock.now(), EXPIRY_MS), 'a worker that repeats an old report has nothing new to say')
  t.end()
})

await t.test('any other byte, or one more or less, is another report', t => {
  const fleet = ReportFleet.reporting(1)
  const { report } = fleet.get('a')
  fleet.sayText('a', text({ application_utilization: 0.5 }))
  for (const other of [0.4, 0.51, 0.5, 1]) {
    fleet.sayText('a', text({ application_utilization: other }))
    t.equal(report.last?.utilization, other)
  }
  t.match(fleet.intake.counts, { taken: 5, same: 0 })
  t.end()
})

await t.test('without a sequence the same bytes may be said anew, and stay fresh', t => {
  const fleet = ReportFleet.reporting(1, { strategy: 'least-loaded' })
  const a = fleet.get('a')
  for (let i = 0; i < 20; i++) {
    fleet.sayText('a', text(FIGURES))
    fleet.clock.advance(1000)
  }
  t.ok(a.report.isFresh(fleet.clock.now(), EXPIRY_MS))
  t.equal(fleet.clock.now() - a.pick.reportedAtMs, 1000, 'the strategy hears it too')
  t.match(fleet.intake.counts, { taken: 1, same: 19 })
  t.end()
})

await t.test('an overtaken report is not taken; behind an expired one any is, since the process may be another', t => {
  const fleet = ReportFleet.reporting(1)
  const { report } = fleet.get('a')
  const say = (sequence: number, utilization: number) =>
    fleet.sayText('a', text({ application_utilization: utilization, sequence }))
  say(500, 0.5)
  fleet.clock.advance(100)
  say(499, 0.4)
  say(500, 0.45)
  t.equal(report.last?.utilization, 0.5)
  t.equal(report.ageMs(fleet.clock.now()), 100, 'nor does it make the last one younger')
  say(501, 0.6)
  t.equal(report.last?.utilization, 0.6)
  fleet.clock.advance(EXPIRY_MS)
  say(1, 0.1)
  t.equal(report.last?.utilization, 0.6)
  fleet.clock.advance(1)
  say(1, 0.2)
  t.equal(report.last?.utilization, 0.2)
  t.match(fleet.intake.counts, { taken: 3, stale: 3 })
  t.end()
})

await t.test('an absurd sequence holds nobody back for longer than a report counts', t => {
  const fleet = ReportFleet.reporting(1)
  fleet.sayText('a', text({ application_utilization: 0.1, sequence: Number.MAX_SAFE_INTEGER }))
  fleet.clock.advance(EXPIRY_MS + 1)
  fleet.sayText('a', text({ application_utilization: 0.2, sequence: 5 }))
  t.equal(fleet.get('a').report.last?.utilization, 0.2)
  t.end()
})

await t.test('who was down, and who has another address, begins without a report', t => {
  const fleet = ReportFleet.reporting(2)
  const { pool } = fleet
  for (const id of ['a', 'b']) fleet.sayText(id, text({ ...FIGURES, sequence: 900 }))
  pool.setHealth(fleet.get('a'), 'down', 'a test says so')
  pool.setHealth(fleet.get('a'), 'up', 'a test says so')
  t.equal(fleet.get('a').report.last, null)
  fleet.sayText('a', text({ application_utilization: 0.25, sequence: 1 }))
  t.equal(fleet.get('a').report.last?.utilization, 0.25, 'a new process counts from 1')
  pool.replace([describe('a'), describe('b', { url: 'unix:/run/b-2.sock' })])
  t.equal(fleet.get('b').report.last, null, 'a new generation')
  t.ok(fleet.get('a').report.last)
  t.end()
})

await t.test('what is no report changes nothing, however long it is', t => {
  const fleet = ReportFleet.reporting(1)
  fleet.say('a', FIGURES)
  const before = fleet.get('a').report.last
  const nonsense = [
    '',
    'TEXT',
    'TEXT ',
    'BIN CgYIAQ==',
    'x'.repeat(10_000),
    `TEXT ${'application_utilization=0.1,'.repeat(400)}`,
    `TEXT ${'a=1,'.repeat(200)}`,
    'TEXT application_utilization=-1',
    'TEXT application_utilization=NaN,mem_utilization=Infinity',
    'TEXT named_metrics.pressure=7,named_metrics.sequence=1.5',
    'JSON {"cpu_utilization":',
  ]
  for (const value of nonsense) fleet.sayText('a', value)
  t.equal(fleet.get('a').report.last, before)
  t.equal(fleet.intake.counts.invalid, nonsense.length)
  t.end()
})

await t.test('whatever bytes come, nothing throws, and every figure is one that can be', t => {
  const name = fc.constantFrom('application_utilization', 'sequence', 'pressure', 'db_waiting', 'gc_ratio', 'eps', 'x')
  const value = fc.oneof(fc.double().map(String), fc.integer().map(String), fc.string({ maxLength: 5 }))
  const entries = fc.array(fc.tuple(name, value), { maxLength: 20 })
  const anything = fc.oneof(
    entries.map(all => text(Object.fromEntries(all))),
    fc.string({ maxLength: 300 }),
  )
  fc.assert(
    fc.property(fc.array(anything, { maxLength: 5 }), values => {
      const fleet = ReportFleet.reporting(1)
      for (const said of values) fleet.sayText('a', said.replaceAll(/[^\t -~]/g, '?'))
      fleet.steps(1)
      const { last } = fleet.get('a').report
      return (
        last === null || Object.values(last).every(figure => Number.isNaN(figure) || (figure >= 0 && figure < 1e16))
      )
    }),
    { numRuns: 100 },
  )
  t.end()
})
