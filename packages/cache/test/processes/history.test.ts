import { seededRandom } from '@plimsoll/testing'
import t from 'tap'
import { makeHistory } from './fixture/history.ts'

await t.test('no process serves what another has invalidated, whoever is killed or frozen meanwhile', async t => {
  const history = await makeHistory(t, { processes: 4, durationMs: 3_000, random: seededRandom(t), boundMs: 150 })
  t.strictSame(history.faults.slice(0, 5), [])
  t.ok(history.calls > 100, `${history.calls} calls`)
  t.ok(history.writes > 5, `${history.writes} writes`)
  t.ok(history.kills + history.freezes > 2, `${history.kills} kills, ${history.freezes} freezes`)
  t.ok(history.reads < history.calls, `${history.reads} reads of the database`)
  t.comment(JSON.stringify({ ...history, faults: history.faults.length }))
})
