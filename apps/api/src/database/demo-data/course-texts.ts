// Titles and texts of courses and lessons.
import words from '../../../seed/words.json' with { type: 'json' }
import { at, CATEGORIES, fill } from './phrasing.ts'
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
