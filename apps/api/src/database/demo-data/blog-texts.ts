// Titles and texts of blogs.
import vocabulary from '../../../seed/words.json' with { type: 'json' }
import { anyTopic, at, fill, type Insert } from './phrasing.ts'
import type { Random } from './random.ts'

const { blogs, proverbs, emoji } = vocabulary

/** Lists show this many characters of a text. */
const EXCERPT_CHARACTERS = 200

export interface BlogTexts {
  readonly category: string
  readonly title: string
  readonly content: string
}

/** One sentence; as long as an excerpt, with a character of several code units where it's cut; some paragraphs; very many. */
export type BlogLength = 'sentence' | 'cut' | 'usual' | 'long'

export function blogTexts(length: BlogLength, random: Random): BlogTexts {
  const { category, insert } = anyTopic(random)
  return { category, title: fill(random.pick(blogs.titles), insert), content: contentOf(length, insert, random) }
}

function contentOf(length: BlogLength, insert: Insert, random: Random): string {
  const opening = fill(random.pick(blogs.openings), insert)
  if (length === 'sentence') return opening
  const paragraphs = Array.from({ length: length === 'long' ? 30 : random.integer(2, 4) }, () =>
    paragraph(insert, random),
  )
  const proverb = random.chance(0.2) ? [`“${random.pick(proverbs)}” ${random.pick(emoji)}`] : []
  const text = [opening, ...paragraphs, ...proverb, fill(random.pick(blogs.closings), insert)].join('\n\n')
  if (length !== 'cut') return text
  // What's before the emoji is ASCII, a code unit each; the emoji has two, so that a cut by units halves it.
  const letters = text.replaceAll(/[^ -~]/g, ' ').slice(0, EXCERPT_CHARACTERS - 1)
  return `${letters}🌱${text.slice(letters.length)}`
}

function paragraph(insert: Insert, random: Random): string {
  const first = random.integer(0, blogs.sentences.length - 1)
  return Array.from({ length: random.integer(2, 5) }, (_, index) =>
    fill(at(blogs.sentences, first + index * 5), insert),
  ).join(' ')
}
