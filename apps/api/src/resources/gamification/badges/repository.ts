// Badges of a user: SQL, and nothing else.
import type { Database } from '../../../database/database.ts'
import type { Badge, BadgeList } from './schema.ts'

export interface BadgesRepository {
  /** Every badge, earned or not; null when there is no such user. */
  list(userId: number, signal?: AbortSignal): Promise<BadgeList | null>
}

/** All of a badge, or all null where there are none at all. */
type Row = { userId: number; awardedAt: Date | null } & (
  | Pick<Badge, 'code' | 'name' | 'description' | 'tier' | 'points'>
  | { code: null }
)

export function createBadgesRepository(database: Database): BadgesRepository {
  const { sql } = database
  // One statement for both questions: no row means no user, one row of nulls a catalogue without badges.
  const load = database.manyLoader<Row>({
    name: 'gamification.badges',
    idOf: row => row.userId,
    query: ids => sql`
      select u.id as "userId", b.code, b.name, b.description, b.tier, b.points, ub.awarded_at as "awardedAt"
      from users u
      left join badges b on true
      left join user_badges ub on ub.user_id = u.id and ub.badge_id = b.id
      where u.id = any(${ids}::bigint[])
      order by b.id`,
  })
  return {
    async list(userId, signal) {
      const rows = await load(userId, signal)
      return rows.length === 0 ? null : toList(userId, rows.flatMap(toBadge))
    },
  }
}

function toList(userId: number, items: Badge[]): BadgeList {
  const earned = items.filter(badge => badge.earned)
  const points = earned.reduce((sum, badge) => sum + badge.points, 0)
  return { userId, earned: earned.length, points, items }
}

function toBadge({ awardedAt, ...row }: Row): Badge[] {
  if (row.code === null) return []
  const { code, name, description, tier, points } = row
  const earned = awardedAt !== null
  return [{ code, name, tier, points, description, earned, awardedAt: earned ? awardedAt.toISOString() : null }]
}
