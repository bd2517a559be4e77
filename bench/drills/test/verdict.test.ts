import t from 'tap'
import { tallyPhase } from '../src/tally.ts'
import { judgePhase, judgeSockets, percentage } from '../src/verdict.ts'

const nothing = tallyPhase({
  records: [],
  executions: new Map(),
  durationMs: 1000,
  injured: [],
  unavoidable: new Set(),
})
const figures = { ...nothing, sent: 1000, well: 1000, backRatio: 0.33 }
const limits = { failedRatio: 0.004, backRatio: 0.25 }

await t.test('at its limits a phase is met, one beyond it is not', async t => {
  t.same(judgePhase('p', { ...figures, failed: 4, backRatio: 0.25 }, limits), [])
  t.same(judgePhase('p', { ...figures, failed: 5 }, limits), [{ phase: 'p', what: 'failed 0.50 %, at most 0.40 %' }])
  t.same(judgePhase('p', { ...figures, backRatio: 0.2 }, limits), [
    { phase: 'p', what: 'back at 20.0 % of the traffic, at least 25.0 %' },
  ])
})

await t.test('where none may fail one is too many, but not one that nobody could save', async t => {
  const strict = { failedRatio: 0, backRatio: null }
  t.equal(judgePhase('p', { ...figures, failed: 1 }, strict).length, 1)
  t.same(judgePhase('p', { ...figures, failed: 1, unavoidable: 1 }, strict), [])
})

await t.test('what must never happen is judged with and without limits', async t => {
  for (const name of ['executedTwice', 'wrong', 'hung', 'acknowledgedNotDone'] as const) {
    for (const judged of [limits, null]) t.equal(judgePhase('p', { ...figures, [name]: 1 }, judged).length, 1, name)
  }
  t.same(judgePhase('p', { ...figures, failed: 500, backRatio: 0, executedThoughFailed: 9 }, null), [])
})

await t.test('of the sockets only listeners and the idle pool may be left', async t => {
  const resting = { listening: 2, upstream: 30, upstreamClosing: 0, client: 0 }
  t.same(judgeSockets(resting, 30), [])
  t.equal(judgeSockets({ ...resting, upstream: 31, upstreamClosing: 1, client: 1 }, 30).length, 3)
  t.match(judgeSockets({ ...resting, listening: 0 }, 30), [{ phase: 'after', what: /the proxy has ended/ }])
  t.same(judgeSockets(null, 30), [])
})

await t.test('small shares have two digits', async t => {
  t.same([0, 0.0044, 0.075, 0.333].map(percentage), ['0', '0.44 %', '7.50 %', '33.3 %'])
})
