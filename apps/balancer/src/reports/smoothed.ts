// A figure that comes at odd times, as a running mean in which what's older counts e times less every `overMs`.
//
// Invariant: NaN until a first figure has come, and again after `clear` or a figure that's NaN: what isn't said any more isn't known.

export class Smoothed {
  readonly #overMs: number
  #value = Number.NaN
  #atMs = 0

  constructor(overMs: number) {
    this.#overMs = overMs
  }

  get value(): number {
    return this.#value
  }

  add(value: number, nowMs: number): void {
    if (Number.isNaN(this.#value)) this.#value = value
    else this.#value += (value - this.#value) * (1 - Math.exp((this.#atMs - nowMs) / this.#overMs))
    this.#atMs = nowMs
  }

  clear(): void {
    this.#value = Number.NaN
  }
}
