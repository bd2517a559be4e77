// What the tables of the demo data have to say of each other: each rule gives the rows that break it. The small size is held to them by the test beside this file,
// the full one by the long test.
import { groupBy, type DemoRecord } from './records.ts'

type Read = (table: string) => readonly DemoRecord[]
/** Gives what breaks the rule; none when it holds. */
type Rule = (read: Read) => readonly unknown[]

const text = (record: DemoRecord | undefined, column: string): string => String(record?.[column] ?? '')
const number = (record: DemoRecord | undefined, column: string): number => Number(record?.[column] ?? 0)
/** ISO 8601 sorts as text. */
const isLater = (record: DemoRecord, column: string, than: string): boolean => text(record, column) > than

export const AGREEMENTS: Readonly<Record<string, Rule>> = {
  'who has progress in a lesson was enrolled in its course before': read => {
    const courseOf = new Map(read('lessons').map(lesson => [lesson['id'], lesson['course_id']]))
    const enrolled = new Map(
      read('enrolments').map(({ user_id, course_id, enrolled_at }) => [`${user_id} ${course_id}`, String(enrolled_at)]),
    )
    return read('progress').filter(row => {
      const since = enrolled.get(`${row['user_id']} ${courseOf.get(row['lesson_id'] ?? 0)}`)
      return since === undefined || !(text(row, 'started_at') >= since)
    })
  },

  'an enrolment is completed exactly when all lessons are, with the last of them': read => {
    const courseOf = new Map(read('lessons').map(lesson => [lesson['id'], lesson['course_id']]))
    const lessonCount = groupBy(read('lessons'), 'course_id')
    const completed = Map.groupBy(
      read('progress').filter(({ percent }) => percent === 100),
      ({ user_id, lesson_id }) => `${user_id} ${courseOf.get(lesson_id ?? 0)}`,
    )
    return read('enrolments').filter(({ user_id, course_id, completed_at }) => {
      const lessons = lessonCount.get(String(course_id))?.length ?? 0
      const done = completed.get(`${user_id} ${course_id}`) ?? []
      const expected =
        lessons > 0 && done.length === lessons
          ? done
              .map(row => text(row, 'completed_at'))
              .toSorted()
              .at(-1)
          : null
      return completed_at !== expected
    })
  },

  'nobody is enrolled in a draft, or before its publication': read => {
    const courses = new Map(read('courses').map(course => [course['id'], course]))
    return read('enrolments').filter(({ course_id, enrolled_at }) => {
      const course = courses.get(course_id ?? 0)
      return course?.['status'] === 'draft' || text(course, 'published_at') > String(enrolled_at)
    })
  },

  'progress is complete with its time or incomplete without, and its times are in order': read =>
    read('progress').filter(
      row =>
        (row['percent'] === 100) !== (row['completed_at'] !== null) ||
        isLater(row, 'started_at', text(row, 'updated_at')) ||
        (row['completed_at'] !== null && row['completed_at'] !== row['updated_at']),
    ),

  'the learning streak ends with the last lesson': read => {
    const last = new Map<string, string>()
    for (const row of read('progress')) {
      const user = text(row, 'user_id')
      const day = text(row, 'updated_at').slice(0, 10)
      if (day > (last.get(user) ?? '')) last.set(user, day)
    }
    return read('user_streaks').filter(
      row => row['streak_type'] === 'learning' && row['last_active_on'] !== (last.get(text(row, 'user_id')) ?? null),
    )
  },

  'a streak is once per user and type, and no longer than its longest': read => [
    ...[...groupBy(read('user_streaks'), 'user_id', 'streak_type').values()].filter(rows => rows.length > 1),
    ...read('user_streaks').filter(
      row =>
        number(row, 'current_days') > number(row, 'longest_days') ||
        (number(row, 'current_days') > 0 && row['last_active_on'] === null) ||
        isLater(row, 'created_at', text(row, 'updated_at')),
    ),
  ],

  'each ledger has no gap, adds up line by line, and ends with the balance': read => {
    const lines = groupBy(read('wallet_transactions'), 'user_id')
    const strays = [...lines.keys()].filter(user => !read('wallets').some(wallet => String(wallet['user_id']) === user))
    const wrong = read('wallets').filter(wallet => {
      const ledger = lines.get(String(wallet['user_id'])) ?? []
      const isBroken = ledger.some((line, index) => {
        const before = ledger[index - 1]
        const amount = number(line, 'amount')
        return (
          line['sequence'] !== index + 1 ||
          number(line, 'balance_before') !== number(before, 'balance_after') ||
          number(line, 'balance_after') !== number(line, 'balance_before') + amount ||
          number(line, 'balance_after') < 0 ||
          amount === 0 ||
          amount < 0 !== (line['kind'] === 'spend') ||
          isLater(before ?? line, 'created_at', text(line, 'created_at'))
        )
      })
      const last = ledger.at(-1)
      return (
        isBroken ||
        number(wallet, 'balance') !== number(last, 'balance_after') ||
        number(wallet, 'last_sequence') !== ledger.length ||
        isLater(wallet, 'created_at', text(ledger[0] ?? wallet, 'created_at'))
      )
    })
    return [...strays, ...wrong]
  },

  'nobody is given back more than they spent': read =>
    [...groupBy(read('wallet_transactions'), 'user_id').values()].filter(
      lines => lines.filter(({ kind }) => kind !== 'earn').reduce((sum, line) => sum + number(line, 'amount'), 0) > 0,
    ),

  'everybody with a wallet has the badge for it, and streaks of signing in and of learning': read => {
    const welcome = read('badges').find(({ code }) => code === 'welcome')?.['id']
    const welcomed = new Set(
      read('user_badges').flatMap(({ user_id, badge_id }) => (badge_id === welcome ? [user_id] : [])),
    )
    const streaks = groupBy(read('user_streaks'), 'user_id', 'streak_type')
    return read('wallets').filter(
      ({ user_id }) =>
        !welcomed.has(user_id ?? 0) || !streaks.has(`${user_id} login`) || !streaks.has(`${user_id} learning`),
    )
  },

  'a badge is earned once, and the lessons for it are there': read => {
    const codes = new Map(read('badges').map(({ id, code }) => [id, String(code)]))
    const lessons = groupBy(
      read('progress').filter(({ percent }) => percent === 100),
      'user_id',
    )
    const needed: Readonly<Record<string, number>> = { 'first-lesson': 1, 'ten-lessons': 10, 'hundred-lessons': 100 }
    return [
      ...[...groupBy(read('user_badges'), 'user_id', 'badge_id').values()].filter(rows => rows.length > 1),
      ...read('user_badges').filter(({ user_id, badge_id }) => {
        const count = needed[codes.get(badge_id ?? 0) ?? '']
        return count !== undefined && (lessons.get(String(user_id))?.length ?? 0) < count
      }),
    ]
  },

  'a pitch carries the sums of its views and scores': read => {
    const views = groupBy(read('pitch_views'), 'pitch_id')
    const scores = groupBy(read('pitch_scores'), 'pitch_id')
    return read('pitches').filter(pitch => {
      const given = scores.get(String(pitch['id'])) ?? []
      return (
        number(pitch, 'view_count') !== (views.get(String(pitch['id']))?.length ?? 0) ||
        number(pitch, 'score_count') !== given.length ||
        number(pitch, 'score_sum') !== given.reduce((sum, score) => sum + number(score, 'score'), 0)
      )
    })
  },

  'drafts and private pitches are seen by nobody, and no pitch before it exists': read => {
    const pitches = new Map(read('pitches').map(pitch => [pitch['id'], pitch]))
    const seen = [
      ...read('pitch_views').map(({ pitch_id, viewed_at }) => ({ pitch_id, at: viewed_at })),
      ...['pitch_scores', 'ndas', 'investments'].flatMap(table =>
        read(table).map(({ pitch_id, created_at }) => ({ pitch_id, at: created_at })),
      ),
    ]
    return seen.filter(({ pitch_id, at }) => {
      const pitch = pitches.get(pitch_id ?? 0)
      return (
        pitch?.['status'] === 'draft' ||
        pitch?.['visibility'] === 'private' ||
        text(pitch, 'created_at') > String(at ?? '')
      )
    })
  },

  'founders neither score their own pitches nor invest in them nor sign for them': read => {
    const founders = new Map(read('pitches').map(({ id, founder_id }) => [id, founder_id]))
    return [
      ...read('pitch_scores').filter(({ pitch_id, user_id }) => founders.get(pitch_id ?? 0) === user_id),
      ...read('ndas').filter(({ pitch_id, user_id }) => founders.get(pitch_id ?? 0) === user_id),
      ...read('investments').filter(({ pitch_id, investor_id }) => founders.get(pitch_id ?? 0) === investor_id),
    ]
  },

  'agreements are about pitches that ask for one, and who invests in such a pitch has signed before': read => {
    const visibilities = new Map(read('pitches').map(({ id, visibility }) => [id, visibility]))
    const signed = groupBy(
      read('ndas').filter(({ status }) => status === 'signed'),
      'pitch_id',
      'user_id',
    )
    return [
      ...read('ndas').filter(({ pitch_id }) => visibilities.get(pitch_id ?? 0) !== 'nda'),
      ...read('ndas').filter(row => row['signed_at'] !== null && isLater(row, 'created_at', text(row, 'signed_at'))),
      ...read('investments').filter(({ pitch_id, investor_id, created_at }) => {
        const signedAt = signed.get(`${pitch_id} ${investor_id}`)?.[0]?.['signed_at']
        return visibilities.get(pitch_id ?? 0) === 'nda' && !(String(signedAt ?? '~') <= String(created_at))
      }),
    ]
  },

  'a user who never came back left no trace': read => {
    const idle = (id: unknown) => Number(id) % 10 === 0
    return ['enrolments', 'progress', 'user_streaks', 'user_badges', 'wallets', 'pitch_scores', 'ndas'].flatMap(table =>
      read(table).filter(({ user_id }) => idle(user_id)),
    )
  },

  'what changed has another version than the first, and the other way round': read =>
    read('blogs').filter(
      row =>
        (row['version'] === 1) !== (row['updated_at'] === row['created_at']) ||
        isLater(row, 'created_at', text(row, 'updated_at')),
    ),

  'messages stand one after the other in their session, within its times and its conversations': read => {
    const messages = groupBy(read('chat_messages'), 'session_id')
    const links = groupBy(read('conversation_sessions'), 'session_id', 'conversation_id')
    return read('sessions').filter(session => {
      const said = messages.get(String(session['id'])) ?? []
      return (
        said.some(
          (message, index) =>
            message['position'] !== index + 1 ||
            isLater(said[index - 1] ?? session, 'created_at', text(message, 'created_at')) ||
            (message['conversation_id'] !== null && !links.has(`${session['id']} ${message['conversation_id']}`)),
        ) || text(session, 'last_active_at') !== text(said.at(-1) ?? session, 'created_at')
      )
    })
  },

  'a conversation goes on in sessions of one user, until its last message': read => {
    const sessions = new Map(read('sessions').map(session => [session['id'], session]))
    const links = groupBy(read('conversation_sessions'), 'conversation_id')
    return read('conversations').filter(conversation => {
      const had = (links.get(String(conversation['id'])) ?? []).map(({ session_id }) => sessions.get(session_id ?? 0))
      return (
        new Set(had.map(session => session?.['user_id'])).size !== 1 ||
        text(conversation, 'created_at') !== text(had[0], 'created_at') ||
        text(conversation, 'updated_at') !==
          had
            .map(session => text(session, 'last_active_at'))
            .toSorted()
            .at(-1)
      )
    })
  },

  'the versions of a component are counted from 1, and only the last one can be current': read =>
    [...groupBy(read('components'), 'session_id', 'name').values()].filter(versions =>
      versions.some(
        (row, index) => row['version'] !== index + 1 || (row['is_current'] === true && index < versions.length - 1),
      ),
    ),

  'a prompt and its response stand among the messages of their session, in order': read => {
    const said = new Set(
      read('chat_messages').map(({ session_id, role, content }) => `${session_id} ${role} ${content}`),
    )
    const interactions = new Map(read('ai_interactions').map(row => [row['id'], row]))
    return [
      ...read('ai_interactions').filter(({ session_id, prompt }) => !said.has(`${session_id} user ${prompt}`)),
      ...read('ai_responses').filter(row => {
        const asked = interactions.get(row['interaction_id'] ?? 0)
        return (
          !said.has(`${row['session_id']} assistant ${row['content']}`) ||
          asked?.['session_id'] !== row['session_id'] ||
          asked?.['conversation_id'] !== row['conversation_id'] ||
          Date.parse(text(row, 'created_at')) - Date.parse(text(asked, 'created_at')) !== number(row, 'latency_ms')
        )
      }),
    ]
  },

  'notifications are read after they came, and tokens expire after they were made': read => [
    ...read('notifications').filter(row => row['read_at'] !== null && isLater(row, 'created_at', text(row, 'read_at'))),
    ...read('user_tokens').filter(row => !isLater(row, 'expires_at', text(row, 'created_at'))),
  ],

  'ids are counted from 1, in the order of time where lists are read by it': read =>
    ['blogs', 'pitches', 'pitch_views', 'ndas', 'investments', 'notifications', 'sessions', 'uploads'].flatMap(table =>
      read(table).filter((row, index, rows) => {
        const at = table === 'pitch_views' ? 'viewed_at' : 'created_at'
        return row['id'] !== index + 1 || isLater(rows[index - 1] ?? row, at, text(row, at))
      }),
    ),
}
