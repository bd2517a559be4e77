// What erasing a user deletes, statement by statement. Each takes $1 the user's id and $2 the most rows, and is run again until it finds nothing.
//
// The order matters: what refers to something goes before it, so that no statement takes more rows with it than its own; and what says which rows are the user's goes
// last, so that whoever carries on after an interruption still finds the rest.
//
// Of what others may come to depend on at any moment (they enrol, sign, write a message) a step chooses and holds rows first, and looks again in a statement of its own:
// a row's lock waits for whoever has referred to it but not committed, and a statement that waits still sees what was there when it began, so a condition and its delete
// in one statement would delete what came meanwhile, by its foreign key.
//
// What others' records depend on isn't here: their courses, a pitch that somebody invested in, deals. The last transaction (erasure-repository.ts) takes the person from it.

/** Rows that go unless others depend on them, and are held while that's found out. */
export interface Choice {
  /** Gives the `id` of each, locked. Takes $1 the user's id and $2 the most rows. Without those that nothing is left to do for. */
  readonly text: string
  /** What else is locked, since others' records depend on these by it. Each takes $1 the ids. */
  readonly held: readonly string[]
  /** About how many rows go with each: so many fewer are chosen at a time. */
  readonly rowsOfEach: number
}

export interface ErasureStep {
  readonly table: string
  /** Further tables that it writes to. */
  readonly also?: readonly string[]
  readonly choice?: Choice
  /** Gives a row for each that it has deleted; its `id` where answers show rows of the table, else null. With a choice it takes $3 the ids. */
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

/** Conversations may be known by these rows alone: the same statement writes down which, so that the conversation is still found when they are gone. */
function linking(table: string): ErasureStep {
  const { text } = ofSessions(table)
  return {
    table,
    also: ['conversation_sessions'],
    text: `
      with gone as (${text.replace(NO_ID, 'session_id, conversation_id')}),
      links as (
        insert into conversation_sessions (session_id, conversation_id)
        select distinct session_id, conversation_id from gone where conversation_id is not null
        on conflict do nothing
      )
      select ${NO_ID} from gone`,
  }
}

/** A pitch that others have a deal on; what nobody signed is none. */
const HAS_DEALS = `(
  exists (select from investments i where i.pitch_id = p.id and (i.investor_id <> $1::bigint or i.status in ('accepted', 'paid')))
  or exists (select from ndas n where n.pitch_id = p.id and n.user_id <> $1::bigint and n.status in ('signed', 'revoked'))
)`
const IS_DOOMED_PITCH = `p.founder_id = $1::bigint and not ${HAS_DEALS}`

/** Nobody signs or invests meanwhile: a new deal waits for the pitch, a change of an agreement for its row. */
function choosePitches(condition = 'true'): Choice {
  return {
    text: `select p.id from pitches p where ${IS_DOOMED_PITCH} and ${condition} order by p.id limit $2::bigint for update`,
    held: ['select from ndas where pitch_id = any($1::bigint[]) for update'],
    rowsOfEach: 100,
  }
}
const ofPitches = (table: string): ErasureStep => ({
  ...deleting(
    table,
    `t.pitch_id in (select p.id from pitches p where p.id = any($3::bigint[]) and ${IS_DOOMED_PITCH})`,
  ),
  choice: choosePitches(`exists (select from ${table} t where t.pitch_id = p.id)`),
})

/** A course that others learn from, or have put files into. */
const HAS_LEARNERS = `(
  exists (select from enrolments e where e.course_id = c.id and e.user_id <> $1::bigint)
  or exists (select from uploads f where f.course_id = c.id and f.user_id <> $1::bigint)
  or exists (select from lessons l join progress r on r.lesson_id = l.id where l.course_id = c.id and r.user_id <> $1::bigint)
)`
const IS_DOOMED_COURSE = `c.instructor_id = $1::bigint and not ${HAS_LEARNERS}`

/**
 * A course goes as a whole or not at all, with its lessons, of which there are 500 at most: nobody gets half of one by enrolling between two batches. Its files become
 * ones without a course, which go later: theirs, too, as a whole.
 */
const COURSES: ErasureStep = {
  table: 'courses',
  also: ['lessons', 'uploads'],
  choice: {
    text: `select c.id from courses c where ${IS_DOOMED_COURSE} order by c.id limit $2::bigint for update`,
    held: ['select from lessons where course_id = any($1::bigint[]) for update'],
    rowsOfEach: 100,
  },
  text: `
    with doomed as (
      select c.id from courses c where c.id = any($3::bigint[]) and ${IS_DOOMED_COURSE} limit $2::bigint
    ), files as (
      update uploads set course_id = null where user_id = $1::bigint and course_id in (select id from doomed)
    ), parts as (
      delete from lessons where course_id in (select id from doomed)
    )
    delete from courses where id in (select id from doomed) returning id`,
}

const elsewhere = (table: string): string => `
  exists (select from ${table} m join sessions s on s.id = m.session_id where m.conversation_id = c.id and s.user_id <> $1::bigint)`

/** A conversation may go on in sessions of several users, which a link says or only what was written there. With the last of them it goes. */
const CONVERSATIONS: ErasureStep = {
  table: 'conversation_sessions',
  also: ['conversations', 'chat_messages', 'ai_interactions', 'ai_responses'],
  choice: {
    text: `
      select c.id from conversations c
      where c.id in (
        select l.conversation_id from sessions s join conversation_sessions l on l.session_id = s.id where s.user_id = $1::bigint
      )
      order by c.id limit $2::bigint for update`,
    held: [],
    rowsOfEach: 1,
  },
  text: `
    with ended as (
      delete from conversations c
      where c.id = any($3::bigint[]) and not (${['conversation_sessions', 'chat_messages', 'ai_interactions', 'ai_responses'].map(elsewhere).join(' or ')})
    ), links as (
      delete from conversation_sessions
      where conversation_id = any($3::bigint[]) and session_id in (select id from sessions where user_id = $1::bigint)
      returning session_id
    )
    select ${NO_ID} from links limit $2::bigint`,
}

/**
 * After the courses, which give back the files of those that are deleted: what has a course of the user's still belongs to one that's kept, and stays with it. With
 * their files, and therefore not a step.
 */
export const CHOOSE_UPLOADS = `
  select t.id, t.storage_key as "storageKey" from uploads t
  where t.user_id = $1::bigint
    and (t.course_id is null or t.course_id not in (select id from courses where instructor_id = $1::bigint))
  order by t.id limit $2::bigint`

export const ERASURE_STEPS: readonly ErasureStep[] = [
  linking('chat_messages'),
  linking('ai_responses'),
  linking('ai_interactions'),
  ofSessions('components'),
  CONVERSATIONS,
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
  ofPitches('pitch_views'),
  ofPitches('pitch_scores'),
  ofPitches('ndas'),
  {
    table: 'pitches',
    choice: choosePitches(),
    text: `
      delete from pitches p where p.id in (
        select p.id from pitches p where p.id = any($3::bigint[]) and ${IS_DOOMED_PITCH} limit $2::bigint
      )
      returning ${NO_ID}`,
  },
  COURSES,
]
