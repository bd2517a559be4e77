// Which passwords may be chosen (NIST SP 800-63B, 3.1.1.2; OWASP Authentication Cheat Sheet): any of 8 to 128 characters that isn't among those that are tried first.
// No rule says which characters there must be: such rules make people write `Password1!`.
//
// Asked when a password is chosen, never when one is verified: rules that grow stricter lock nobody out.
import type { CommonPasswords } from './common-passwords.ts'
import { passwordText } from './password-text.ts'

/** In code points: an emoji is one, as é is. */
export const PASSWORD_LENGTH = { min: 8, max: 128 } as const

/** What's wrong with a password, in the words of an issue that a client reads. */
export const PASSWORD_FAULTS = {
  'not-text': 'is over 1 kB, or holds half a character',
  'too-short': `has fewer than ${PASSWORD_LENGTH.min} characters`,
  'too-long': `has more than ${PASSWORD_LENGTH.max} characters`,
  common: 'is one of those that everybody tries first',
} as const

export type PasswordFault = keyof typeof PASSWORD_FAULTS

/** Undefined: it may be chosen. */
export function passwordFault(typed: string, common: CommonPasswords): PasswordFault | undefined {
  const text = passwordText(typed)
  if (text === undefined) return 'not-text'
  const length = codePoints(text)
  if (length < PASSWORD_LENGTH.min) return 'too-short'
  if (length > PASSWORD_LENGTH.max) return 'too-long'
  return common.has(text) ? 'common' : undefined
}

function codePoints(text: string): number {
  let count = 0
  for (const _ of text) count += 1
  return count
}
