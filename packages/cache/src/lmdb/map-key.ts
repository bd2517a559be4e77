// Strings as keys of a map: whatever the string, two different ones never meet.
//
// lmdb writes keys as UTF-8, in which all lone surrogates are one character, and takes at most 1,978 bytes. So a string that's long or ill-formed goes as its
// SHA-256, after a `#`, and so does one that begins with a `#` by itself, and the empty one, which lmdb doesn't take.
import { createHash } from 'node:crypto'

/** At most 3 bytes each in UTF-8. */
const MAX_CHARACTERS = 300

/** @hot */
export function mapKey(text: string, maxCharacters = MAX_CHARACTERS): string {
  if (text.length <= maxCharacters && text.length > 0 && text.charCodeAt(0) !== 35 && text.isWellFormed()) return text
  return hashed(text)
}

/** The form of a text that can't be a key as it stands. */
export function hashed(text: string): string {
  // UTF-16: the one form of a string that keeps lone surrogates.
  return `#${createHash('sha256').update(Buffer.from(text, 'utf16le')).digest('base64url')}`
}
