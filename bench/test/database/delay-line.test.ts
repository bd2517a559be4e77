import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { DelayLine } from '../../src/database/delay-line.ts'

/** Timers like Node's: they fire when the clock's whole milliseconds have gone on by as many as was asked for. */
class SteppedTimers {
  nowMs = 0
  #timer: { readonly callback: () => void; readonly atMs: number } | null = null

  readonly now = (): number => this.nowMs
  readonly later = (callback: () => void, ms: number): void => {
    if (this.#timer !== null) throw new Error('one timer at a time is enough')
    this.#timer = { callback, atMs: Math.floor(this.nowMs) + ms }
  }

  /** Lets the time go on to `ms`, and timers fire on the way. */
  goTo(ms: number): void {
    while (this.#timer !== null && this.#timer.atMs <= ms) {
      const { callback, atMs } = this.#timer
      this.nowMs = Math.max(this.nowMs, atMs)
      this.#timer = null
      callback()
    }
    this.nowMs = ms
  }
}

await t.test('everything is delivered in its order, at most half a millisecond early or late', async t => {
  const check = () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.double({ min: 0, max: 5, noNaN: true }), { maxLength: 50 }),
        (delayMs, gapsMs) => {
          const timers = new SteppedTimers()
          const put: number[] = []
          const delivered: { thing: number; tookMs: number }[] = []
          const line = new DelayLine<number>(
            delayMs,
            thing => delivered.push({ thing, tookMs: timers.nowMs - (put[thing] ?? 0) }),
            timers,
          )
          for (const gapMs of gapsMs) {
            timers.goTo(timers.nowMs + gapMs)
            line.put(put.push(timers.nowMs) - 1)
          }
          timers.goTo(timers.nowMs + delayMs + 5)
          assert.deepEqual(
            delivered.map(({ thing }) => thing),
            gapsMs.map((_, thing) => thing),
          )
          for (const { tookMs } of delivered)
            if (Math.abs(tookMs - delayMs) > 0.5 + 1e-9) throw new Error(`took ${tookMs} ms`)
        },
      ),
      { numRuns: 200 },
    )
  t.doesNotThrow(check)
})
