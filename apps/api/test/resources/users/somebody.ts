// A user who has something in every table, all of whose texts carry a mark, and another one whose records depend on them.
import type { TestDatabase } from '@plimsoll/testing'

export const MARK = 'zq7mark'

export interface Somebody {
  readonly userId: number
  /** Theirs, with another one enrolled. */
  readonly keptCourse: number
  /** Theirs, and nobody learns from it. */
  readonly lonelyCourse: number
  /** Theirs, with an accepted investment of the other one. */
  readonly keptPitch: number
  /** Theirs, without a deal. */
  readonly lonelyPitch: number
  /** Published. */
  readonly blog: number
  readonly otherId: number
  /** A pitch of the other one, in which the user has invested. */
  readonly otherPitch: number
  /** A conversation in which both have sessions. */
  readonly sharedConversation: number
}

/** Gives a user something in every table. */
export async function fillTables(
  { sql }: Pick<TestDatabase, 'sql'>,
  userId: number,
  otherId: number,
): Promise<Somebody> {
  const idOf = async (text: string): Promise<number> => {
    const [row] = await sql.unsafe<{ id: string }[]>(text)
    return Number(row?.id)
  }
  const course = (name: string) =>
    idOf(`
      insert into courses (slug, title, summary, description, category, level, instructor_id, status, published_at)
      values ('course-${name}-${userId}', 'A course', 'A summary', '', 'security', 'beginner', ${userId}, 'published', now()) returning id`)
  const pitch = (founder: number, text: string) =>
    idOf(`
      insert into pitches (founder_id, title, summary, description, industry, stage, status, visibility, goal)
      values (${founder}, 'Pitch ${text}', 'Summary ${text}', 'Text ${text}', 'energy', 'idea', 'active', 'public', 100) returning id`)
  const session = (owner: number, text: string) =>
    idOf(`insert into sessions (user_id, title) values (${owner}, 'Session ${text}') returning id`)
  const conversation = (text: string) =>
    idOf(`insert into conversations (title) values ('Conversation ${text}') returning id`)

  const keptCourse = await course('kept')
  const lonelyCourse = await course('lonely')
  const lessonId = await idOf(`
    insert into lessons (course_id, position, title, summary, kind, duration_minutes, content)
    values (${lonelyCourse}, 1, 'Lesson ${MARK}', '', 'reading', 5, 'Content ${MARK}') returning id`)
  await sql`update courses set title = ${`Course ${MARK}`}, description = ${MARK} where id = ${lonelyCourse}`
  const keptPitch = await pitch(userId, MARK)
  const lonelyPitch = await pitch(userId, MARK)
  const otherPitch = await pitch(otherId, 'of another')
  const blog = await idOf(`
    insert into blogs (author_id, slug, title, content, tags, status)
    values (${userId}, '${MARK}-${userId}', 'Blog ${MARK}', 'Text ${MARK}', '{${MARK}}', 'published') returning id`)
  const ownSession = await session(userId, MARK)
  const otherSession = await session(otherId, 'of another')
  const ownConversation = await conversation(MARK)
  const linkedByMessage = await conversation(MARK)
  const sharedConversation = await conversation('of both')
  const interaction = await idOf(`
    insert into ai_interactions (session_id, conversation_id, model, prompt, prompt_tokens)
    values (${ownSession}, ${ownConversation}, 'model', 'Prompt ${MARK}', 1) returning id`)
  await sql.unsafe(`
    insert into enrolments (user_id, course_id) values (${otherId}, ${keptCourse}), (${userId}, ${keptCourse});
    insert into progress (user_id, lesson_id) values (${userId}, ${lessonId});
    insert into user_streaks (user_id, streak_type, current_days, longest_days, last_active_on)
      values (${userId}, 'login', 1, 2, '2026-03-01');
    insert into user_badges (user_id, badge_id) select ${userId}, min(id) from badges;
    insert into wallets (user_id, balance, last_sequence) values (${userId}, 5, 1);
    insert into wallet_transactions (user_id, sequence, idempotency_key, request_hash, kind, amount, balance_before, balance_after, reason)
      values (${userId}, 1, '${MARK}', sha256('x'), 'earn', 5, 0, 5, 'Reason ${MARK}');
    insert into pitch_views (pitch_id, viewer_id) values (${otherPitch}, ${userId}), (${lonelyPitch}, ${otherId});
    insert into pitch_scores (pitch_id, user_id, score) values (${otherPitch}, ${userId}, 7), (${lonelyPitch}, ${otherId}, 3);
    insert into ndas (pitch_id, user_id, status, signed_at)
      values (${otherPitch}, ${userId}, 'signed', now()), (${keptPitch}, ${userId}, 'pending', null), (${lonelyPitch}, ${otherId}, 'pending', null);
    insert into investments (pitch_id, investor_id, amount, status)
      values (${otherPitch}, ${userId}, 12.5, 'paid'), (${otherPitch}, ${userId}, 99, 'declined'), (${keptPitch}, ${otherId}, 20, 'accepted');
    insert into notifications (user_id, kind, title, body) values (${userId}, 'system', 'Title ${MARK}', 'Body ${MARK}');
    insert into uploads (user_id, course_id, file_name, media_type, bytes, sha256, storage_key)
      values (${userId}, ${keptCourse}, '${MARK}.pdf', 'application/pdf', 1, sha256('x'), 'kept-${userId}'),
             (${userId}, ${lonelyCourse}, '${MARK}.pdf', 'application/pdf', 1, sha256('x'), 'lonely-${userId}'),
             (${userId}, null, '${MARK}.pdf', 'application/pdf', 1, sha256('x'), 'own-${userId}');
    insert into conversation_sessions (session_id, conversation_id)
      values (${ownSession}, ${ownConversation}), (${ownSession}, ${sharedConversation}), (${otherSession}, ${sharedConversation});
    insert into chat_messages (session_id, conversation_id, position, role, content)
      values (${ownSession}, ${linkedByMessage}, 1, 'user', 'Message ${MARK}');
    insert into components (session_id, type, name, version, content) values (${ownSession}, 'chart', '${MARK}', 1, 'Content ${MARK}');
    insert into ai_responses (interaction_id, session_id, conversation_id, content, response_tokens, latency_ms)
      values (${interaction}, ${ownSession}, ${ownConversation}, 'Answer ${MARK}', 1, 1);
  `)
  return {
    userId,
    keptCourse,
    lonelyCourse,
    keptPitch,
    lonelyPitch,
    blog,
    otherId,
    otherPitch,
    sharedConversation,
  }
}

/** Tables with a row that has this text anywhere, in any case. */
export async function tablesWith({ sql }: Pick<TestDatabase, 'sql'>, text: string): Promise<string[]> {
  const tables = await sql<{ name: string }[]>`
    select quote_ident(tablename) as name from pg_tables where schemaname = 'public' order by 1`
  const found = await sql.unsafe<{ name: string; found: boolean }[]>(
    tables
      .map(
        ({ name }) =>
          `select '${name}' as name, exists (select from ${name} r where r::text ilike '%${text}%') as found`,
      )
      .join(' union all '),
  )
  return found
    .filter(row => row.found)
    .map(({ name }) => name)
    .toSorted()
}
