// The name of a blog in addresses that people read: made from its title, of small letters, digits and single hyphens.
//
// Two titles may give the same slug, and two people may send the same title at the same moment; only the database's constraint knows. So these are candidates, the
// plain one first, to be tried until one is free.

/** What the column takes. */
const MAX_LENGTH = 160
/** 36 ** 6 are two thousand million: a second one that's taken too is a sign of something else. */
const SUFFIX_LENGTH = 6
const OTHER_CANDIDATES = 4
/** For titles without a letter or digit that could stand in a slug. */
const NAMELESS = 'blog'

/** Letters that don't come apart into a plain one and a mark. */
const SPELT_OUT: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  ł: 'l',
  ı: 'i',
  þ: 'th',
}

/** @param random evenly in [0, 1) */
export function slugCandidates(title: string, random: { next(): number }): readonly string[] {
  const plain = slugOf(title)
  const base = cut(plain, MAX_LENGTH - SUFFIX_LENGTH - 1)
  return [plain, ...Array.from({ length: OTHER_CANDIDATES }, () => `${base}-${suffix(random)}`)]
}

export function slugOf(title: string): string {
  const spelt = title
    .toLowerCase()
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[ßæœøđðłıþ]/g, letter => SPELT_OUT[letter] ?? letter)
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
  return cut(spelt, MAX_LENGTH) || NAMELESS
}

/** At the end of a word, unless it's the only one. */
function cut(slug: string, length: number): string {
  if (slug.length <= length) return slug
  const end = slug.lastIndexOf('-', length)
  return slug.slice(0, end > 0 ? end : length)
}

function suffix(random: { next(): number }): string {
  return Array.from({ length: SUFFIX_LENGTH }, () => Math.floor(random.next() * 36).toString(36)).join('')
}
