// The windows of one rule: which admitted requests of each slot still count, in a fixed number of cells.
//
//   slot     ring of cells, oldest first          a cell = the time of the last request in it, and how many they are
//            [ 12:00:03 ×1 ][ 12:00:07 ×4 ][ 12:00:09 ×2 ][ free ] ...
//              ▲ leaves at 12:00:03 + window          ▲ the newest takes what comes within `mergeMs` of its first request
//
// Chosen: a log of cells. A plain log is exact, but takes 8 bytes × 1000 for "1000 in 15 minutes". Two buckets with an estimate (the previous
// window's count, in proportion) take the previous window to be even: a burst at its end lets through up to half of the limit too much. GCRA
// is one number, but a burst of its allowance and then its rate make up to twice the limit in a window; held to half the burst, it isn't what
// "1000 in 15 minutes" says. Cells err to one side only, by a known time, are exact for small limits, and have what's left, when one
// more is given back and when all are without a search.
//
// Invariants
// * A request counts from its own time t until at least t + windowMs, and less than t + windowMs + mergeMs. So with a check against the limit before
//   each `record`, no span of windowMs ever has more than the limit.
// * mergeMs is 1, which is exact, where the limit is no more than the cells; else windowMs / (cells - 1), rounded up.
// * Cells never run out: their first requests are at least mergeMs apart, or there are at most `limit` of them.
// * No allocation after the constructor. The arrays are the system's empty pages until a slot is used.
//
// Cells have times modulo 2^32 ms (49 days). A slot's cells were all younger than a window at its last request, and a slot whose last request is
// older than a window is cleared by its full time: so ages are below two windows, which fit.
// @hot
import type { Rule } from './store.ts'

/** Fields of a slot: index of the oldest cell, cells in use, the sum of their counts, time of the newest cell's first request modulo 2^32. */
const OLDEST = 0
const IN_USE = 1
const USED = 2
const NEWEST_FROM_MS = 3
const SLOT_FIELDS = 4
/** Of `save`: before the cells, and of each. */
export const SAVED_HEAD_BYTES = 16
const CELL_BYTES = 8

export class Windows {
  readonly mergeMs: number
  readonly #windowMs: number
  readonly #cellCount: number
  /** Time and count of each cell, side by side. */
  readonly #cells: Uint32Array
  /** Four numbers per slot, side by side so that a request touches one line of the processor's cache: see OLDEST and below. */
  readonly #slots: Uint32Array
  /** By slot: time of the last request, whole. */
  readonly #lastMs: Float64Array

  constructor({ limit, windowMs }: Readonly<Required<Rule>>, cellsPerKey: number, slots: number) {
    const exact = limit <= cellsPerKey
    this.mergeMs = exact ? 1 : Math.ceil(windowMs / (cellsPerKey - 1))
    this.#windowMs = windowMs
    this.#cellCount = exact ? limit : cellsPerKey
    this.#cells = new Uint32Array(slots * this.#cellCount * 2)
    this.#slots = new Uint32Array(slots * SLOT_FIELDS)
    this.#lastMs = new Float64Array(slots)
  }

  /** Requests that count now. */
  used(slot: number, nowMs: number): number {
    if ((this.#lastMs[slot] as number) + this.#windowMs <= nowMs) this.clear(slot)
    while (this.#slot(slot, IN_USE) > 0 && this.#ageMs(slot, nowMs) >= this.#windowMs) this.#dropOldest(slot)
    return this.#slot(slot, USED)
  }

  /** Counts a request. Only after `used` at the same time, and only below the limit. */
  record(slot: number, nowMs: number): void {
    const slots = this.#slots
    const base = slot * SLOT_FIELDS
    const nowLowMs = nowMs >>> 0
    let inUse = slots[base + IN_USE] as number
    if (inUse === 0 || (nowLowMs - (slots[base + NEWEST_FROM_MS] as number)) >>> 0 >= this.mergeMs) {
      slots[base + IN_USE] = ++inUse
      slots[base + NEWEST_FROM_MS] = nowLowMs
      this.#cells[this.#cell(slot, inUse - 1) + 1] = 0
    }
    const newest = this.#cell(slot, inUse - 1)
    this.#cells[newest] = nowLowMs
    this.#cells[newest + 1]! += 1
    slots[base + USED]! += 1
    this.#lastMs[slot] = nowMs
  }

  /** Takes away the oldest requests: whichever are meant, what's left then counts no shorter than it should. */
  takeBack(slot: number, nowMs: number, times = 1): void {
    for (let left = Math.min(times, this.used(slot, nowMs)); left > 0; left--) {
      const count = this.#cell(slot, 0) + 1
      if (this.#cells[count] === 1) {
        this.#dropOldest(slot)
        continue
      }
      this.#cells[count]! -= 1
      this.#slots[slot * SLOT_FIELDS + USED]! -= 1
    }
  }

  /** Until the oldest cell is given back. Only after `used` at the same time. */
  nextMs(slot: number, nowMs: number): number {
    return this.#slot(slot, IN_USE) === 0 ? 0 : this.#windowMs - this.#ageMs(slot, nowMs)
  }

  /** Until nothing counts any more. Only after `used` at the same time. */
  resetMs(slot: number, nowMs: number): number {
    return this.#slot(slot, USED) === 0 ? 0 : (this.#lastMs[slot] as number) + this.#windowMs - nowMs
  }

  isOver(slot: number, nowMs: number): boolean {
    return this.#slot(slot, USED) === 0 || (this.#lastMs[slot] as number) + this.#windowMs <= nowMs
  }

  clear(slot: number): void {
    this.#slots[slot * SLOT_FIELDS + IN_USE] = 0
    this.#slots[slot * SLOT_FIELDS + USED] = 0
  }

  /** `to` counts what `from` counts. */
  copy(from: number, to: number): void {
    const width = this.#cellCount * 2
    this.#cells.copyWithin(to * width, from * width, (from + 1) * width)
    this.#slots.copyWithin(to * SLOT_FIELDS, from * SLOT_FIELDS, (from + 1) * SLOT_FIELDS)
    this.#lastMs[to] = this.#lastMs[from] as number
  }

  /** Bytes that `save` writes. */
  savedBytes(slot: number): number {
    return SAVED_HEAD_BYTES + this.#slot(slot, IN_USE) * CELL_BYTES
  }

  /** Writes what the slot counts: last request (f64), newest cell's first request (u32), cells (u32), then time and count (u32) of each, oldest first. */
  save(slot: number, into: Buffer, at: number): void {
    const inUse = this.#slot(slot, IN_USE)
    into.writeDoubleLE(this.#lastMs[slot] as number, at)
    into.writeUInt32LE(this.#slot(slot, NEWEST_FROM_MS), at + 8)
    into.writeUInt32LE(inUse, at + 12)
    for (let n = 0; n < inUse; n++) {
      const cell = this.#cell(slot, n)
      into.writeUInt32LE(this.#cells[cell] as number, at + SAVED_HEAD_BYTES + n * CELL_BYTES)
      into.writeUInt32LE(this.#cells[cell + 1] as number, at + SAVED_HEAD_BYTES + n * CELL_BYTES + 4)
    }
  }

  /** Reads what `save` has written for the same rule; false, and the slot is empty, when it can't have. */
  load(slot: number, from: Buffer, at: number): boolean {
    this.clear(slot)
    const inUse = from.readUInt32LE(at + 12)
    if (inUse > this.#cellCount || at + SAVED_HEAD_BYTES + inUse * CELL_BYTES > from.length) return false
    let used = 0
    const base = slot * SLOT_FIELDS
    this.#slots[base + OLDEST] = 0
    for (let n = 0; n < inUse; n++) {
      const cell = this.#cell(slot, n)
      const count = from.readUInt32LE(at + SAVED_HEAD_BYTES + n * CELL_BYTES + 4)
      this.#cells[cell] = from.readUInt32LE(at + SAVED_HEAD_BYTES + n * CELL_BYTES)
      this.#cells[cell + 1] = count
      used += count
    }
    this.#lastMs[slot] = from.readDoubleLE(at)
    this.#slots[base + NEWEST_FROM_MS] = from.readUInt32LE(at + 8)
    this.#slots[base + IN_USE] = inUse
    this.#slots[base + USED] = used
    return true
  }

  #ageMs(slot: number, nowMs: number): number {
    return ((nowMs >>> 0) - (this.#cells[this.#cell(slot, 0)] as number)) >>> 0
  }

  #dropOldest(slot: number): void {
    const slots = this.#slots
    const base = slot * SLOT_FIELDS
    const next = (slots[base + OLDEST] as number) + 1
    slots[base + USED]! -= this.#cells[this.#cell(slot, 0) + 1] as number
    slots[base + OLDEST] = next === this.#cellCount ? 0 : next
    slots[base + IN_USE]! -= 1
  }

  /** Index of a slot's n-th oldest cell. */
  #cell(slot: number, n: number): number {
    const index = this.#slot(slot, OLDEST) + n
    return (slot * this.#cellCount + (index < this.#cellCount ? index : index - this.#cellCount)) * 2
  }

  #slot(slot: number, field: number): number {
    return this.#slots[slot * SLOT_FIELDS + field] as number
  }
}
