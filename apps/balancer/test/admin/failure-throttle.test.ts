import t from 'tap'
import fc from 'fast-check'
import { FailureThrottle } from '../../src/admin/failure-throttle.ts'

function throttle(maxAddresses = 100) {
  const clock = { nowMs: 0, now: () => clock.nowMs }
  return { clock, throttle: new FailureThrottle({ maxFailures: 3, windowMs: 60_000, maxAddresses }, clock) }
}

function fail(throttle: FailureThrottle, address: string, times = 3): void {
  for (let i = 0; i < times; i++) throttle.recordFailure(address)
}

await t.test('the last failure that is borne blocks, and the block ends with the window of the first', async t => {
  const { clock, throttle: it } = throttle()
  fail(it, '192.0.2.1', 2)
  t.equal(it.blockedMs('192.0.2.1'), 0)
  clock.nowMs = 20_000
  it.recordFailure('192.0.2.1')
  t.equal(it.blockedMs('192.0.2.1'), 40_000)
  t.equal(it.blockedMs('192.0.2.2'), 0)
  clock.nowMs = 60_000
  t.equal(it.blockedMs('192.0.2.1'), 0)
  it.recordFailure('192.0.2.1')
  t.equal(it.blockedMs('192.0.2.1'), 0, 'a new window begins with one failure')
})

await t.test('one subscriber is one address, however it is written', async t => {
  const { throttle: it } = throttle()
  fail(it, '::ffff:192.0.2.1')
  t.ok(it.blockedMs('192.0.2.1') > 0)
  fail(it, '2001:db8:0:1::1')
  t.ok(it.blockedMs('2001:db8:0:1:ffff::2') > 0)
  t.equal(it.blockedMs('2001:db8:0:2::1'), 0)
  fail(it, '::1')
  t.ok(it.blockedMs('::1') > 0)
  t.equal(it.blockedMs('fe80::1%eth0'), 0)
  fail(it, '::2:0:0:0:0:1', 3)
  t.equal(it.blockedMs('0:0:0:3::'), 0, 'what stands behind :: is not its beginning')
})

await t.test('memory is bounded: with more addresses than fit, the oldest window is forgotten', async t => {
  const { throttle: it } = throttle(2)
  fail(it, '192.0.2.1')
  fail(it, '192.0.2.2')
  fail(it, '192.0.2.3')
  t.same(
    ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map(address => it.blockedMs(address) > 0),
    [false, true, true],
  )
})

await t.test('it does what the rule says, whatever the order of addresses and times', async t => {
  const step = fc.record({
    address: fc.constantFrom('192.0.2.1', '192.0.2.2'),
    afterMs: fc.integer({ min: 0, max: 40_000 }),
  })
  const report = fc.check(
    fc.property(fc.array(step, { maxLength: 30 }), steps => {
      const { clock, throttle: it } = throttle()
      const windows = new Map<string, { startMs: number; failures: number }>()
      for (const { address, afterMs } of steps) {
        clock.nowMs += afterMs
        const window = windows.get(address)
        const isOver = !window || clock.nowMs >= window.startMs + 60_000
        const expected = isOver || window.failures < 3 ? 0 : window.startMs + 60_000 - clock.nowMs
        if (it.blockedMs(address) !== expected) return false
        it.recordFailure(address)
        if (isOver) windows.set(address, { startMs: clock.nowMs, failures: 1 })
        else window.failures++
      }
      return true
    }),
    { numRuns: 200 },
  )
  t.notOk(report.failed, fc.defaultReportMessage(report) ?? '')
})
