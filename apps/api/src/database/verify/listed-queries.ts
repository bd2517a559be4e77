// The queries that have to be quick, each with the index it's there for. Where there's a resource, its repository is asked; the others are written out, and give way
// to a repository as soon as there is one.
//
// Parameters are those of the demo data: ids that exist, words that occur. On other data a plan may differ rightly.
import type { Database } from '../database.ts'
import { createBlogsRepository, type BlogsRepository } from '../../resources/blogs/repository.ts'
import { createCoursesRepository, type CoursesRepository } from '../../resources/courses/repository.ts'
import { createBadgesRepository, type BadgesRepository } from '../../resources/gamification/badges/repository.ts'
import {
  createDashboardRepository,
  type DashboardRepository,
} from '../../resources/gamification/dashboard/repository.ts'
import { createWalletRepository, type WalletRepository } from '../../resources/gamification/wallet/repository.ts'

export interface Subjects {
  readonly blogs: BlogsRepository
  readonly courses: CoursesRepository
  readonly badges: BadgesRepository
  readonly dashboard: DashboardRepository
  readonly wallet: WalletRepository
  readonly database: Database
}

export interface ListedQuery {
  readonly name: string
  /** All have to be in its plan. */
  readonly uses: readonly string[]
  ask(subjects: Subjects): Promise<unknown>
}

export function subjectsOn(database: Database): Subjects {
  return {
    blogs: createBlogsRepository(database),
    courses: createCoursesRepository(database),
    badges: createBadgesRepository(database),
    dashboard: createDashboardRepository(database),
    wallet: createWalletRepository(database),
    database,
  }
}

const PLACE = { atMs: Date.UTC(2026, 5, 1), id: 100 }
const NOW = new Date(Date.UTC(2026, 9, 1))

/** A statement that has no repository yet. */
function written(
  name: string,
  uses: readonly string[],
  query: (sql: Database['sql']) => Parameters<Database['read']>[1],
): ListedQuery {
  return { name, uses, ask: ({ database }) => database.read(name, query(database.sql)) }
}

export const LISTED_QUERIES: readonly ListedQuery[] = [
  { name: 'courses: newest', uses: ['idx_courses_published'], ask: ({ courses }) => courses.list({ limit: 21 }) },
  {
    name: 'courses: next page',
    uses: ['idx_courses_published'],
    ask: ({ courses }) => courses.list({ limit: 21, after: PLACE }),
  },
  {
    name: 'courses: of a category',
    uses: ['idx_courses_category_published'],
    ask: ({ courses }) => courses.list({ limit: 21, category: 'security' }),
  },
  { name: 'courses: by id', uses: ['courses_pkey'], ask: ({ courses }) => courses.find(1) },
  { name: 'courses: lessons', uses: ['lessons_course_id_position_unique'], ask: ({ courses }) => courses.lessons(1) },

  { name: 'blogs: newest', uses: ['idx_blogs_published'], ask: ({ blogs }) => blogs.list({ limit: 21 }) },
  {
    name: 'blogs: next page',
    uses: ['idx_blogs_published'],
    ask: ({ blogs }) => blogs.list({ limit: 21, after: PLACE }),
  },
  {
    name: 'blogs: of a rare tag',
    uses: ['idx_blogs_tags'],
    ask: ({ blogs }) => blogs.list({ limit: 21, tag: 'nobody-has-this-one' }),
  },
  {
    name: 'blogs: of an author',
    uses: ['idx_blogs_author'],
    ask: ({ blogs }) => blogs.list({ limit: 21, author: 1 }),
  },
  { name: 'blogs: by id', uses: ['blogs_pkey'], ask: ({ blogs }) => blogs.find(1) },
  written(
    'blogs: drafts',
    ['idx_blogs_status_created_at'],
    sql => sql`select id, title from blogs where status = 'draft' order by created_at desc, id desc limit 21`,
  ),

  {
    name: 'gamification: dashboard',
    uses: ['users_pkey', 'wallets_pkey', 'user_streaks_user_id_streak_type_unique', 'progress_pkey'],
    ask: ({ dashboard }) => dashboard.read(1, '2026-10-01'),
  },
  { name: 'gamification: badges', uses: ['idx_user_badges_user_awarded'], ask: ({ badges }) => badges.list(1) },
  {
    name: 'gamification: wallet',
    uses: ['wallets_pkey', 'wallet_transactions_sequence_unique'],
    ask: ({ wallet }) => wallet.read({ userId: 1, limit: 21 }),
  },
  written(
    'progress: what somebody did last',
    ['idx_progress_user_updated'],
    sql => sql`select lesson_id, percent from progress where user_id = ${1} order by updated_at desc limit 10`,
  ),
  written(
    'wallet: by key',
    ['wallet_transactions_key_unique'],
    sql =>
      sql`select sequence, request_hash from wallet_transactions where user_id = ${1} and idempotency_key = ${'x'}`,
  ),

  written(
    'users: by e-mail',
    ['idx_users_email'],
    sql => sql`select id from users where lower(email) = lower(${'Somebody@Example.org'})`,
  ),
  written(
    'users: by name',
    ['idx_users_username'],
    sql => sql`select id from users where lower(username) = lower(${'Somebody'})`,
  ),
  written(
    'users: of a type',
    ['idx_users_user_type'],
    sql => sql`select id, display_name from users where user_type = ${'admin'}`,
  ),
  written(
    'tokens: of a user',
    ['idx_user_tokens_user_id_type'],
    sql => sql`select id from user_tokens where user_id = ${1} and type = ${'refresh'}`,
  ),
  written(
    'tokens: by digest',
    ['idx_user_tokens_token'],
    sql => sql`select id, user_id, expires_at, revoked from user_tokens where token = ${'0'.repeat(64)}`,
  ),
  written(
    'tokens: clean-up',
    ['idx_user_tokens_expires_revoked'],
    sql => sql`select id from user_tokens where expires_at < ${new Date(0)} order by expires_at limit 100`,
  ),

  written(
    'pitches: public, newest',
    ['idx_pitches_status_visibility'],
    sql => sql`
      select id, title from pitches where status = 'active' and visibility = 'public'
      order by created_at desc, id desc limit 21`,
  ),
  written(
    'pitches: trending',
    ['idx_pitches_trending_score'],
    sql => sql`
      select id, title from pitches where status = 'active' and visibility = 'public'
      order by trending_score desc, id desc limit 21`,
  ),
  written(
    'pitches: search',
    ['idx_pitches_search'],
    sql => sql`select id from pitches where search @@ websearch_to_tsquery('english', ${'zeppelin harbour'}) limit 21`,
  ),
  written(
    'pitches: of a founder',
    ['idx_pitches_founder'],
    sql => sql`select id from pitches where founder_id = ${1} order by created_at desc limit 21`,
  ),
  written(
    'pitches: recent views',
    ['idx_pitch_views_pitch'],
    sql =>
      sql`select count(*) from pitch_views where pitch_id = ${1} and viewed_at > ${NOW}::timestamptz - interval '90 days'`,
  ),
  written(
    'ndas: of a user',
    ['idx_ndas_user'],
    sql => sql`
    select id from ndas where user_id = ${1} order by created_at desc, id desc limit 21`,
  ),
  written(
    'investments: of a pitch',
    ['idx_investments_pitch'],
    sql => sql`
    select id, amount from investments where pitch_id = ${1} order by created_at desc, id desc limit 21`,
  ),
  written(
    'investments: of an investor',
    ['idx_investments_investor'],
    sql => sql`
    select id, amount from investments where investor_id = ${1} order by created_at desc, id desc limit 21`,
  ),
  written(
    'notifications: unread',
    ['idx_notifications_unread'],
    sql => sql`
    select id, title from notifications where user_id = ${1} and read_at is null order by created_at desc, id desc limit 21`,
  ),
  written(
    'notifications: all',
    ['idx_notifications_user'],
    sql => sql`
    select id, title, read_at from notifications where user_id = ${1} order by created_at desc, id desc limit 21`,
  ),

  written(
    'sessions: of a user',
    ['idx_sessions_user_id'],
    sql => sql`
    select id, title from sessions where user_id = ${1} order by created_at desc, id desc limit 21`,
  ),
  written(
    'sessions: active',
    ['idx_sessions_user_active'],
    sql => sql`
    select id, title from sessions where user_id = ${1} and is_active order by last_active_at desc, id desc limit 21`,
  ),
  written(
    'conversations: of a session',
    ['idx_conversation_sessions_session_id'],
    sql => sql`
    select conversation_id from conversation_sessions where session_id = ${1}`,
  ),
  written(
    'conversations: their sessions',
    ['idx_conversation_sessions_conversation_id'],
    sql => sql`
    select session_id from conversation_sessions where conversation_id = ${1}`,
  ),
  written(
    'messages: newest of a session',
    ['idx_chat_messages_session_id'],
    sql => sql`
    select id, role, content from chat_messages where session_id = ${1} order by created_at desc, id desc limit 21`,
  ),
  written(
    'messages: of a session in order',
    ['idx_chat_messages_session_order'],
    sql => sql`
    select id, role, content from chat_messages where session_id = ${1} and position > ${5} order by position limit 50`,
  ),
  written(
    'messages: of a role',
    ['idx_chat_messages_role'],
    sql => sql`
    select id, content from chat_messages where session_id = ${1} and role = ${'system'} order by position limit 50`,
  ),
  written(
    'messages: of a conversation',
    ['idx_chat_messages_conversation_id'],
    sql => sql`
    select id, role, content from chat_messages where conversation_id = ${1} order by created_at, id limit 50`,
  ),
  written(
    'components: of a session',
    ['idx_components_session_id'],
    sql => sql`
    select id, type, name from components where session_id = ${1} order by created_at desc, id desc limit 21`,
  ),
  written(
    'components: current',
    ['idx_components_current'],
    sql => sql`
    select id, content from components where session_id = ${1} and name = ${'header'} and is_current`,
  ),
  written(
    'components: of a type',
    ['idx_components_type'],
    sql => sql`
    select id, name from components where session_id = ${1} and type = ${'page'} order by created_at desc, id desc limit 21`,
  ),
  written(
    'AI interactions: of a session',
    ['idx_ai_interactions_session_id'],
    sql => sql`
    select id, model from ai_interactions where session_id = ${1} order by created_at desc, id desc limit 21`,
  ),
  written(
    'AI interactions: of a conversation',
    ['idx_ai_interactions_conversation_id'],
    sql => sql`
    select id, model from ai_interactions where conversation_id = ${1} order by created_at desc, id desc limit 21`,
  ),
  written(
    'AI responses: of a session',
    ['idx_ai_responses_session_id'],
    sql => sql`
    select id, content from ai_responses where session_id = ${1} order by created_at desc, id desc limit 21`,
  ),
  written(
    'AI responses: of a conversation',
    ['idx_ai_responses_conversation_id'],
    sql => sql`
    select id, content from ai_responses where conversation_id = ${1} order by created_at desc, id desc limit 21`,
  ),
  written(
    'uploads: of a user',
    ['idx_uploads_user'],
    sql => sql`
    select id, file_name from uploads where user_id = ${1} order by created_at desc, id desc limit 21`,
  ),
  written(
    'uploads: of a course',
    ['idx_uploads_course'],
    sql => sql`
    select id, file_name from uploads where course_id = ${1} order by created_at desc, id desc limit 21`,
  ),
]
