import fc from 'fast-check'
import t from 'tap'
import { FakeClock } from '@plimsoll/testing'

await t.test('time stands still until it is moved', t => {
  const clock = new FakeClock({ startMs: 1000 })
  t.equal(clock.now(), 1000)
  clock.advance(250)
  t.equal(clock.now(), 1250)
  t.throws(() => clock.advance(-1), RangeError)
  t.end()
})

await t.test('timers fire in due order, equal ones in the order they were set, each at its own time', t => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 30 }),
      fc.array(fc.nat(7), { minLength: 10 }),
      (delays, steps) => {
        const clock = new FakeClock()
        const fired: { index: number; atMs: number }[] = []
        delays.forEach(
          (delayMs, index) => void clock.setTimeout(() => fired.push({ index, atMs: clock.now() }), delayMs),
        )
        for (const stepMs of steps) clock.advance(stepMs)
        const elapsedMs = steps.reduce((sum, step) => sum + step, 0)
        const expected = delays
          .map((atMs, index) => ({ index, atMs }))
          .filter(({ atMs }) => atMs <= elapsedMs)
          .toSorted((a, b) => a.atMs - b.atMs || a.index - b.index)
        t.strictSame(fired, expected)
        t.equal(clock.pending, delays.length - expected.length)
      },
    ),
    { numRuns: 50 },
  )
  t.end()
})

await t.test('a timer that a callback sets fires in the same advance when it falls due in it', t => {
  const clock = new FakeClock()
  const seen: number[] = []
  clock.setTimeout(() => {
    seen.push(clock.now())
    clock.setTimeout(() => seen.push(clock.now()), 10)
    clock.setTimeout(() => seen.push(clock.now()), 100)
  }, 5)
  clock.advance(50)
  t.strictSame(seen, [5, 15])
  t.equal(clock.now(), 50)
  t.end()
})

await t.test('intervals repeat until cleared, refresh starts a delay again, cleared timers stay silent', t => {
  const clock = new FakeClock()
  const seen: string[] = []
  const interval = clock.setInterval(() => seen.push(`tick ${clock.now()}`), 10)
  const idle = clock.setTimeout(() => seen.push(`idle ${clock.now()}`), 15)
  const cleared = clock.setTimeout(() => seen.push('cleared'), 12)
  clock.advance(11)
  clock.clearTimeout(cleared)
  idle.refresh()
  clock.advance(19)
  clock.clearInterval(interval)
  clock.clearInterval(interval)
  clock.advance(100)
  t.strictSame(seen, ['tick 10', 'tick 20', 'idle 26', 'tick 30'])
  t.equal(clock.pending, 0)
  t.end()
})

await t.test('an interval can clear itself', t => {
  const clock = new FakeClock()
  let ticks = 0
  const interval = clock.setInterval(() => {
    if (++ticks === 3) clock.clearInterval(interval)
  }, 1)
  clock.advance(50)
  t.equal(ticks, 3)
  t.end()
})

await t.test('delays below a millisecond are one, as in Node; ref and unref only note what was asked', t => {
  const clock = new FakeClock()
  t.equal(clock.setTimeout(() => {}, 0).dueMs, 1)
  t.equal(clock.setTimeout(() => {}, Number.NaN).dueMs, 1)
  t.equal(clock.setTimeout(() => {}, 2.9).dueMs, 2)
  const timer = clock.setTimeout(() => {}, 3).unref()
  t.equal(timer.hasRef(), false)
  t.equal(timer.ref().hasRef(), true)
  t.end()
})

await t.test('advanceAsync lets awaiting code go on between timers', async t => {
  const clock = new FakeClock()
  const seen: number[] = []
  const loop = (async () => {
    for (let i = 0; i < 3; i++) {
      await clock.sleep(10)
      seen.push(clock.now())
    }
  })()
  await clock.advanceAsync(35)
  t.strictSame(seen, [10, 20, 30])
  await loop
})

await t.test('runNext jumps to the next timer', t => {
  const clock = new FakeClock()
  t.equal(clock.runNext(), false)
  clock.setTimeout(() => {}, 5000)
  t.equal(clock.runNext(), true)
  t.equal(clock.now(), 5000)
  t.end()
})

await t.test('timers that set each other for ever are reported instead of hanging the test', t => {
  const clock = new FakeClock()
  const again = (): void => void clock.setTimeout(again, 1)
  again()
  t.throws(() => clock.advance(1e9), { code: 'TESTING_ERR_RUNAWAY_TIMERS' })
  t.end()
})
