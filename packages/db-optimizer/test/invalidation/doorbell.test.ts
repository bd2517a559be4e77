import t from 'tap'
import { FakeClock } from '@plimsoll/testing'
import { Doorbell } from '../../src/invalidation/doorbell.ts'

function doorbell(send: () => Promise<unknown> = () => Promise.resolve()) {
  const clock = new FakeClock()
  let rings = 0
  const timers = {
    setTimeout: (callback: () => void, ms: number): unknown => clock.setTimeout(callback, ms),
    clearTimeout: (timer: unknown) => clock.clearTimeout(timer as never),
  }
  const bell = new Doorbell(
    () => {
      rings += 1
      return send()
    },
    50,
    timers,
  )
  return { bell, clock, rings: () => rings }
}

await t.test('the first ring goes at once, those within the interval go as one at its end', async t => {
  const { bell, clock, rings } = doorbell()
  bell.ring()
  t.equal(rings(), 1)
  for (let i = 0; i < 10; i++) bell.ring()
  t.equal(rings(), 1)
  clock.advance(49)
  t.equal(rings(), 1)
  clock.advance(1)
  t.equal(rings(), 2)
  clock.advance(1000)
  t.equal(rings(), 2, 'nothing without being asked')
  bell.ring()
  t.equal(rings(), 3)
  await bell.close()
})

await t.test('never more than one per interval, however it’s asked', async t => {
  const { bell, clock, rings } = doorbell()
  for (let ms = 0; ms < 1000; ms++) {
    bell.ring()
    clock.advance(1)
  }
  t.ok(rings() <= 21 && rings() >= 20, String(rings()))
  await bell.close()
})

await t.test('closing sends what was still to be sent, and nothing afterwards', async t => {
  const sent = Promise.withResolvers<void>()
  const { bell, clock, rings } = doorbell(() => sent.promise)
  bell.ring()
  bell.ring()
  let closed = false
  const closing = bell.close().then(() => (closed = true))
  t.equal(rings(), 2)
  await Promise.resolve()
  t.equal(closed, false, 'it waits for what is on its way')
  sent.resolve()
  await closing
  bell.ring()
  clock.advance(100)
  await bell.close()
  t.equal(rings(), 2)
})

await t.test('a ring that fails is counted, and the next one goes', async t => {
  const { bell, clock } = doorbell(() => Promise.reject(new Error('away')))
  bell.ring()
  bell.ring()
  clock.advance(50)
  await bell.close()
  t.same(bell.counts, { sent: 2, failed: 2 })
})
