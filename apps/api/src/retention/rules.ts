// How long what is kept: the one table of it, which the README's is compared with. What has no rule is kept until its user is erased.
//
// Ages are in days; 0 keeps. Each statement takes $1 days and $2 the most rows, begins with the oldest and passes over rows that somebody holds, so that it holds up
// nobody. Each has an index in the order of its age.

/** As the group of options has them. */
export interface RetentionDays {
  /** Tokens and sessions, after they have expired. */
  readonly expiredTokensDays: number
  /** Notifications, after they were read. */
  readonly readNotificationsDays: number
  /** Notifications that nobody reads, after they were made. */
  readonly unreadNotificationsDays: number
  readonly pitchViewsDays: number
  /** What an AI was asked and has answered. */
  readonly aiInteractionsDays: number
  /** Deals of users who were erased. */
  readonly erasedDealsDays: number
}

export interface RetentionRule {
  readonly table: string
  readonly days: keyof RetentionDays
  readonly text: string
}

function oldest(table: string, column: string, condition = 'true'): string {
  return `
    delete from ${table} where id in (
      select id from ${table}
      where ${column} < now() - make_interval(days => $1::int) and ${condition}
      order by ${column} limit $2::bigint
      for update skip locked
    )`
}

/** Of whom nobody knows any more who it was. */
function ofStandIns(table: string, owner: string, column: string): string {
  return `
    delete from ${table} where id in (
      select t.id from users u join ${table} t on t.${owner} = u.id
      where u.erasure = 'done' and t.${column} < now() - make_interval(days => $1::int)
      limit $2::bigint
      for update of t skip locked
    )`
}

/** Beside tokens, which the clean-up of src/auth takes away. */
export const RETENTION_RULES: readonly RetentionRule[] = [
  {
    table: 'notifications',
    days: 'readNotificationsDays',
    text: oldest('notifications', 'read_at', 'read_at is not null'),
  },
  {
    table: 'notifications',
    days: 'unreadNotificationsDays',
    text: oldest('notifications', 'created_at', 'read_at is null'),
  },
  { table: 'pitch_views', days: 'pitchViewsDays', text: oldest('pitch_views', 'viewed_at') },
  // Answers go with their questions.
  { table: 'ai_interactions', days: 'aiInteractionsDays', text: oldest('ai_interactions', 'created_at') },
  { table: 'investments', days: 'erasedDealsDays', text: ofStandIns('investments', 'investor_id', 'updated_at') },
  { table: 'ndas', days: 'erasedDealsDays', text: ofStandIns('ndas', 'user_id', 'created_at') },
]
