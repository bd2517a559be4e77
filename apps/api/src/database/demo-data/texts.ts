// Composes titles and texts from the vocabulary in seed/words.json.
import words from '../../../seed/words.json' with { type: 'json' }
import type { Random } from './random.ts'

export type Level = 'beginner' | 'intermediate' | 'advanced'

export interface CourseTexts {
  readonly category: string
  readonly title: string
  readonly summary: string
  readonly description: string
}

export interface LessonTexts {
  readonly title: string
  readonly summary: string
  readonly content: string
}

const CATEGORIES = Object.entries(words.categories)

interface Topic {
  readonly category: string
  readonly subject: string
  readonly angle: string
  readonly concepts: readonly string[]
}

/** What the course of this number is about: neighbouring numbers lie in different categories. */
function topicOf(courseIndex: number): Topic {
  const [category, { subjects, concepts }] = at(CATEGORIES, courseIndex)
  const round = Math.floor(courseIndex / CATEGORIES.length)
  const subject = at(subjects, round)
  // A different first angle for each subject, so that the first page doesn't repeat one.
  const angle = at(words.angles, Math.floor(round / subjects.length) + round + courseIndex)
  return { category, subject, angle, concepts }
}

export function courseTexts(courseIndex: number, level: Level, random: Random): CourseTexts {
  const { category, subject, angle, concepts } = topicOf(courseIndex)
  const first = random.integer(0, concepts.length - 1)
  const insert = {
    subject,
    conceptA: at(concepts, first),
    conceptB: at(concepts, first + random.integer(1, 6)),
    conceptC: at(concepts, first + random.integer(7, 14)),
  }
  const opening = random.integer(0, words.paragraphs.length - 1)
  const sentences = Array.from({ length: random.integer(4, 7) }, (_, index) =>
    fill(at(words.paragraphs, opening + index), insert),
  )
  return {
    category,
    title: `${subject}: ${angle}`,
    summary: fill(random.pick(words.summaries), insert),
    description: [...sentences, words.prerequisites[level]].join(' '),
  }
}

export function lessonTexts(courseIndex: number, position: number, lessons: number, random: Random): LessonTexts {
  const { subject, concepts } = topicOf(courseIndex)
  const concept = at(concepts, courseIndex + position)
  const title =
    position === 1
      ? `What ${subject} is for`
      : position === lessons
        ? `Putting ${subject} to work`
        : position % 6 === 0
          ? fill('Check yourself: {concept}', { concept })
          : fill(random.pick(words.lessonTitles), { concept })
  const summary = fill(random.pick(words.lessonSummaries), { concept })
  const insert = {
    subject,
    conceptA: concept,
    conceptB: at(concepts, courseIndex + position + 1),
    conceptC: at(concepts, courseIndex + position + 5),
  }
  const opening = random.integer(0, words.paragraphs.length - 1)
  const content = Array.from({ length: 3 }, (_, index) => fill(at(words.paragraphs, opening + index), insert)).join(
    '\n\n',
  )
  return { title, summary, content }
}

export interface PersonName {
  readonly displayName: string
  /** Letters a-z and a dot, the same for equal names. */
  readonly handle: string
}

export function personName(random: Random): PersonName {
  const first = random.pick(words.people.first)
  const last = random.pick(words.people.last)
  return { displayName: `${first} ${last}`, handle: `${plain(first)}.${plain(last)}` }
}

/** Lower case, hyphens between words, nothing else: for addresses. */
export function slugOf(title: string): string {
  return title
    .normalize('NFD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
}

function plain(name: string): string {
  return name
    .replaceAll('ø', 'o')
    .normalize('NFD')
    .toLowerCase()
    .replaceAll(/[^a-z]/g, '')
}

function fill(pattern: string, insert: Readonly<Record<string, string>>): string {
  return pattern.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const word = insert[name] ?? insert[name.charAt(0).toLowerCase() + name.slice(1)]
    if (word === undefined) throw new RangeError(`Nothing to put in for {${name}} in "${pattern}".`)
    return insert[name] === undefined ? word.charAt(0).toUpperCase() + word.slice(1) : word
  })
}

/** The list's item at this index, counted on from the start again after its end. */
function at<Item>(items: readonly Item[], index: number): Item {
  const item = items[index % items.length]
  if (item === undefined) throw new RangeError('An empty list in seed/words.json.')
  return item
}
