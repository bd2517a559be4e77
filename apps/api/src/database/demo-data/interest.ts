// Who looked at which pitch and scored it, and what that adds up to.
import { DAY_MS, HOUR_MS, NOW_MS, moment } from './calendar.ts'
import type { People } from './people.ts'
import { pickExisting, type PlannedPitch } from './pitch-plan.ts'
import type { Random } from './random.ts'

export interface View {
  readonly pitch: number
  /** Null: nobody was signed in. */
  readonly viewer: number | null
  readonly ms: number
}
export interface Score {
  readonly pitch: number
  readonly user: number
  readonly score: number
  readonly ms: number
}
export interface Sums {
  readonly views: number
  readonly scores: number
  readonly scoreSum: number
  readonly trending: number
}

/** Begins a month after the first pitch, so that there is something to look at. */
const SPAN = { fromMs: NOW_MS - 700 * DAY_MS, toMs: NOW_MS - HOUR_MS }
/** Scores from 1 to 10, the middling ones more often. */
const SCORES = [1, 2, 3, 4, 5, 5, 6, 6, 6, 7, 7, 7, 7, 8, 8, 8, 9, 9, 10]

/** In the order of their times. */
export function planViews(
  total: number,
  pitches: readonly PlannedPitch[],
  { active }: People,
  random: Random,
): readonly View[] {
  return Array.from({ length: total }, (_, index) => {
    const ms = moment(index, total, SPAN, random)
    const { id, visibility } = pickExisting(pitches, ms, random)
    // What's behind an agreement isn't shown to strangers.
    const viewer = visibility === 'public' && random.chance(0.35) ? null : random.pickEarly(active)
    return { pitch: id, viewer, ms }
  })
}

/** In the order of their times. */
export function planScores(
  total: number,
  pitches: readonly PlannedPitch[],
  { active }: People,
  random: Random,
): readonly Score[] {
  const given = new Map<number, Set<number>>()
  const scores: Score[] = []
  while (scores.length < total) {
    const ms = moment(scores.length, total, SPAN, random)
    const { id, founder } = pickExisting(pitches, ms, random)
    const user = random.pickEarly(active)
    const users = given.get(id) ?? new Set<number>()
    if (user === founder || users.has(user)) continue
    given.set(id, users.add(user))
    scores.push({ pitch: id, user, score: random.pick(SCORES), ms })
  }
  return scores
}

/** By pitch; those that nobody looked at aren't in it. */
export function sumsOf(views: readonly View[], scores: readonly Score[]): ReadonlyMap<number, Sums> {
  const sums = new Map<number, { -readonly [Field in keyof Sums]: Sums[Field] }>()
  const of = (pitch: number) => {
    const found = sums.get(pitch) ?? { views: 0, scores: 0, scoreSum: 0, trending: 0 }
    sums.set(pitch, found)
    return found
  }
  // Quarters only: exact, and the same for many.
  for (const { pitch, ms } of views) {
    const sum = of(pitch)
    sum.views += 1
    sum.trending += NOW_MS - ms < 7 * DAY_MS ? 1 : NOW_MS - ms < 30 * DAY_MS ? 0.25 : 0
  }
  for (const { pitch, score, ms } of scores) {
    const sum = of(pitch)
    sum.scores += 1
    sum.scoreSum += score
    sum.trending += NOW_MS - ms < 30 * DAY_MS ? score * 0.5 : 0
  }
  return sums
}
