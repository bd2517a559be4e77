// The reporter with a clock and measures that the test moves; the process's own measures have their test beside this one.
import t from 'tap'
import { FakeClock } from '@plimsoll/testing'
import { decodeLoadReport, type LoadReporterOptions } from '../src/index.ts'
import { ProcessLoadReporter } from '../src/load-reporter.ts'
import type { Measures } from '../src/process-measures.ts'
import { completeOptions } from '../src/reporter-options.ts'

class FakeMeasures implements Measures {
  activeMs = 0
  idleMs = 0
  gcMs = 0
  loopDelayMs = 1.25
  heap = 0.5
  memory = 0.25
  closed = 0

  eventLoop(): { activeMs: number; idleMs: number } {
    return { activeMs: this.activeMs, idleMs: this.idleMs }
  }
  gcPauseMs(): number {
    return this.gcMs
  }
  loopDelayP99Ms(): number {
    return this.loopDelayMs
  }
  heapUtilization(): number {
    return this.heap
  }
  memoryUtilization(): number {
    return this.memory
  }
  close(): void {
    this.closed++
  }
}

class Bench {
  readonly clock = new FakeClock()
  readonly measures = new FakeMeasures()
  readonly reporter: ProcessLoadReporter

  constructor(options: LoadReporterOptions = {}) {
    this.reporter = new ProcessLoadReporter(completeOptions({ clock: this.clock, ...options }), this.measures)
  }

  /** Time passes in steps of 10 ms, busy for a share of it, with so many requests. */
  pass(ms: number, { busy = 0, requests = 0, failed = 0, gcMs = 0 } = {}): void {
    this.clock.advance(ms)
    this.measures.activeMs += ms * busy
    this.measures.idleMs += ms * (1 - busy)
    this.measures.gcMs += gcMs
    for (let i = 0; i < requests; i++) this.reporter.requestEnded(i < failed)
  }

  decoded() {
    const bytes = Buffer.from(this.reporter.header())
    return decodeLoadReport(bytes, 0, bytes.length)
  }
}

await t.test('a report of a second: every field, as the wire has it', async t => {
  const bench = new Bench({ signals: { databaseWaiting: () => 2, cacheHitRatio: () => 0.875, pressure: () => 1 } })
  bench.pass(1000, { busy: 0.4, requests: 500, failed: 5, gcMs: 20 })
  t.equal(
    bench.reporter.header(),
    'TEXT application_utilization=0.4,mem_utilization=0.25,rps_fractional=500,eps=5,named_metrics.sequence=1,' +
      'named_metrics.loop_delay_p99_seconds=0.00125,named_metrics.gc_ratio=0.02,named_metrics.heap_utilization=0.5,' +
      'named_metrics.db_waiting=2,named_metrics.cache_hit_ratio=0.875,named_metrics.pressure=1',
  )
  t.match(bench.reporter.latest(), { utilization: 0.4, sequence: 1 })
})

await t.test('the same string for 100 ms, then a new one with the next number', async t => {
  const bench = new Bench()
  bench.pass(500)
  const first = bench.reporter.header()
  bench.pass(99, { busy: 1, requests: 99 })
  t.equal(bench.reporter.header(), first)
  bench.pass(1)
  t.not(bench.reporter.header(), first)
  t.equal(bench.decoded()?.sequence, 2)
  bench.pass(50_000)
  t.equal(bench.decoded()?.sequence, 3, 'numbers count reports, not time')
})

await t.test('the first report, right after the start, says no rates', async t => {
  const bench = new Bench()
  bench.pass(3, { busy: 1, requests: 1, gcMs: 3 })
  const report = bench.decoded()
  t.match(report, { sequence: 1, heapUtilization: 0.5 })
  t.match(report, {
    utilization: Number.NaN,
    requestsPerSecond: Number.NaN,
    errorsPerSecond: Number.NaN,
    gcRatio: Number.NaN,
  })
})

await t.test('rates follow the load within a second, up and down', async t => {
  const bench = new Bench()
  for (let i = 0; i < 20; i++) {
    bench.pass(100, { busy: 0.9, requests: 50 })
    bench.reporter.header()
  }
  t.match(bench.decoded(), { utilization: 0.9, requestsPerSecond: 500 })
  for (let i = 0; i < 10; i++) {
    bench.pass(100, { busy: 0.1, requests: 10 })
    bench.reporter.header()
  }
  t.match(bench.decoded(), { utilization: 0.1, requestsPerSecond: 100 })
})

await t.test(
  'an idle server says so in the answer to a check, and when requests come again it says that at once',
  async t => {
    const bench = new Bench()
    for (let i = 0; i < 20; i++) {
      bench.pass(100, { busy: 0.9, requests: 50 })
      bench.reporter.header()
    }
    bench.pass(2000, { requests: 1 })
    t.match(bench.decoded(), { utilization: 0, requestsPerSecond: 0.5, gcRatio: 0 })
    bench.pass(30_000)
    t.match(bench.decoded(), { utilization: 0, requestsPerSecond: 0 })
    bench.pass(100, { busy: 1, requests: 60 })
    t.match(bench.decoded(), { utilization: 1, requestsPerSecond: 600 })
  },
)

await t.test("a signal takes the measure's place, and null leaves the field out", async t => {
  const bench = new Bench({ signals: { utilization: () => 0.75, gcRatio: null, heapUtilization: null } })
  bench.pass(1000, { busy: 0.1, gcMs: 5 })
  t.match(bench.decoded(), {
    utilization: 0.75,
    gcRatio: Number.NaN,
    heapUtilization: Number.NaN,
    memoryUtilization: 0.25,
  })
})

await t.test('a signal that throws or has no number costs its own field alone', async t => {
  const bench = new Bench({
    signals: {
      databaseWaiting: () => {
        throw new Error('the pool is closed')
      },
      cacheHitRatio: () => 0 / 0,
      pressure: () => Infinity,
    },
  })
  bench.pass(1000, { busy: 0.5 })
  t.equal(
    bench.reporter.header(),
    'TEXT application_utilization=0.5,mem_utilization=0.25,rps_fractional=0,eps=0,named_metrics.sequence=1,' +
      'named_metrics.loop_delay_p99_seconds=0.00125,named_metrics.gc_ratio=0,named_metrics.heap_utilization=0.5',
  )
})

await t.test('an event loop that has not run yet has no utilization', async t => {
  const bench = new Bench()
  bench.clock.advance(1000)
  t.match(bench.decoded(), { utilization: Number.NaN, requestsPerSecond: 0 })
})

await t.test('after close the last report stands, and nothing is measured', async t => {
  const bench = new Bench()
  bench.pass(1000, { busy: 0.5 })
  bench.reporter.close()
  const last = bench.reporter.header()
  bench.pass(1000, { busy: 1, requests: 10 })
  t.equal(bench.reporter.header(), last)
  t.equal(bench.reporter.latest().utilization, 0.5)
  bench.reporter.close()
  t.equal(bench.measures.closed, 1)
})

await t.test('collections that are told late never make more than all of the time', async t => {
  const bench = new Bench()
  bench.pass(100, { busy: 1, gcMs: 900 })
  t.equal(bench.decoded()?.gcRatio, 1)
})
