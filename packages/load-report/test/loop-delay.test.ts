import t from 'tap'
import { type DelayHistogram, LoopDelay } from '../src/loop-delay.ts'

/** Ticks as Node counts them: nanoseconds between two of them. */
class FakeHistogram implements DelayHistogram {
  ticksMs: number[] = []
  enabled = false

  get count(): number {
    return this.ticksMs.length
  }

  percentile(percentile: number): number {
    const sorted = this.ticksMs.toSorted((a, b) => a - b)
    return (sorted[Math.ceil((percentile / 100) * sorted.length) - 1] ?? 0) * 1e6
  }

  reset(): void {
    this.ticksMs = []
  }

  enable(): boolean {
    return (this.enabled = true)
  }

  disable(): boolean {
    this.enabled = false
    return true
  }
}

await t.test('lateness is what a tick took beyond its 20 ms', async t => {
  const histogram = new FakeHistogram()
  const delay = new LoopDelay(0, histogram)
  t.ok(histogram.enabled)
  t.ok(Number.isNaN(delay.p99Ms(0)), 'nothing is known before the first tick')
  histogram.ticksMs = [20, 21, 20.5]
  t.equal(delay.p99Ms(60), 1)
  histogram.ticksMs = [19.5, 19.9]
  t.equal(delay.p99Ms(60), 0, 'never below 0')
  delay.close()
  t.notOk(histogram.enabled)
})

await t.test('a stall is seen at once, and for one window after its own', async t => {
  const histogram = new FakeHistogram()
  const delay = new LoopDelay(0, histogram)
  histogram.ticksMs = [20, 520]
  t.equal(delay.p99Ms(600), 500)
  t.equal(delay.p99Ms(2000), 500)
  t.same(histogram.ticksMs, [], 'a new window')
  histogram.ticksMs = [20, 22]
  t.equal(delay.p99Ms(2500), 500, 'the window before is the worse one')
  t.equal(delay.p99Ms(4000), 500)
  histogram.ticksMs = [21]
  t.equal(delay.p99Ms(4500), 2)
})

await t.test('the window before is all there is until the new one has a tick', async t => {
  const histogram = new FakeHistogram()
  const delay = new LoopDelay(0, histogram)
  histogram.ticksMs = [30]
  t.equal(delay.p99Ms(2000), 10)
  t.equal(delay.p99Ms(2001), 10)
})
