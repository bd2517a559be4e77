// Badges, and who has earned them: by what the other tables say, at the time when they say it.
//
// Cases: badges that hardly anybody has, users with none.
import vocabulary from '../../../seed/words.json' with { type: 'json' }
import { CATALOGUE_DAYS, DAY_MS, NOW_MS, time } from './calendar.ts'
import { words, type DemoTable } from './demo-table.ts'

/** By a badge's code: what earned it, of each user at least the first time; in any order. */
export type Occasions = Readonly<Record<string, readonly { readonly user: number; readonly ms: number }[]>>

const BADGES_SINCE_MS = NOW_MS - (CATALOGUE_DAYS + 30) * DAY_MS

export function createBadges(occasions: Occasions): readonly DemoTable[] {
  const { badges } = vocabulary
  const awards = badges
    .flatMap(({ code }, index) => firstOfEach(occasions[code] ?? [], index + 1))
    .toSorted((a, b) => a.ms - b.ms || a.user - b.user || a.badge - b.badge)
  return [
    {
      name: 'badges',
      columns: words('id code name description tier points created_at'),
      total: badges.length,
      rows: () =>
        badges.map(({ code, name, description, tier, points }, index) => {
          return [index + 1, code, name, description, tier, points, time(BADGES_SINCE_MS)]
        }),
    },
    {
      name: 'user_badges',
      columns: words('user_id badge_id awarded_at'),
      total: awards.length,
      rows: () => awards.map(({ user, badge, ms }) => [user, badge, time(ms)]),
    },
  ]
}

function firstOfEach(
  occasions: readonly { readonly user: number; readonly ms: number }[],
  badge: number,
): readonly { readonly user: number; readonly badge: number; readonly ms: number }[] {
  const first = new Map<number, number>()
  for (const { user, ms } of occasions) first.set(user, Math.min(ms, first.get(user) ?? ms))
  return [...first].map(([user, ms]) => ({ user, badge, ms }))
}
