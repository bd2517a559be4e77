// Comparing octets with names, without making strings.
//
// Case folding is ASCII's alone: field names, codings, options and host names are ASCII, and locale has no say in them.

/** A-Z to a-z, every other octet to itself. */
const LOWER = Uint8Array.from({ length: 256 }, (_, octet) => (octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet))

/** Octets of an ASCII string, for the comparisons below. */
export function octets(ascii: string): Uint8Array {
  return Uint8Array.from(ascii, character => character.charCodeAt(0))
}

/** Whether `buffer[start, end)` is `lowercase` in any case. `lowercase` holds no A-Z. */
export function equalsIgnoringCase(buffer: Buffer, start: number, end: number, lowercase: Uint8Array): boolean {
  const length = lowercase.length
  if (end - start !== length) return false
  for (let i = 0; i < length; i++) if (LOWER[buffer[start + i]!] !== lowercase[i]) return false
  return true
}

/** Whether two ranges of one buffer hold the same octets in any case. */
export function rangesEqualIgnoringCase(buffer: Buffer, a: number, aEnd: number, b: number, bEnd: number): boolean {
  const length = aEnd - a
  if (bEnd - b !== length) return false
  for (let i = 0; i < length; i++) if (LOWER[buffer[a + i]!] !== LOWER[buffer[b + i]!]) return false
  return true
}
