import t from 'tap'
import { FakeClock } from '@plimsoll/testing'
import type { Collection } from '../../src/gc/gc-feed.ts'
import { collectWhileIdle, type IdleCollectionOptions } from '../../src/leak/idle-collection.ts'

function setUp(options: IdleCollectionOptions = {}) {
  const clock = new FakeClock()
  const stage = {
    utilization: 0.01,
    collected: [] as number[],
    errors: [] as unknown[],
    lastMajor: undefined as Collection | undefined,
  }
  const stop = collectWhileIdle(
    {
      collect: () => void stage.collected.push(clock.now() / 1000),
      utilization: () => stage.utilization,
      ...options,
    },
    {
      clock,
      timers: clock,
      lastMajor: () => stage.lastMajor,
      report: error => void stage.errors.push(error),
      feed: { flush: () => undefined, close: () => undefined, onCollections: () => () => undefined },
    },
  )
  return { clock, stage, stop }
}

function major(atMs: number, pauseMs: number): Collection {
  return { kind: 'major', atMs, pauseMs, heapUsedBytes: 0, oldSpaceBytes: 0, externalBytes: 0, externalFloorBytes: 0 }
}

await t.test('an idle process is collected once a minute, a busy one never', async t => {
  const { clock, stage, stop } = setUp()
  clock.advance(180_000)
  t.same(stage.collected, [60, 120, 180])
  stage.utilization = 0.06
  clock.advance(600_000)
  t.equal(stage.collected.length, 3)
  stop()
  t.equal(clock.pending, 0)
})

await t.test('it does nothing while V8 collects by itself, or while collecting takes long', async t => {
  const { clock, stage, stop } = setUp()
  stage.lastMajor = major(40_000, 5)
  clock.advance(60_000)
  t.same(stage.collected, [])
  clock.advance(60_000)
  t.same(stage.collected, [120])
  stage.lastMajor = major(0, 101)
  clock.advance(600_000)
  t.same(stage.collected, [120])
  stop()
})

await t.test('what a look throws is told, and the next one comes', async t => {
  let looks = 0
  const { clock, stage, stop } = setUp({
    collect: () => {
      looks++
      throw new Error('not permitted')
    },
  })
  clock.advance(120_000)
  t.equal(looks, 2)
  t.match(stage.errors, [{ message: 'not permitted' }, { message: 'not permitted' }])
  stop()
})

await t.test('an interval under a second is refused', async t => {
  t.throws(() => setUp({ intervalMs: 999 }), RangeError)
})
