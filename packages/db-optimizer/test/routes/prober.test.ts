import t from 'tap'
import { FakeClock } from '@plimsoll/testing'
import { Prober } from '../../src/routes/prober.ts'

/** A prober whose answers are given by the test; `asked` has the times of its questions. */
function setUp() {
  const clock = new FakeClock()
  const asked: number[] = []
  const state = { problem: null as string | null, inDoubt: false }
  const prober = new Prober(
    { intervalMs: 60_000, doubtIntervalMs: 5000 },
    {
      timers: clock,
      random: { next: () => 0.5 },
      ask: () => {
        asked.push(clock.now())
        return Promise.resolve(state.problem)
      },
      answered: problem => (state.inDoubt = problem !== null),
    },
  )
  t.teardown(() => prober.stop())
  return { clock, asked, state, prober }
}

await t.test('every minute, every five seconds while in doubt', async t => {
  const { clock, asked, state, prober } = setUp()
  prober.start()
  await clock.advanceAsync(120_000)
  t.same(asked, [60_000, 120_000])
  state.problem = 'ECONNREFUSED'
  await clock.advanceAsync(70_000)
  t.same(asked.slice(2), [180_000, 185_000, 190_000])
  state.problem = null
  await clock.advanceAsync(65_000)
  t.same(asked.slice(5), [195_000, 255_000])
})

await t.test(
  'something that looks wrong is looked into at once, but not more often than every five seconds',
  async t => {
    const { clock, asked, prober } = setUp()
    prober.start()
    await clock.advanceAsync(1000)
    prober.soon()
    prober.soon()
    await clock.advanceAsync(1)
    t.same(asked, [1001])
    prober.soon()
    await clock.advanceAsync(10_000)
    t.same(asked, [1001, 6001])
    prober.later()
    await clock.advanceAsync(10_000)
    t.same(asked, [1001, 6001, 16_001])
  },
)

await t.test('after stop nothing is asked any more', async t => {
  const { clock, asked, prober } = setUp()
  prober.start()
  prober.stop()
  prober.soon()
  await clock.advanceAsync(100_000)
  t.same(asked, [])
})
