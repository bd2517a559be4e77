// Passwords that are tried first: those that leaks have shown to be most used, and what needs no list: keys in a row, the same few again and again.
//
// The list is that of @zxcvbn-ts/language-common (MIT): 49,233 passwords, most used first, in a package that is still looked after. It takes 3 MB and 50 to 80 ms, once,
// when the first password is chosen; workers where nobody does never read it.
import { createRequire } from 'node:module'

/** Which passwords everybody tries first. */
export interface CommonPasswords {
  /** @param text as `passwordText` gives it */
  has(text: string): boolean
}

/** Figures and signs at the end, a year and a sign among them, don't make `password` a good one. */
const TRAILING = /[\d!?.*#@$]{1,6}$/u
/** Shorter ones are refused for their length anyway; what's left without its trailing figures may be shorter. */
const MIN_STEM = 5
/** In UTF-16, of what the policy lets through; characters outside the first plane are two. */
const MIN_WHOLE = 8

/** Where a finger goes next: keys in a row, alphabet, figures. */
const ROWS = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890',
  'qwertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'qwertzuiop',
  'yxcvbnm',
  'azertyuiop',
  'qsdfghjklm',
  'wxcvbn',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm',
  'qazwsxedcrfvtgbyhnujm',
  '1q2w3e4r5t6y7u8i9o0p',
  'q1w2e3r4t5y6u7i8o9p0',
]
const RUNS = [...ROWS, ...ROWS.map(row => row.split('').toReversed().join(''))]
/** Neighbours by which a run is known: of two, any text has some. */
const RUN_LENGTH = 3

/** What the list is for stems: a rare word with figures behind it may be chosen, as any rare word may. */
const MAX_STEMS = 10_000

/** The installed list, most used first. */
export function mostUsedPasswords(): readonly string[] {
  const { dictionary } = createRequire(import.meta.url)('@zxcvbn-ts/language-common') as {
    readonly dictionary: { readonly 'passwords-common': readonly string[] }
  }
  return dictionary['passwords-common']
}

/** @param list one password each, whatever its case, most used first; asked for when the first password is looked at */
export function createCommonPasswords(list: () => readonly string[] = mostUsedPasswords): CommonPasswords {
  let kept: Listed | undefined
  return {
    has(text) {
      kept ??= readList(list())
      const folded = fold(text)
      if (kept.whole.has(folded)) return true
      const stem = folded.replace(TRAILING, '')
      return kept.stems.has(stem) || isPattern(folded)
    },
  }
}

/** What of a list can matter. */
interface Listed {
  /** Long enough to be chosen at all. */
  readonly whole: ReadonlySet<string>
  readonly stems: ReadonlySet<string>
}

function readList(list: readonly string[]): Listed {
  const whole = new Set<string>()
  const stems = new Set<string>()
  for (const [rank, line] of list.entries()) {
    const password = fold(line)
    if (password.length >= MIN_WHOLE) whole.add(password)
    if (password.length >= MIN_STEM && rank < MAX_STEMS) stems.add(password)
  }
  return { whole, stems }
}

/** Case doesn't make it better; a space at either end neither. */
function fold(text: string): string {
  return text.trim().normalize('NFC').toLowerCase()
}

/** Made of few characters, of the same piece again and again, or of runs of keys only. */
function isPattern(text: string): boolean {
  if (new Set(text).size <= 2 || isRepeated(text)) return true
  let at = 0
  while (at < text.length) {
    const length = runAt(text, at)
    if (length < RUN_LENGTH) return false
    at += length
  }
  return true
}

/** A piece of at most four characters, again and again. */
function isRepeated(text: string): boolean {
  const MAX_PIECE = 4
  for (let piece = 1; piece <= MAX_PIECE; piece += 1) {
    if (text.length >= 2 * piece && text.repeat(2).startsWith(text, piece) && text.length % piece === 0) return true
  }
  return false
}

/** Longest run of neighbouring keys that begins here. */
function runAt(text: string, from: number): number {
  let longest = 1
  for (const run of RUNS) {
    for (let start = run.indexOf(text[from] ?? ''); start !== -1; start = run.indexOf(text[from] ?? '', start + 1)) {
      let length = 1
      while (from + length < text.length && run[start + length] === text[from + length]) length += 1
      if (length > longest) longest = length
    }
  }
  return longest
}
