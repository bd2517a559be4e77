import t from 'tap'
import { demoTables } from '../../../src/database/demo-data/tables.ts'
import { AGREEMENTS } from './agreements.ts'
import { recordReader } from './records.ts'

const read = recordReader(demoTables('small'))

for (const [name, broken] of Object.entries(AGREEMENTS)) {
  await t.test(name, async t => {
    t.same(broken(read), [])
  })
}

await t.test('each of these rules notices a row that breaks it', async t => {
  // A column that's spoilt, and in which rule that has to show.
  const spoilt: readonly [table: string, column: string, value: string | number | null, rule: RegExp][] = [
    ['progress', 'started_at', '2020-01-01T00:00:00.000Z', /was enrolled in its course before/],
    ['enrolments', 'completed_at', '2026-01-01T00:00:00.000Z', /completed exactly when/],
    ['enrolments', 'course_id', 3, /nobody is enrolled in a draft/],
    ['progress', 'completed_at', null, /progress is complete with its time/],
    ['progress', 'updated_at', '2026-09-30T23:00:00.000Z', /learning streak ends/],
    ['user_streaks', 'longest_days', -1, /no longer than its longest/],
    ['wallets', 'balance', -5, /ends with the balance/],
    ['wallet_transactions', 'sequence', 7, /no gap/],
    ['wallet_transactions', 'kind', 'refund', /given back more/],
    ['user_badges', 'badge_id', 12, /has the badge for it/],
    ['user_badges', 'badge_id', 4, /lessons for it are there/],
    ['pitches', 'score_sum', -1, /sums of its views and scores/],
    ['pitches', 'visibility', 'private', /seen by nobody/],
    ['pitches', 'founder_id', 1, /founders neither score/],
    ['pitches', 'visibility', 'nda', /has signed before/],
    ['enrolments', 'user_id', 10, /never came back/],
    ['blogs', 'version', 9, /another version/],
    ['chat_messages', 'position', 4, /one after the other/],
    ['conversations', 'updated_at', '2020-01-01T00:00:00.000Z', /sessions of one user/],
    ['components', 'version', 1, /counted from 1, and only/],
    ['ai_responses', 'latency_ms', -1, /prompt and its response/],
    ['notifications', 'read_at', '2020-01-01T00:00:00.000Z', /read after they came/],
    ['blogs', 'id', 3, /order of time/],
  ]
  const proved = new Set<string>()
  for (const [table, column, value, rule] of spoilt) {
    const withSpoilt = (name: string) =>
      name === table ? read(name).map(record => ({ ...record, [column]: value })) : read(name)
    const noticed = Object.keys(AGREEMENTS).filter(name => (AGREEMENTS[name]?.(withSpoilt).length ?? 0) > 0)
    const meant = noticed.filter(name => rule.test(name))
    t.equal(meant.length, 1, `${table}.${column}: ${noticed.join('; ')}`)
    for (const name of meant) proved.add(name)
  }
  t.same(
    Object.keys(AGREEMENTS).filter(name => !proved.has(name)),
    [],
  )
})
