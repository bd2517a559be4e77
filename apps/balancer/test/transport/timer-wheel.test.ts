import fc from 'fast-check'
import t from 'tap'
import { TimerEntry, TimerWheel } from '../../src/transport/timer-wheel.ts'

const TICK_MS = 50

function wheelAt(startMs: number) {
  let nowMs = startMs
  const fired: { name: string; atMs: number }[] = []
  const wheel = new TimerWheel({ now: () => nowMs }, TICK_MS, error => {
    throw error
  })
  return {
    wheel,
    fired,
    entry: (name: string, then?: (entry: TimerEntry) => void) =>
      new TimerEntry({
        onTimer: entry => {
          fired.push({ name, atMs: nowMs })
          then?.(entry)
        },
      }),
    advance: (toMs: number) => {
      while (nowMs < toMs) {
        nowMs = Math.min(toMs, nowMs + TICK_MS / 2)
        wheel.turn()
      }
    },
    jump: (toMs: number) => {
      nowMs = toMs
      wheel.turn()
    },
    now: () => nowMs,
  }
}

await t.test('an entry fires once, not before its time and at most two ticks after', async t => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 1e6 }),
      fc.array(fc.integer({ min: 0, max: 90_000 }), { maxLength: 20 }),
      (startMs, delays) => {
        const { wheel, fired, entry, advance } = wheelAt(startMs)
        delays.forEach((delayMs, i) => wheel.set(entry(String(i)), delayMs))
        advance(startMs + 90_000 + 3 * TICK_MS)
        t.equal(fired.length, delays.length)
        for (const { name, atMs } of fired) {
          const dueAtMs = startMs + (delays[Number(name)] ?? 0)
          if (atMs < dueAtMs || atMs > dueAtMs + 2 * TICK_MS) throw new Error(`due at ${dueAtMs}, fired at ${atMs}`)
        }
      },
    ),
    { numRuns: 50 },
  )
})

await t.test('the last time that was set counts, whatever was set, cancelled or set anew before', async t => {
  const command = fc.oneof(
    fc.record({ kind: fc.constant('set' as const), delayMs: fc.integer({ min: 0, max: 60_000 }) }),
    fc.record({ kind: fc.constant('cancel' as const) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 5000 }) }),
  )
  fc.assert(
    fc.property(fc.array(command, { maxLength: 40 }), commands => {
      const { wheel, fired, entry, advance, now } = wheelAt(1000)
      const timer = entry('x')
      let dueAtMs: number | null = null
      let firedBefore = 0
      for (const next of commands) {
        if (next.kind === 'set') {
          wheel.set(timer, next.delayMs)
          dueAtMs = now() + next.delayMs
        } else if (next.kind === 'cancel') {
          wheel.cancel(timer)
          dueAtMs = null
        } else {
          advance(now() + next.ms)
        }
        const firedNow = fired.length - firedBefore
        firedBefore = fired.length
        if (firedNow > 1) throw new Error('fired more than once')
        if (dueAtMs === null) {
          if (firedNow > 0 || timer.isSet) throw new Error('fired or set although it was not set')
          continue
        }
        if (now() < dueAtMs && !timer.isSet) throw new Error('fired before its time')
        if (now() >= dueAtMs + 2 * TICK_MS && timer.isSet) throw new Error('did not fire')
        if (!timer.isSet) dueAtMs = null
      }
    }),
    { numRuns: 300 },
  )
  t.pass('no counter-example')
})

await t.test('a later time keeps the entry where it is, an earlier one moves it', async t => {
  const { wheel, fired, entry, advance } = wheelAt(0)
  const timer = entry('x')
  wheel.set(timer, 1000)
  wheel.set(timer, 10_000)
  advance(9000)
  t.same(fired, [])
  wheel.set(timer, 100)
  advance(9300)
  t.equal(fired.length, 1)
  advance(20_000)
  t.equal(fired.length, 1, 'the old times are forgotten')
})

await t.test('an owner may cancel others and set itself anew while its ring is walked', async t => {
  const { wheel, fired, entry, advance } = wheelAt(0)
  const victim = entry('victim')
  let again = 0
  const killer = entry('killer', self => {
    wheel.cancel(victim)
    if (again++ < 2) wheel.set(self, 100)
  })
  const third = entry('third')
  wheel.set(killer, 100)
  wheel.set(victim, 100)
  wheel.set(third, 100)
  advance(2000)
  t.same(
    fired.map(({ name }) => name),
    ['killer', 'third', 'killer', 'killer'],
  )
})

await t.test('after a stall of many turns everything that is due fires', async t => {
  const { wheel, fired, entry, jump } = wheelAt(0)
  for (let i = 0; i < 600; i++) wheel.set(entry(String(i)), i * 100)
  jump(10 * 60_000)
  jump(10 * 60_000 + TICK_MS)
  t.equal(fired.length, 600)
})

await t.test('a fault of one owner is reported and does not stop the others', async t => {
  let nowMs = 0
  const faults: unknown[] = []
  const wheel = new TimerWheel({ now: () => nowMs }, TICK_MS, error => faults.push(error))
  let fired = 0
  const bad = new TimerEntry({
    onTimer: () => {
      throw new Error('a fault')
    },
  })
  wheel.set(bad, 10)
  wheel.set(new TimerEntry({ onTimer: () => fired++ }), 10)
  nowMs = 200
  wheel.turn()
  t.equal(faults.length, 1)
  t.equal(fired, 1)
})
