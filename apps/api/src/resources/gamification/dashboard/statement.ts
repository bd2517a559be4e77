// A dashboard in one statement: reads everything as JSON, and gives a user who comes for the first time what every user has.
//
//     person ─┬─► wallet, streaks, badges that are there ──┐
//             ├─► those that are missing: inserted ────────┴─► together ─┐
//             ├─► ledger, progress, enrolments, courses ─────────────────┴─► one row of JSON; none when there's no such user
//
// * What a statement inserts it doesn't see, so the inserted rows are taken from `returning` and joined to those that were there.
// * Who has everything causes no insert, no lock beyond a reader's kind and no transaction id: the inserts select no rows.
// * Two first requests at the same moment: one inserts, and the other waits for it, inserts nothing, and can't see what the first has inserted either. Then
//   `complete` is false, and running the statement again shows all.
// * All is read by indexes whose rows belong to the user, or to one of at most MAX_COURSES courses: it costs the same however large the tables are.
import { tableTag } from '@plimsoll/db-optimizer'
import { KINDS } from '../../../cache/kinds.ts'
import type { DatabaseSql, Query } from '../../../database/database.ts'
import { STREAK_TYPES } from '../streaks/schema.ts'
import { MAX_COURSES, MAX_NEWEST, type Dashboard } from './schema.ts'

/** Streaks that every user has, and the code of the badge that every user gets (where the catalogue has it). */
const FIRST_STREAKS = ['login', 'learning']
const FIRST_BADGE = 'welcome'
/** Tags of the tables that are written for who comes for the first time. */
export const FIRST_TABLES = ['wallets', 'user_streaks', 'user_badges'].map(name => tableTag('public', name))

/** Age of a wallet or first badge from which on no cache has answers from before it: they're kept for that long, and a minute is for the statement itself. */
const RECENT_MS = KINDS.userData.ttlMs + 60_000

export interface DashboardRow {
  readonly dashboard: Dashboard
  /** Something was inserted. */
  readonly initialised: boolean
  /** Something was there, but for so short a time that there may be cached answers without it: whoever inserted it may not have lived to tell the caches. */
  readonly recent: boolean
  /** False: somebody else has inserted something just now, and it isn't in the dashboard. */
  readonly complete: boolean
}

/** @param day today, `YYYY-MM-DD`, by which is judged whether a streak has been broken */
export function dashboardStatement(sql: DatabaseSql, userId: number, day: string): Query<DashboardRow> {
  /** As `toISOString` writes it. */
  const iso = (column: string) => sql`to_char(${sql(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
  const recently = sql`now() - ${RECENT_MS}::int * interval '1 ms'`
  return sql<DashboardRow[]>`
    with person as (
      select id, username, display_name, user_type, created_at from users where id = ${userId}
    ),

    old_wallet as (
      select balance, created_at from wallets where user_id = (select id from person)
    ), new_wallet as (
      insert into wallets (user_id)
      select id from person where not exists (select from old_wallet)
      on conflict (user_id) do nothing
      returning balance
    ), wallet as (
      select balance from old_wallet union all select balance from new_wallet
    ),

    old_streaks as (
      select streak_type, current_days, longest_days, last_active_on
      from user_streaks where user_id = (select id from person)
    ), new_streaks as (
      insert into user_streaks (user_id, streak_type)
      select person.id, first.type
      from person cross join unnest(${FIRST_STREAKS}::text[]) as first (type)
      where not exists (select from old_streaks where streak_type = first.type)
      on conflict (user_id, streak_type) do nothing
      returning streak_type, current_days, longest_days, last_active_on
    ), streaks as (
      select * from old_streaks union all select * from new_streaks
    ),

    first_badge as (
      select id from badges where code = ${FIRST_BADGE}
    ), old_badges as (
      select badge_id, awarded_at from user_badges where user_id = (select id from person)
    ), new_badges as (
      insert into user_badges (user_id, badge_id)
      select person.id, first_badge.id
      from person cross join first_badge
      where not exists (select from old_badges where badge_id = first_badge.id)
      on conflict (user_id, badge_id) do nothing
      returning badge_id, awarded_at
    ), earned as (
      select mine.awarded_at, b.id, b.code, b.name, b.tier, b.points
      from (select * from old_badges union all select * from new_badges) as mine
      join badges b on b.id = mine.badge_id
    ),

    studied as (
      select l.course_id, l.duration_minutes, p.percent, p.started_at, p.updated_at, p.completed_at
      from progress p join lessons l on l.id = p.lesson_id
      where p.user_id = (select id from person)
    ), studied_courses as (
      select course_id, sum(percent) as percents, count(completed_at) as completed, max(updated_at) as last_active_at
      from studied group by course_id
    ), begun as (
      select c.id, c.slug, c.title, coalesce(s.percents, 0) as percents, coalesce(s.completed, 0) as completed,
             greatest(e.enrolled_at, s.last_active_at) as last_active_at
      from enrolments e
      join courses c on c.id = e.course_id and c.status = 'published'
      left join studied_courses s on s.course_id = e.course_id
      where e.user_id = (select id from person) and e.completed_at is null
    )

    select json_build_object(
      'user', json_build_object('id', person.id, 'username', person.username, 'displayName', person.display_name,
                                'userType', person.user_type, 'memberSince', ${iso('person.created_at')}),
      'wallet', json_build_object(
        'balance', coalesce((select balance from wallet), 0),
        'newest', (
          select coalesce(json_agg(json_build_object(
                   'sequence', sequence, 'kind', kind, 'amount', amount, 'balanceAfter', balance_after, 'reason', reason,
                   'createdAt', ${iso('created_at')}) order by sequence desc), '[]')
          from (
            select * from wallet_transactions where user_id = person.id order by sequence desc limit ${MAX_NEWEST}
          ) as line
        )),
      'streaks', (
        select coalesce(json_agg(json_build_object(
                 'type', streak_type,
                 'currentDays', case when last_active_on >= ${day}::date - 1 then current_days else 0 end,
                 'longestDays', longest_days, 'lastActiveOn', last_active_on)
                 order by array_position(${[...STREAK_TYPES]}::text[], streak_type)), '[]')
        from streaks),
      'badges', (
        select json_build_object(
          'earned', count(*), 'points', coalesce(sum(points), 0),
          'newest', (
            select coalesce(json_agg(json_build_object('code', code, 'name', name, 'tier', tier, 'points', points,
                     'awardedAt', ${iso('awarded_at')}) order by awarded_at desc, id desc), '[]')
            from (select * from earned order by awarded_at desc, id desc limit ${MAX_NEWEST}) as newest
          ))
        from earned),
      'coursesInProgress', (
        select coalesce(json_agg(json_build_object(
                 'id', shown.id, 'slug', shown.slug, 'title', shown.title,
                 'percent', coalesce(shown.percents / nullif(contents.lessons, 0), 0),
                 'lessonsCompleted', shown.completed, 'lessonCount', contents.lessons, 'nextLesson', following.lesson,
                 'lastActiveAt', ${iso('shown.last_active_at')}) order by shown.last_active_at desc, shown.id desc), '[]')
        from (select * from begun order by last_active_at desc, id desc limit ${MAX_COURSES}) as shown
        cross join lateral (
          select count(*) as lessons from lessons where course_id = shown.id
        ) as contents
        left join lateral (
          select json_build_object('id', l.id, 'position', l.position, 'title', l.title,
                                   'durationMinutes', l.duration_minutes) as lesson
          from lessons l
          where l.course_id = shown.id
            and not exists (
              select from progress p
              where p.user_id = person.id and p.lesson_id = l.id and p.completed_at is not null
            )
          order by l.position
          limit 1
        ) as following on true),
      'totals', (
        select json_build_object(
          'lessonsCompleted', count(completed_at),
          'minutesLearned', coalesce(sum(duration_minutes) filter (where completed_at is not null), 0),
          'coursesCompleted', (select count(completed_at) from enrolments where user_id = person.id),
          'coursesInProgress', (select count(*) from begun),
          'activeDays', (
            select count(distinct (moment at time zone 'UTC')::date)
            from studied cross join lateral (values (started_at), (updated_at), (completed_at)) as moments (moment)
          ))
        from studied)
    ) as dashboard,
    exists (select from new_wallet) or exists (select from new_streaks) or exists (select from new_badges) as initialised,
    exists (select from old_wallet where created_at > ${recently})
      or exists (select from old_badges where badge_id in (select id from first_badge) and awarded_at > ${recently}) as recent,
    exists (select from wallet)
      and (select count(*) from streaks where streak_type = any(${FIRST_STREAKS}::text[])) = ${FIRST_STREAKS.length}
      and not exists (select from first_badge where id not in (select id from earned)) as complete
    from person`
}
