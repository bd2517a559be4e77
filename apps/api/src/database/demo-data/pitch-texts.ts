// Names and texts of pitches.
import vocabulary from '../../../seed/words.json' with { type: 'json' }
import { at, fill, type Insert } from './phrasing.ts'
import type { Random } from './random.ts'

const { pitches } = vocabulary
const INDUSTRIES = Object.entries(pitches.industries)

export interface PitchTexts {
  readonly industry: string
  readonly title: string
  readonly summary: string
  readonly description: string
}

/** A company that doesn't exist. */
export function anyCompany(random: Random): { readonly industry: string; readonly insert: Insert } {
  const [industry, { products, customers, problems }] = random.pick(INDUSTRIES)
  return {
    industry,
    insert: {
      industry,
      name: `${random.pick(pitches.nameStarts)} ${random.pick(pitches.nameEnds)}`,
      product: random.pick(products),
      customers: random.pick(customers),
      problem: random.pick(problems),
    },
  }
}

export function pitchTexts(random: Random): PitchTexts {
  const { industry, insert } = anyCompany(random)
  const first = random.integer(0, pitches.sentences.length - 1)
  const sentences = Array.from({ length: random.integer(3, 7) }, (_, index) =>
    fill(at(pitches.sentences, first + index), insert),
  )
  return {
    industry,
    title: fill('{name}: {product} for {customers}', insert),
    summary: fill(random.pick(pitches.summaries), insert),
    description: sentences.join(' '),
  }
}
