import t from 'tap'
import { EndpointWatch } from '../../src/health/endpoint-watch.ts'
import { StallDetector } from '../../src/health/stall-detector.ts'
import { TimerWheel } from '../../src/transport/timer-wheel.ts'
import { Fleet } from '../upstream/fleet.ts'

const TICK_MS = 25
/** The watch's own period, and two ticks by which the wheel may be late. */
const ROUND_MS = 50 + 2 * TICK_MS

function watched(count: number) {
  const fleet = Fleet.up(count)
  const { pool, outliers, clock } = fleet
  const wheel = new TimerWheel(clock, TICK_MS, error => {
    throw error
  })
  const stalls = new StallDetector({ minSilenceMs: 250, factor: 10 }, (endpoint, silentMs) => {
    outliers.eject(endpoint, { cause: 'stalled', reason: `silent for ${silentMs} ms` })
  })
  const watch = new EndpointWatch(pool, outliers, stalls, { step: () => false }, wheel, clock)
  const turning = clock.setInterval(() => wheel.turn(), TICK_MS)
  watch.start()
  clock.advance(1000)
  /** Time goes on without this process, as when it's stopped; what is due comes late, all at once. */
  const pause = (ms: number) => {
    clock.clearInterval(turning)
    clock.advance(ms)
    wheel.turn()
    clock.setInterval(() => wheel.turn(), TICK_MS)
  }
  return { fleet, watch, pause }
}

await t.test('a stalled endpoint is out a round after its silence is too long, and back after its time', t => {
  const { fleet } = watched(2)
  const { clock } = fleet
  const b = fleet.get('b')
  for (let i = 0; i < 20; i++) b.firstByte.record(2, clock.now())
  for (let i = 0; i < 2; i++) b.beginWaiting(clock.now())
  clock.advance(249)
  t.equal(b.circuit.state, 'closed')
  clock.advance(1 + ROUND_MS)
  t.equal(b.circuit.state, 'open')
  clock.advance(10_000 - 1 - ROUND_MS)
  t.equal(b.circuit.state, 'open')
  clock.advance(1 + 2 * ROUND_MS)
  t.equal(b.circuit.state, 'half-open')
  t.equal(fleet.pool.pick([], true), b, 'the next request is its probe')
  t.end()
})

await t.test('silence while this process stood still is held against nobody', t => {
  const { fleet, pause } = watched(2)
  const b = fleet.get('b')
  for (let i = 0; i < 20; i++) b.firstByte.record(2, fleet.clock.now())
  for (let i = 0; i < 2; i++) b.beginWaiting(fleet.clock.now())
  pause(60_000)
  t.equal(b.circuit.state, 'closed')
  b.silentSinceMs = fleet.clock.now()
  fleet.clock.advance(200)
  t.equal(b.circuit.state, 'closed', 'what had come was read after the pause')
  t.end()
})

await t.test('shares grow every quarter of a second, by time alone while nobody can be compared with', t => {
  const { fleet } = watched(2)
  const { pool, clock } = fleet
  const b = fleet.get('b')
  pool.startSlowly(b)
  const beganAtMs = clock.now()
  const seen: number[] = []
  let before = b.startRatio
  for (let i = 0; i < 10_000 / TICK_MS + 20 && b.slowStart; i++) {
    clock.advance(TICK_MS)
    if (b.startRatio === before) continue
    t.ok(b.startRatio > before)
    before = b.startRatio
    seen.push(before)
  }
  t.equal(b.startRatio, 1)
  t.equal(b.weight, 1)
  t.ok(clock.now() - beganAtMs <= 10_000 + 250 + ROUND_MS)
  t.ok(seen.length >= 30 && seen.length <= 41, `${seen.length} steps`)
  t.end()
})

await t.test('answers as fast as those of the others end slow start; others in slow start are no measure', t => {
  for (const [ms, ends] of [
    [4.5, true],
    // As fast as the mean of all three, but twice as slow as the only one that is warm.
    [10, false],
  ] as const) {
    const { fleet } = watched(3)
    const { pool, clock } = fleet
    const [a, b, c] = [fleet.get('a'), fleet.get('b'), fleet.get('c')]
    for (const one of [b, c]) pool.startSlowly(one)
    for (let i = 0; i < 20; i++) {
      a.firstByte.record(4, clock.now())
      for (const one of [b, c]) {
        one.firstByte.record(ms, clock.now())
        one.slowStart?.onAnswer(ms)
      }
    }
    clock.advance(250 + ROUND_MS)
    for (const one of [b, c])
      t.equal(one.startRatio === 1, ends, `${one.id} answers within ${ms} ms: ${one.startRatio}`)
  }
  t.end()
})

await t.test('after stop nothing is looked at any more', t => {
  const { fleet, watch } = watched(2)
  const b = fleet.get('b')
  fleet.outliers.eject(b, { cause: 'failures', reason: 'a test says so' })
  watch.stop()
  fleet.clock.advance(60_000)
  t.equal(b.circuit.state, 'open')
  watch.start()
  fleet.clock.advance(ROUND_MS)
  t.equal(b.circuit.state, 'half-open')
  t.end()
})
