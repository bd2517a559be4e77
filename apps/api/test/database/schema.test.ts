// What the database refuses by itself, whatever the code believes; and rules that every table of the schema keeps, also one that comes later.
import t from 'tap'
import { demoDatabase } from '../fixture/demo-database.ts'

// A database is made: on a busy machine that takes its time.
t.setTimeout(60_000)

const { sql } = await demoDatabase(t)

const NOT_NULL = '23502'
const FOREIGN_KEY = '23503'
const UNIQUE = '23505'
const CHECK = '23514'
const OUT_OF_RANGE = '22003'

interface Refusal {
  readonly what: string
  readonly statement: string
  readonly code: string
  /** Name of the constraint or the unique index. */
  readonly by?: string
}

const check = (what: string, by: string, statement: string): Refusal => ({ what, statement, code: CHECK, by })
const unique = (what: string, by: string, statement: string): Refusal => ({ what, statement, code: UNIQUE, by })
const orphan = (what: string, by: string, statement: string): Refusal => ({ what, statement, code: FOREIGN_KEY, by })

const user = (column: string, value: string) => `update users set ${column} = ${value} where id = 1`
const course = (change: string) => `update courses set ${change} where id = 1`
const line = (values: string) => `
  insert into wallet_transactions (user_id, sequence, idempotency_key, request_hash, kind, amount, balance_before, balance_after, reason)
  select user_id, ${values} from wallets where user_id = 1`
const HASH = `sha256('x')`
const ARGON2ID = `'$argon2id$v=19$m=19456,t=2,p=1$' || repeat('A', 22) || '$' || repeat('A', 43)`

const REFUSALS: readonly Refusal[] = [
  unique(
    'an e-mail address twice, in capitals',
    'idx_users_email',
    `update users set email = upper((select email from users where id = 1)) where id = 2`,
  ),
  unique(
    'a user name twice, in capitals',
    'idx_users_username',
    `update users set username = upper((select username from users where id = 1)) where id = 2`,
  ),
  check('an e-mail address without @', 'users_email_check', user('email', `'nobody'`)),
  check('an e-mail address that begins with @', 'users_email_check', user('email', `'@example.org'`)),
  check('a user name with a space', 'users_username_check', user('username', `'a b'`)),
  check('a user type that nobody knows', 'users_user_type_check', user('user_type', `'owner'`)),
  { what: 'a user without a name', statement: user('display_name', 'null'), code: NOT_NULL },

  check('a price below zero', 'courses_price_check', course('price = -0.01')),
  { what: 'a price beyond its digits', statement: course('price = 1000000'), code: OUT_OF_RANGE },
  check(
    'a published course without its time',
    'courses_published_has_time',
    course(`status = 'published', published_at = null`),
  ),
  check('a slug with capitals', 'courses_slug_check', course(`slug = 'No-Slug'`)),
  unique('a slug twice', 'courses_slug_unique', course(`slug = (select slug from courses where id = 2)`)),
  unique(
    'two lessons at one place',
    'lessons_course_id_position_unique',
    `update lessons set position = 2 where id = (select min(id) from lessons where course_id = 1)`,
  ),
  check('a place below 1', 'lessons_position_check', `update lessons set position = 0 where id = 1`),
  unique(
    'an enrolment twice',
    'enrolments_pkey',
    `insert into enrolments (user_id, course_id) select user_id, course_id from enrolments limit 1`,
  ),
  check(
    'a course that was completed before it was begun',
    'enrolments_completed_after_start',
    `update enrolments set completed_at = enrolled_at - interval '1 ms'`,
  ),

  check(
    'progress over 100 %',
    'progress_percent_check',
    `update progress set percent = 101, completed_at = updated_at`,
  ),
  check('progress below 0 %', 'progress_percent_check', `update progress set percent = -1, completed_at = null`),
  check(
    'progress completed below 100 %',
    'progress_completed_is_whole',
    `update progress set percent = 99, completed_at = updated_at`,
  ),
  check(
    'progress of 100 % that is not completed',
    'progress_completed_is_whole',
    `update progress set percent = 100, completed_at = null`,
  ),
  check(
    'progress completed before it was begun',
    'progress_completed_after_start',
    `update progress set percent = 100, completed_at = started_at - interval '1 ms'`,
  ),
  check(
    'a streak longer than its longest',
    'user_streaks_longest_is_longest',
    `update user_streaks set current_days = longest_days + 1, last_active_on = '2026-01-01'`,
  ),
  check(
    'days in a row without a date',
    'user_streaks_days_have_date',
    `update user_streaks set current_days = 1, longest_days = 1, last_active_on = null`,
  ),
  check('a streak below zero', 'user_streaks_current_days_check', `update user_streaks set current_days = -1`),
  check(
    'a streak of a type that nobody knows',
    'user_streaks_streak_type_check',
    `update user_streaks set streak_type = 'sleeping' where id = 1`,
  ),
  unique(
    'two streaks of one type',
    'user_streaks_user_id_streak_type_unique',
    `insert into user_streaks (user_id, streak_type) select user_id, streak_type from user_streaks limit 1`,
  ),
  unique(
    'a badge twice',
    'user_badges_pkey',
    `insert into user_badges (user_id, badge_id) select user_id, badge_id from user_badges limit 1`,
  ),
  unique('two badges of one code', 'badges_code_unique', `update badges set code = 'welcome' where id = 2`),
  orphan('taking away a badge that somebody has', 'user_badges_badge_id_fkey', `delete from badges where id = 1`),

  check('a balance below zero', 'wallets_balance_not_negative', `update wallets set balance = -1`),
  unique('a second wallet', 'wallets_pkey', `insert into wallets (user_id) values (1)`),
  orphan(
    'a ledger without a wallet',
    'wallet_transactions_user_id_fkey',
    `insert into wallet_transactions (user_id, sequence, idempotency_key, request_hash, kind, amount, balance_before, balance_after, reason) values (2, 1, 'k', ${HASH}, 'earn', 1, 0, 1, 'x')`,
  ),
  check(
    'a line that does not add up',
    'wallet_transactions_adds_up',
    line(`last_sequence + 1, 'k', ${HASH}, 'earn', 5, balance, balance + 4, 'x'`),
  ),
  check(
    'a line that goes below zero',
    'wallet_transactions_balance_after_check',
    line(`last_sequence + 1, 'k', ${HASH}, 'spend', -balance - 1, balance, -1, 'x'`),
  ),
  check(
    'earning less than nothing',
    'wallet_transactions_sign',
    line(`last_sequence + 1, 'k', ${HASH}, 'earn', -1, 1, 0, 'x'`),
  ),
  check(
    'spending more than nothing',
    'wallet_transactions_sign',
    line(`last_sequence + 1, 'k', ${HASH}, 'spend', 1, 0, 1, 'x'`),
  ),
  check(
    'a line that moves nothing',
    'wallet_transactions_sign',
    line(`last_sequence + 1, 'k', ${HASH}, 'refund', 0, 0, 0, 'x'`),
  ),
  unique(
    'two lines of one number',
    'wallet_transactions_sequence_unique',
    line(`last_sequence, 'k', ${HASH}, 'earn', 1, 0, 1, 'x'`),
  ),
  unique(
    'two lines of one key',
    'wallet_transactions_key_unique',
    line(`last_sequence + 1, 'demo-1-1', ${HASH}, 'earn', 1, 0, 1, 'x'`),
  ),
  check('a line without a number', 'wallet_transactions_sequence_check', line(`0, 'k', ${HASH}, 'earn', 1, 0, 1, 'x'`)),
  check(
    'an empty key',
    'wallet_transactions_idempotency_key_check',
    line(`last_sequence + 1, '', ${HASH}, 'earn', 1, 0, 1, 'x'`),
  ),
  check(
    'a digest of another length',
    'wallet_transactions_request_hash_check',
    line(`last_sequence + 1, 'k', '\\x00', 'earn', 1, 0, 1, 'x'`),
  ),

  unique(
    'a blog with the slug of another',
    'blogs_slug_unique',
    `update blogs set slug = (select slug from blogs where id = 1) where id = 2`,
  ),
  check('a blog without text', 'blogs_content_check', `update blogs set content = ''`),
  check('eleven tags', 'blogs_tags_check', `update blogs set tags = array_fill('x'::text, array[11])`),
  check('a tag of null', 'blogs_tags_check', `update blogs set tags = array['x', null]`),
  check('a version below 1', 'blogs_version_check', `update blogs set version = 0`),
  orphan('a blog of nobody', 'blogs_author_id_fkey', `update blogs set author_id = 999999`),

  check(
    'scores that are more than ten each',
    'pitches_scores_in_range',
    `update pitches set score_count = 2, score_sum = 21`,
  ),
  check(
    'scores that are less than one each',
    'pitches_scores_in_range',
    `update pitches set score_count = 2, score_sum = 1`,
  ),
  check('fewer than no views', 'pitches_view_count_check', `update pitches set view_count = -1`),
  check('a goal of nothing', 'pitches_goal_check', `update pitches set goal = 0`),
  check(
    'a trending score that is no number',
    'pitches_trending_score_check',
    `update pitches set trending_score = 'NaN'`,
  ),
  check(
    'a trending score without end',
    'pitches_trending_score_check',
    `update pitches set trending_score = 'infinity'`,
  ),
  check('a score of 11', 'pitch_scores_score_check', `update pitch_scores set score = 11`),
  check('a score of 0', 'pitch_scores_score_check', `update pitch_scores set score = 0`),
  unique(
    'a second score of one user',
    'pitch_scores_pkey',
    `insert into pitch_scores (pitch_id, user_id, score) select pitch_id, user_id, 5 from pitch_scores limit 1`,
  ),
  check(
    'an agreement that was signed at no time',
    'ndas_signed_has_time',
    `update ndas set status = 'signed', signed_at = null`,
  ),
  unique(
    'a second agreement of one user',
    'ndas_pitch_user_unique',
    `insert into ndas (pitch_id, user_id) select pitch_id, user_id from ndas limit 1`,
  ),
  check('an investment of nothing', 'investments_amount_check', `update investments set amount = 0`),
  orphan(
    'taking away a pitch that somebody invested in',
    'investments_pitch_id_fkey',
    `delete from pitches where id = (select min(pitch_id) from investments)`,
  ),
  check(
    'a notification that was read before it came',
    'notifications_read_after_creation',
    `update notifications set read_at = created_at - interval '1 ms'`,
  ),

  unique(
    'a token twice',
    'idx_user_tokens_token',
    `update user_tokens set token = (select token from user_tokens where id = 1) where id = 2`,
  ),
  check(
    'a token too short for a digest',
    'user_tokens_token_check',
    `update user_tokens set token = 'secret' where id = 1`,
  ),
  check(
    'a token that expired before it was made',
    'user_tokens_expires_later',
    `update user_tokens set expires_at = created_at`,
  ),
  check(
    'a password in clear',
    'credentials_password_hash_check',
    `insert into credentials (user_id, password_hash) values (1, 'correct horse battery staple')`,
  ),
  check(
    'a hash of another kind',
    'credentials_password_hash_check',
    `insert into credentials (user_id, password_hash) values (1, '$argon2i$v=19$m=19456,t=2,p=1$' || repeat('A', 22) || '$' || repeat('A', 43))`,
  ),
  check(
    'a password in clear behind a hash',
    'credentials_password_hash_check',
    `insert into credentials (user_id, password_hash) values (1, ${ARGON2ID} || E'\\nsecret')`,
  ),
  check(
    'a version of a password below 1',
    'credentials_version_check',
    `insert into credentials (user_id, password_hash, version) values (1, ${ARGON2ID}, 0)`,
  ),
  unique(
    'two passwords of one user',
    'credentials_pkey',
    `insert into credentials (user_id, password_hash) values (1, ${ARGON2ID}), (1, ${ARGON2ID})`,
  ),
  check(
    'a family of tokens that expired before it began',
    'token_families_expires_later',
    `insert into token_families (user_id, expires_at) values (1, now())`,
  ),
  check(
    'a revocation without a reason',
    'token_families_revoked_has_reason',
    `insert into token_families (user_id, expires_at, revoked_at) values (1, now() + interval '1 day', now())`,
  ),
  check(
    'a reason that nobody knows',
    'token_families_revoked_for_check',
    `insert into token_families (user_id, expires_at, revoked_at, revoked_for) values (1, now() + interval '1 day', now(), 'mood')`,
  ),
  orphan(
    'a token of a family that is not there',
    'user_tokens_family_id_fkey',
    `update user_tokens set family_id = 999999 where id = 1`,
  ),
  check('a file of less than nothing', 'uploads_bytes_check', `update uploads set bytes = -1`),
  unique(
    'two files at one place of the store',
    'uploads_storage_key_unique',
    `update uploads set storage_key = (select storage_key from uploads where id = 1) where id = 2`,
  ),

  unique(
    'two messages at one place',
    'idx_chat_messages_session_order',
    `update chat_messages set position = 2 where id = 1`,
  ),
  check('a message at no place', 'chat_messages_position_check', `update chat_messages set position = 0 where id = 1`),
  check('a message of a role that nobody knows', 'chat_messages_role_check', `update chat_messages set role = 'robot'`),
  check(
    'a session that was active before it began',
    'sessions_active_after_creation',
    `update sessions set last_active_at = created_at - interval '1 ms'`,
  ),
  unique(
    'two current versions of a component',
    'idx_components_current',
    `insert into components (session_id, type, name, version, content) select session_id, type, name, 99, '' from components where is_current limit 1`,
  ),
  unique(
    'a version twice',
    'components_version_unique',
    `insert into components (session_id, type, name, version, is_current, content) select session_id, type, name, version, false, '' from components limit 1`,
  ),
  unique(
    'a conversation twice in a session',
    'idx_conversation_sessions_session_id',
    `insert into conversation_sessions (session_id, conversation_id) select session_id, conversation_id from conversation_sessions limit 1`,
  ),
  unique(
    'two responses to one prompt',
    'ai_responses_interaction_unique',
    `insert into ai_responses (interaction_id, session_id, content, response_tokens, latency_ms) select interaction_id, session_id, '', 0, 0 from ai_responses limit 1`,
  ),
  check('a response before its prompt', 'ai_responses_latency_ms_check', `update ai_responses set latency_ms = -1`),
]

await t.test('the database refuses what must not be', async t => {
  for (const { what, statement, code, by } of REFUSALS) {
    // Should one be accepted, it's taken back: the others find what they expect.
    const outcome = await sql
      .begin(async sql => {
        await sql.unsafe(statement)
        throw new Error('accepted')
      })
      .catch((error: unknown) => error)
    t.match(outcome, { code, ...(by === undefined ? {} : { constraint_name: by }) }, what)
  }
})

await t.test('every named rule of the schema is among these refusals', async t => {
  const named = await sql<{ name: string }[]>`
    select conname as name from pg_constraint
    where connamespace = 'public'::regnamespace and contype in ('c', 'u') and conname !~ '_check[0-9]*$'`
  const tried = new Set(REFUSALS.map(({ by }) => by))
  t.same(
    named.map(({ name }) => name).filter(name => !tried.has(name) && !name.startsWith('cache_')),
    [],
  )
})

await t.test('every time is a moment with milliseconds, every id made by the database, every sum exact', async t => {
  // The log of invalidations belongs to @plimsoll/db-optimizer.
  const columns = await sql<{ column: string; type: string; identity: string }[]>`
    select format('%s.%s', relname, attname) as column, format_type(atttypid, atttypmod) as type, attidentity as identity
    from pg_attribute join pg_class on pg_class.oid = attrelid
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and attnum > 0 and not attisdropped
      and relname not like 'cache\_invalidation%'`
  t.ok(columns.length > 150)
  t.same(
    columns.filter(({ type }) => type.startsWith('timestamp') && type !== 'timestamp(3) with time zone'),
    [],
  )
  t.same(
    columns.filter(({ column, identity }) => column.endsWith('.id') && identity !== 'a'),
    [],
  )
  t.same(
    columns
      .filter(({ type }) => /^(real|double|money|numeric$)|^numeric\(\d+,(?!2\))/.test(type))
      .map(({ column }) => column),
    ['pitches.trending_score'],
    'only a rank is inexact',
  )
})

await t.test('every table has a primary key, and every foreign key an index that begins with its columns', async t => {
  const keyless = await sql`
    select relname as name from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
      and not exists (select from pg_constraint where conrelid = pg_class.oid and contype = 'p')`
  t.same([...keyless], [])
  // An index of the rows that have a value will do for a column that may be null: nothing refers to null.
  const foreignKeys = await sql<{ name: string; indexed: boolean }[]>`
    select format('%s (%s)', conrelid::regclass, conname) as name, exists (
      select from pg_index join pg_class on pg_class.oid = indexrelid join pg_am on pg_am.oid = relam
      where indrelid = conrelid and indisvalid and amname = 'btree'
        and (indkey::int2[])[0:cardinality(conkey) - 1] @> conkey
        and (indpred is null or pg_get_expr(indpred, indrelid) = (
          select format('(%I IS NOT NULL)', attname) from pg_attribute where attrelid = conrelid and attnum = conkey[1]))
    ) as indexed
    from pg_constraint where contype = 'f' and connamespace = 'public'::regnamespace`
  t.ok(foreignKeys.length > 30)
  t.same(
    foreignKeys.filter(({ indexed }) => !indexed).map(({ name }) => name),
    [],
  )
})
