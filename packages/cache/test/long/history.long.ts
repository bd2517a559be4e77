import { seededRandom } from '@plimsoll/testing'
import t from 'tap'
import { makeHistory } from '../processes/fixture/history.ts'

t.setTimeout(180_000)

await t.test('for a minute and a half, over six processes', async t => {
  const history = await makeHistory(t, { processes: 6, durationMs: 90_000, random: seededRandom(t), boundMs: 150 })
  t.strictSame(history.faults.slice(0, 5), [])
  t.comment(JSON.stringify({ ...history, faults: history.faults.length }))
  t.ok(history.calls > 3_000)
})
