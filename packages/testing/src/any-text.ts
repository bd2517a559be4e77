// Texts of any characters, for property tests.
import fc from 'fast-check'

/**
 * Well-formed text of any code points: half of them ASCII, with its control characters, the others from everywhere, astral ones included. fast-check's own
 * `fc.string({ unit: 'binary' })` gives the same, but takes 1.6 s of processor time in each process to get ready.
 * @param options `maxLength` in code points, default 20
 */
export function anyText({ maxLength = 20 }: { readonly maxLength?: number } = {}): fc.Arbitrary<string> {
  const point = fc.oneof(
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 0x7f }) },
    { weight: 1, arbitrary: fc.integer({ min: 0x80, max: 0xd7ff }) },
    { weight: 1, arbitrary: fc.integer({ min: 0xe000, max: 0x10_ffff }) },
  )
  return fc.array(point, { maxLength }).map(points => String.fromCodePoint(...points))
}
