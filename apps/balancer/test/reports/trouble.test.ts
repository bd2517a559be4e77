import t from 'tap'
import { lowerMedian, ratioToKeep } from '../../src/reports/trouble.ts'
import { ReportFleet } from './report-fleet.ts'

await t.test('memory pressure lowers a weight by its level, and what is not said does not', t => {
  for (const [pressure, ratio] of [
    [0, 1],
    [1, 0.75],
    [2, 0.4],
    [3, 0.1],
  ] as const) {
    const fleet = ReportFleet.reporting(3)
    fleet.steps(1, { a: { pressure }, b: { application_utilization: 0.9 }, c: { pressure: 0 } })
    t.same(fleet.ratios(), [ratio, 1, 1])
  }
  t.end()
})

await t.test('delay and collections count against the fleet: where all are late nobody is in trouble', t => {
  for (const [figures, ratios] of [
    [
      [0.049, 0.001, 0.001],
      [1, 1, 1],
    ],
    [
      [0.1, 0.001, 0.001],
      [0.5, 1, 1],
    ],
    [
      [0.18, 0.012, 0.012],
      [0.28, 1, 1],
    ],
    [
      [0.18, 0.06, 0.06],
      [1, 1, 1],
    ],
    [
      [0.36, 0.06, 0.06],
      [0.5, 1, 1],
    ],
    [
      [3600, 0.001, 0.001],
      [0.1, 1, 1],
    ],
  ] as const) {
    const fleet = ReportFleet.reporting(3)
    const [a, b, c] = figures
    fleet.steps(1, {
      a: { loop_delay_p99_seconds: a },
      b: { loop_delay_p99_seconds: b },
      c: { loop_delay_p99_seconds: c },
    })
    t.same(fleet.ratios(), ratios, figures.join(' '))
  }
  const fleet = ReportFleet.reporting(3)
  fleet.steps(1, { a: { gc_ratio: 0.4 }, b: { gc_ratio: 0.02 }, c: { gc_ratio: 0.09 } })
  t.same(fleet.ratios(), [0.68, 1, 1])
  t.end()
})

await t.test('the reason is said in words, of what is worst', t => {
  const fleet = ReportFleet.reporting(3)
  const well = { loop_delay_p99_seconds: 0.012, gc_ratio: 0.02 }
  fleet.steps(1, { a: { pressure: 1, loop_delay_p99_seconds: 0.18, gc_ratio: 0.2 }, b: well, c: well })
  t.equal(fleet.get('a').reportReason, "reduced to 28 %: loop delay p99 180 ms, fleet's median 12 ms")
  fleet.steps(8, { a: { pressure: 2, loop_delay_p99_seconds: 0.012, gc_ratio: 0.02 }, b: well, c: well })
  t.match(fleet.get('a').reportReason, /^reduced to (?:39|40) %: memory pressure critical$/)
  t.equal(fleet.get('b').reportReason, null)
  t.end()
})

await t.test('of two endpoints the better one is the measure', t => {
  t.equal(lowerMedian([180, 12]), 12)
  t.equal(lowerMedian([3, Number.NaN, 1, 2]), 2)
  t.ok(Number.isNaN(lowerMedian([Number.NaN])))
  const fleet = ReportFleet.reporting(2)
  fleet.steps(1, { a: { loop_delay_p99_seconds: 0.2 }, b: { loop_delay_p99_seconds: 0.012 } })
  t.same(fleet.ratios(), [0.25, 1])
  t.end()
})

await t.test('what is taken from one in trouble has to find room with the others', t => {
  t.ok(ratioToKeep(0.5, 1, 2) < 0, 'all of it')
  t.ok(Math.abs(ratioToKeep(0.85, 1, 2) - 1) < 1e-9, 'nothing')
  t.ok(ratioToKeep(1, 1, 2) > 1)
  for (const [utilization, ratios] of [
    [0.3, [0.2, 1, 1]],
    [0.68, [0.4, 1, 1]],
    [0.8, [0.82, 1, 1]],
    [0.9, [1, 1, 1]],
  ] as const) {
    const fleet = ReportFleet.reporting(3)
    const late = { application_utilization: utilization, loop_delay_p99_seconds: 0.25 }
    const well = { application_utilization: utilization, loop_delay_p99_seconds: 0.01 }
    fleet.steps(1, { a: late, b: well, c: well })
    t.same(fleet.ratios(), ratios, `at ${utilization}`)
  }
  t.end()
})

await t.test('memory that runs out counts whether the others have room or not', t => {
  const busy = { application_utilization: 0.95, loop_delay_p99_seconds: 0.01 }
  const fleet = ReportFleet.reporting(3)
  fleet.steps(1, { a: { ...busy, pressure: 2, loop_delay_p99_seconds: 0.25 }, b: busy, c: busy })
  t.same(fleet.ratios(), [0.4, 1, 1])
  t.match(fleet.get('a').reportReason, /^reduced to 40 %, as the others have no room for more: /)
  const late = ReportFleet.reporting(3)
  late.steps(1, { a: { ...busy, loop_delay_p99_seconds: 0.25 }, b: busy, c: busy })
  t.match(late.get('a').reportReason, /^not reduced, as the others have no room for more: loop delay p99 250 ms/)
  t.end()
})

await t.test('one pause, over but still in the reports, costs less than delays that go on', t => {
  const after = (seconds: number) => {
    const fleet = ReportFleet.reporting(3)
    const well = { loop_delay_p99_seconds: 0.01 }
    fleet.steps(8, { a: well, b: well, c: well })
    fleet.steps(seconds * 4, { a: { loop_delay_p99_seconds: 0.2 }, b: well, c: well })
    return fleet.get('a').reportRatio
  }
  t.ok(after(2) > 0.55, `${after(2)} after two seconds`)
  t.ok(after(20) < 0.3, `${after(20)} after twenty`)
  t.end()
})
