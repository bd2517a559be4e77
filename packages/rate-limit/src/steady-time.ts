// Time that only goes on, from a clock that may be set.
//
//   clock    0 ── 10 ── 20 ╲ set back by a day            ── forth by a day (or asleep) ──►
//   steady   0 ── 10 ── 20 ──┴─ goes on from 20 with what the clock adds   + a day: windows are over
//
// Why not the larger of then and now: after a step back by a day nothing would be given back for a day. So what's lost is only the time between two
// looks. A step forth can't be told from a machine that slept, and is believed.
//
// Invariants: whole milliseconds from 0; never less than before; a clock that says NaN or Infinity stands still.
// @hot

export class SteadyTime {
  readonly #clock: { now(): number }
  #readMs: number
  #atMs = 0

  constructor(clock: { now(): number }) {
    this.#clock = clock
    this.#readMs = Math.floor(clock.now())
  }

  now(): number {
    const readMs = Math.floor(this.#clock.now())
    if (!Number.isFinite(readMs)) return this.#atMs
    const passedMs = readMs - this.#readMs
    this.#readMs = readMs
    if (passedMs > 0) this.#atMs += passedMs
    return this.#atMs
  }
}
