// A password as it was typed, brought into the one form that is counted, compared and hashed.
//
// RFC 8265, OpaqueString: spaces, case and every script are kept; only what can't be told apart on the screen is made one, so that é typed on one keyboard is é on
// another: composed (NFC), and any space a plain one. NFKC would also make one of what looks different.
//
// Nothing is cut off anywhere: what's too long is refused, before work is spent on it.

/** Bytes of UTF-8 that are looked at at all, for those who type in four-byte script twice over. */
export const MAX_PASSWORD_BYTES = 1024

const SPACES = /\p{Zs}/gu

/** Undefined when it's over 1 kB, or no text: halves of surrogate pairs would all be hashed as the same replacement character. */
export function passwordText(typed: string): string | undefined {
  // The length in UTF-16 is never over that in UTF-8.
  if (typed.length > MAX_PASSWORD_BYTES || Buffer.byteLength(typed) > MAX_PASSWORD_BYTES) return undefined
  if (!typed.isWellFormed()) return undefined
  return typed.replaceAll(SPACES, ' ').normalize('NFC')
}
