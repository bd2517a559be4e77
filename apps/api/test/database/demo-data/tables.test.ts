import t from 'tap'
import { createHash } from 'node:crypto'
import { encodeRow } from '../../../src/database/demo-data/copy.ts'
import { DEMO_SIZES } from '../../../src/database/demo-data/sizes.ts'
import { demoTables } from '../../../src/database/demo-data/tables.ts'
import { groupBy, recordReader, type DemoRecord } from './records.ts'

const tables = demoTables('small')
const read = recordReader(tables)

await t.test('each table has as many rows as it says, and the same ones every time', async t => {
  const again = new Map(demoTables('small').map(table => [table.name, table]))
  for (const table of tables) {
    const first = [...table.rows()]
    t.equal(first.length, table.total, table.name)
    t.ok(first.every(row => row.length === table.columns.length))
    t.same([...table.rows()], first)
    t.same([...(again.get(table.name)?.rows() ?? [])], first)
  }
})

await t.test('both sizes have the rows that they are said to have', async t => {
  for (const size of ['small', 'full'] as const) {
    const totals = Object.fromEntries(demoTables(size).map(({ name, total }) => [name, total]))
    t.match(totals, DEMO_SIZES[size], size)
  }
})

await t.test('the rows are the ones they always were: change this line on purpose only', async t => {
  const digest = createHash('sha256')
  for (const table of tables) for (const row of table.rows()) digest.update(encodeRow(row))
  t.equal(digest.digest('hex').slice(0, 16), 'e03bed166730b0e7')
})

await t.test('every place of a pattern is filled, and nothing but an expiry lies in the future', async t => {
  for (const { name, columns } of tables) {
    for (const column of columns) {
      if (column === 'tags' || column === 'expires_at') continue
      const texts = read(name).map(record => String(record[column] ?? ''))
      // A component's content is JSON.
      const isPlain = column !== 'content' || name !== 'components'
      t.same(
        texts.filter(text => isPlain && /[{}]|undefined|NaN/.test(text)),
        [],
        `${name}.${column}`,
      )
      t.same(
        texts.filter(text => /^\d{4}-\d\d-\d\d/.test(text) && text >= '2026-10-01'),
        [],
        `${name}.${column}`,
      )
    }
  }
})

const is = (column: string, value: unknown) => (record: DemoRecord) => record[column] === value
const has = (column: string, pattern: RegExp) => (record: DemoRecord) => pattern.test(String(record[column]))
const repeats = (records: readonly DemoRecord[], ...columns: string[]) =>
  [...groupBy(records, ...columns).values()].map(rows => rows.length).toSorted((a, b) => b - a)
const tagCounts = (records: readonly DemoRecord[]) => {
  const tags = records.flatMap(({ tags }) => String(tags).slice(1, -1).split(','))
  return (tag: string) => tags.filter(one => one === tag).length
}

await t.test('courses: twins, drafts, an archived one, one without lessons, free ones', async t => {
  const published = read('courses').filter(is('status', 'published'))
  t.equal(repeats(published, 'published_at')[0], 2)
  t.ok(read('courses').some(is('status', 'draft')) && read('courses').some(is('status', 'archived')))
  const taught = new Set(read('lessons').map(({ course_id }) => course_id))
  t.ok(published.some(({ id }) => !taught.has(id ?? 0)))
  t.ok(published.some(is('price', '0.00')) && published.some(has('price', /^[1-9]/)))
  t.equal(new Set(read('courses').map(({ title }) => title)).size, read('courses').length)
  t.ok(read('users').some(has('display_name', /[^ -~]/)), 'names outside ASCII')
})

await t.test('learning: never begun, opened only, all but one, whole', async t => {
  const courseOf = new Map(read('lessons').map(({ id, course_id }) => [id, course_id]))
  const begun = Map.groupBy(read('progress'), row => `${row['user_id']} ${courseOf.get(row['lesson_id'] ?? 0)}`)
  const left = read('enrolments').map(({ user_id, course_id }) => {
    const lessons = read('lessons').filter(is('course_id', course_id)).length
    return { lessons, begun: begun.get(`${user_id} ${course_id}`)?.length ?? 0 }
  })
  t.ok(left.some(({ lessons, begun }) => lessons > 0 && begun === 0))
  t.ok(left.some(({ lessons, begun }) => lessons > 1 && begun === lessons - 1))
  t.ok(read('enrolments').some(has('completed_at', /^2/)))
  t.ok(read('progress').some(is('percent', 0)))
  const learners = new Set(read('enrolments').map(({ user_id }) => user_id))
  t.ok(read('users').filter(({ id }) => !learners.has(id ?? 0)).length > 5, 'users without anything')
})

await t.test(
  'gamification: cold users, unused wallets, large balances, streaks that never began or are over',
  async t => {
    const wallets = read('wallets')
    t.equal(wallets.length, DEMO_SIZES.small.users / 2)
    t.ok(wallets.some(is('last_sequence', 0)) && wallets.some(({ balance }) => Number(balance) > 2 ** 31))
    t.ok(wallets.some(({ balance, last_sequence }) => balance === 0 && Number(last_sequence) > 0))
    t.same(new Set(read('wallet_transactions').map(({ kind }) => kind)), new Set(['earn', 'spend', 'refund']))
    const streaks = read('user_streaks')
    t.ok(streaks.some(is('last_active_on', null)))
    t.ok(streaks.some(({ current_days, longest_days }) => current_days === longest_days))
    t.ok(streaks.some(({ current_days, longest_days }) => Number(current_days) < Number(longest_days)))
    t.ok(streaks.some(({ last_active_on }) => String(last_active_on) < '2026-09'))
    const earned = new Set(read('user_badges').map(({ badge_id }) => badge_id))
    t.equal(read('badges').length, 12)
    t.ok(earned.size >= 9 && earned.size < 12, 'a badge that nobody has')
  },
)

await t.test('blogs: one moment for several, hidden ones, tags of all kinds, texts that are cut', async t => {
  const published = read('blogs').filter(is('status', 'published'))
  t.match(repeats(published, 'created_at').slice(0, 2), [5, 2], 'an import, of which one is archived, and twins')
  t.ok(['draft', 'archived'].every(status => read('blogs').some(is('status', status))))
  const count = tagCounts(published)
  t.ok(count('learning') > published.length / 4)
  t.same([count('punch-cards'), count('esperanto'), count('slide-rules')], [3, 1, 0])
  t.ok(tagCounts(read('blogs'))('slide-rules') > 0)
  t.ok(published.some(is('tags', '{}')) && published.some(({ tags }) => String(tags).split(',').length === 10))
  const lengths = published.map(({ content }) => Array.from(String(content)).length)
  t.ok(lengths.some(length => length < 200) && lengths.some(length => length > 5000))
  const cut = published.filter(({ content }) => !String(content).slice(0, 200).isWellFormed())
  t.ok(cut.length > 3, 'cut by code units, an emoji is halved')
  const [most = 0] = repeats(published, 'author_id')
  t.ok(most > 8, 'an author with many')
  t.ok(read('blogs').some(has('content', /\p{Script=Han}|\p{Script=Cyrillic}|\p{Script=Arabic}/u)), 'other scripts')
})

await t.test('pitches: every visibility, ties, strangers; agreements and investments in every state', async t => {
  const shown = read('pitches').filter(pitch => pitch['status'] === 'active' && pitch['visibility'] === 'public')
  const ties = repeats(
    shown.filter(({ trending_score }) => Number(trending_score) > 0),
    'trending_score',
  )
  t.ok((ties[0] ?? 0) > 1, 'a tie above 0')
  t.ok((repeats(shown, 'trending_score')[0] ?? 0) > 5, 'many at 0')
  t.equal(repeats(read('pitches'), 'created_at')[0], 2)
  t.same(new Set(read('pitches').map(({ visibility }) => visibility)), new Set(['public', 'nda', 'private']))
  t.ok(read('pitch_views').some(is('viewer_id', null)))
  t.same(new Set(read('ndas').map(({ status }) => status)), new Set(['signed', 'pending', 'declined', 'revoked']))
  t.same(new Set(read('investments').map(({ status }) => status)), new Set(['offered', 'accepted', 'declined', 'paid']))
  t.ok(read('investments').some(has('amount', /\.25$/)), 'cents')
})

await t.test('accounts: about a quarter of the notifications unread, tokens in every state, odd files', async t => {
  const unread = read('notifications').filter(is('read_at', null))
  t.ok(Math.abs(unread.length / read('notifications').length - 0.25) < 0.06, String(unread.length))
  t.ok((repeats(unread, 'user_id')[0] ?? 0) > 5)
  for (const revoked of [true, false]) {
    const tokens = read('user_tokens').filter(is('revoked', revoked))
    t.ok(
      tokens.some(({ expires_at }) => String(expires_at) > '2026-10'),
      'still good',
    )
    t.ok(
      tokens.some(({ expires_at }) => String(expires_at) < '2026-10'),
      'expired',
    )
  }
  t.ok(read('uploads').some(is('bytes', 0)) && read('uploads').some(is('course_id', null)))
  t.ok(read('uploads').some(has('file_name', /[^ -~]/)))
})

await t.test('chat: silence, length, moments shared by messages, conversations over several sessions', async t => {
  const messages = groupBy(read('chat_messages'), 'session_id')
  t.ok(
    read('sessions').some(({ id }) => !messages.has(String(id))),
    'nothing was said',
  )
  t.ok([...messages.values()].some(({ length }) => length > 40))
  t.ok([...messages.values()].some(rows => new Set(rows.map(row => row['created_at'])).size < rows.length))
  t.same(new Set(read('chat_messages').map(({ role }) => role)), new Set(['user', 'assistant', 'system', 'tool']))
  t.ok(read('chat_messages').some(is('conversation_id', null)))
  t.ok((repeats(read('conversation_sessions'), 'conversation_id')[0] ?? 0) > 1)
  const components = [...groupBy(read('components'), 'session_id', 'name').values()]
  t.ok(components.some(versions => versions.length > 2))
  t.ok(
    components.some(versions => versions.every(is('is_current', false))),
    'withdrawn',
  )
  t.ok(read('ai_responses').length < read('ai_interactions').length, 'a question without an answer')
})
