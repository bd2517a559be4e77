// What erasing a user deletes, statement by statement. Each takes $1 the user's id and $2 the most rows, and is run again until it finds nothing.
//
// The order matters: what refers to something goes before it, so that no statement takes more rows with it than its own; and what says which rows are the user's goes
// last, so that whoever carries on after an interruption still finds the rest.
//
// What others' records depend on isn't here: their courses, a pitch that somebody invested in, deals. The last transaction (erasure-repository.ts) takes the person from it.

export interface ErasureStep {
  readonly table: string
  /** Gives a row for each that it has deleted; its `id` where answers show rows of the table, else null. */
  readonly text: string
}

/** Answers show these by their ids. */
const SHOWN: ReadonlySet<string> = new Set(['blogs', 'courses'])

const NO_ID = 'null::bigint as id'

/** By the place of the row, since not every table has an id; a row that is changed meanwhile is found the next time. */
function deleting(table: string, chosen: string): ErasureStep {
  return {
    table,
    text: `
      delete from ${table} where ctid = any(array(select t.ctid from ${table} t where ${chosen} limit $2::bigint))
      returning ${SHOWN.has(table) ? 'id' : NO_ID}`,
  }
}

const own = (table: string, column = 'user_id'): ErasureStep => deleting(table, `t.${column} = $1::bigint`)
const ofSessions = (table: string): ErasureStep =>
  deleting(table, 't.session_id in (select id from sessions where user_id = $1::bigint)')

/** A pitch that others have a deal on; what nobody signed is none. */
const HAS_DEALS = `(
  exists (select from investments i where i.pitch_id = p.id and (i.investor_id <> $1::bigint or i.status in ('accepted', 'paid')))
  or exists (select from ndas n where n.pitch_id = p.id and n.user_id <> $1::bigint and n.status in ('signed', 'revoked'))
)`
const DOOMED_PITCHES = `(select p.id from pitches p where p.founder_id = $1::bigint and not ${HAS_DEALS})`

/** A course that others learn from, or have put files into. */
const HAS_LEARNERS = `(
  exists (select from enrolments e where e.course_id = c.id and e.user_id <> $1::bigint)
  or exists (select from uploads f where f.course_id = c.id and f.user_id <> $1::bigint)
  or exists (select from lessons l join progress r on r.lesson_id = l.id where l.course_id = c.id and r.user_id <> $1::bigint)
)`
const DOOMED_COURSES = `(select c.id from courses c where c.instructor_id = $1::bigint and not ${HAS_LEARNERS})`
/** The files of a course that's kept stay with it. */
const DOOMED_UPLOADS = `t.user_id = $1::bigint and (t.course_id is null or t.course_id in ${DOOMED_COURSES}
  or t.course_id not in (select id from courses where instructor_id = $1::bigint))`

/** A conversation may go on in sessions of several users; what only messages say of it is written down before they go. */
export const LINK_CONVERSATIONS = `
  insert into conversation_sessions (session_id, conversation_id)
  select distinct m.session_id, m.conversation_id
  from (
    select session_id, conversation_id from chat_messages
    union all select session_id, conversation_id from ai_interactions
    union all select session_id, conversation_id from ai_responses
  ) m
  join sessions s on s.id = m.session_id
  where s.user_id = $1::bigint and m.conversation_id is not null
  on conflict do nothing`

/** With the last session that it goes on in goes a conversation. One statement, so that of two users who are erased, the second finds what the first has left. */
const UNLINK_CONVERSATIONS = `
  with links as (
    delete from conversation_sessions where ctid = any(array(
      select t.ctid from conversation_sessions t
      where t.session_id in (select id from sessions where user_id = $1::bigint)
      limit $2::bigint
    ))
    returning session_id, conversation_id
  ), ended as (
    delete from conversations c
    where c.id in (select conversation_id from links)
      and not exists (
        select from conversation_sessions l
        where l.conversation_id = c.id
          and (l.session_id, l.conversation_id) not in (select session_id, conversation_id from links)
      )
  )
  select ${NO_ID} from links`

/** Uploads go before everything by which it's known which of them go, with their files. */
export const CHOOSE_UPLOADS = `
  select t.id, t.storage_key as "storageKey" from uploads t where ${DOOMED_UPLOADS} order by t.id limit $2::bigint`

export const ERASURE_STEPS: readonly ErasureStep[] = [
  ofSessions('chat_messages'),
  ofSessions('ai_responses'),
  ofSessions('ai_interactions'),
  ofSessions('components'),
  { table: 'conversations', text: UNLINK_CONVERSATIONS },
  own('sessions'),
  own('notifications'),
  // The pitch counts its views: the row stays, and says nothing of who it was.
  {
    table: 'pitch_views',
    text: `
      update pitch_views set viewer_id = null
      where ctid = any(array(select ctid from pitch_views where viewer_id = $1::bigint limit $2::bigint))
      returning ${NO_ID}`,
  },
  own('progress'),
  own('enrolments'),
  own('user_badges'),
  own('user_streaks'),
  own('wallet_transactions'),
  own('wallets'),
  own('user_tokens'),
  own('token_families'),
  own('blogs', 'author_id'),
  // Offers that came to nothing, and agreements that nobody signed.
  deleting('investments', `t.investor_id = $1::bigint and t.status in ('offered', 'declined')`),
  deleting('ndas', `t.user_id = $1::bigint and t.status in ('pending', 'declined')`),
  deleting('pitch_views', `t.pitch_id in ${DOOMED_PITCHES}`),
  deleting('pitch_scores', `t.pitch_id in ${DOOMED_PITCHES}`),
  deleting('ndas', `t.pitch_id in ${DOOMED_PITCHES}`),
  deleting('pitches', `t.id in ${DOOMED_PITCHES}`),
  deleting('lessons', `t.course_id in ${DOOMED_COURSES}`),
  deleting('courses', `t.id in ${DOOMED_COURSES}`),
]
