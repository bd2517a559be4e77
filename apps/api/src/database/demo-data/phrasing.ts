// How texts are made of the vocabulary in seed/words.json: patterns that are filled in, and topics that they are filled with.
import words from '../../../seed/words.json' with { type: 'json' }
import type { Random } from './random.ts'

/** What a pattern's places are filled with. */
export type Insert = Readonly<Record<string, string>>

/** Puts words in for `{name}`; for `{Name}` with a capital first letter. */
export function fill(pattern: string, insert: Insert): string {
  return pattern.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const word = insert[name] ?? insert[name.charAt(0).toLowerCase() + name.slice(1)]
    if (word === undefined) throw new RangeError(`Nothing to put in for {${name}} in "${pattern}".`)
    return insert[name] === undefined ? word.charAt(0).toUpperCase() + word.slice(1) : word
  })
}

/** The list's item at this index, counted on from the start again after its end. */
export function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index % items.length]
  if (item === undefined) throw new RangeError('An empty list in seed/words.json.')
  return item
}

/** Lower case, hyphens between words, nothing else: for addresses. */
export function slugOf(title: string): string {
  return title
    .normalize('NFD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
}

export const CATEGORIES = Object.entries(words.categories)

/** Something to talk about: a subject with three of its concepts. */
export function anyTopic(random: Random): { readonly category: string; readonly insert: Insert } {
  const [category, { subjects, concepts }] = random.pick(CATEGORIES)
  const first = random.integer(0, concepts.length - 1)
  return {
    category,
    insert: {
      subject: random.pick(subjects),
      conceptA: at(concepts, first),
      conceptB: at(concepts, first + random.integer(1, 6)),
      conceptC: at(concepts, first + random.integer(7, 14)),
      count: String(random.integer(3, 40)),
    },
  }
}
