// Pitches with their views and scores: the sums that a pitch carries are those of the rows.
//
// * Drafts and private pitches are seen by nobody, so they have neither.
// * No founder scores a pitch of their own, and nobody scores one twice.
// Cases: ties in the trending score, a great many of them at 0; views of people who aren't signed in; pitches created in the very same millisecond.
import { time } from './calendar.ts'
import { words, type DemoTable, type Row } from './demo-table.ts'
import { planScores, planViews, sumsOf, type Score, type Sums } from './interest.ts'
import type { People } from './people.ts'
import { planPitches, type PlannedPitch } from './pitch-plan.ts'
import { pitchTexts } from './pitch-texts.ts'
import { createRandom, type Random } from './random.ts'
import type { DemoSize, Totals } from './sizes.ts'

export interface Pitches {
  readonly tables: readonly DemoTable[]
  /** What others may see, at least in part; oldest first. */
  readonly visible: readonly PlannedPitch[]
  readonly scores: readonly Score[]
}

const STAGES = words('idea idea prototype prototype prototype revenue revenue growth')

export function createPitches(size: DemoSize, totals: Totals, people: People): Pitches {
  const pitches = [...planPitches(totals.pitches, people, createRandom(`${size} pitches`))]
  const visible = pitches.filter(({ status, visibility }) => status !== 'draft' && visibility !== 'private')
  const views = planViews(totals.pitch_views, visible, people, createRandom(`${size} views`))
  const scores = planScores(totals.pitch_scores, visible, people, createRandom(`${size} scores`))
  const sums = sumsOf(views, scores)
  return {
    tables: [
      {
        name: 'pitches',
        columns: words(
          'id founder_id title summary description industry stage status visibility goal currency view_count score_count score_sum trending_score created_at updated_at',
        ),
        total: totals.pitches,
        rows: () => pitchRows(pitches, sums, createRandom(`${size} pitch texts`)),
      },
      {
        name: 'pitch_views',
        columns: words('id pitch_id viewer_id viewed_at'),
        total: totals.pitch_views,
        *rows() {
          for (const [index, { pitch, viewer, ms }] of views.entries()) yield [index + 1, pitch, viewer, time(ms)]
        },
      },
      {
        name: 'pitch_scores',
        columns: words('pitch_id user_id score created_at updated_at'),
        total: totals.pitch_scores,
        *rows() {
          for (const { pitch, user, score, ms } of scores) yield [pitch, user, score, time(ms), time(ms)]
        },
      },
    ],
    visible,
    scores,
  }
}

const NO_INTEREST: Sums = { views: 0, scores: 0, scoreSum: 0, trending: 0 }

function* pitchRows(pitches: readonly PlannedPitch[], sums: ReadonlyMap<number, Sums>, random: Random): Iterable<Row> {
  for (const { id, founder, status, visibility, currency, createdMs } of pitches) {
    const { title, summary, description, industry } = pitchTexts(random)
    const { views, scores, scoreSum, trending } = sums.get(id) ?? NO_INTEREST
    const goal = `${random.integer(2, 400) * 5000}.${random.chance(0.1) ? '50' : '00'}`
    const texts = [title, summary, description, industry]
    const state = [random.pick(STAGES), status, visibility, goal, currency]
    yield [id, founder, ...texts, ...state, views, scores, scoreSum, trending, time(createdMs), time(createdMs)]
  }
}
