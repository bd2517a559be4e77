// A stream comes in pieces, cut anywhere, each somewhere inside a read buffer.
import fc from 'fast-check'

/** Where to cut, as parts of the whole. */
export const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 })

/** Offsets `[start, end)` of the pieces; empty ones are left out. */
export function rangesOf(length: number, cuts: readonly number[]): [number, number][] {
  const offsets = [...new Set([0, length, ...cuts.map(cut => Math.floor(cut * length))])].toSorted((a, b) => a - b)
  return offsets.slice(1).map((end, i) => [offsets[i] as number, end])
}

/** Every octet a piece of its own. */
export function octetRanges(length: number): [number, number][] {
  return Array.from({ length }, (_, i) => [i, i + 1])
}

/** Puts a piece into the middle of a larger buffer, as reads come; what's around it must not be looked at. */
export function within(bytes: Buffer, start: number, end: number): [Buffer, number, number] {
  const around = Buffer.alloc(end - start + 6, 0x0a)
  bytes.copy(around, 3, start, end)
  return [around, 3, 3 + end - start]
}
