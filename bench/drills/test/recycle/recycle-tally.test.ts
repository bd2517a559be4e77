// The accounting with made-up records and ledgers: what is excused, what is twice, what is lost.
import t from 'tap'
import type { RequestRecord } from '../../src/open-loop.ts'
import type { Outcome } from '../../src/outcome.ts'
import type { Ledger } from '../../src/recycle/ledger.ts'
import { FULL_RECYCLE_PLAN } from '../../src/recycle/recycle-plan.ts'
import { strangers, tallyRecyclePhase } from '../../src/recycle/recycle-tally.ts'
import { judgeRecyclePhase } from '../../src/recycle/recycle-verdict.ts'

const WELL: Outcome = { kind: 'well', upstream: '0-1' }
const GONE: Outcome = { kind: 'status', status: 502, code: 'LB_ERR_UPSTREAM_CLOSED' }

const record = (id: string, outcome: Outcome, method: 'GET' | 'POST' = 'POST', tookMs = 10): RequestRecord => ({
  id,
  method,
  path: `/work/${id}`,
  phase: 0,
  atMs: 0,
  dueAtMs: 100,
  sentAtMs: 100,
  settledAtMs: 100 + tookMs,
  outcome,
})

/** Lines like "a done 0-1 done 0-2". */
function ledgerOf(begun: Record<string, string[]>, done: Record<string, number>): Ledger {
  return { begun: new Map(Object.entries(begun)), done: new Map(Object.entries(done)) }
}

const [phase] = FULL_RECYCLE_PLAN.phases
const judged = (
  records: readonly RequestRecord[],
  ledger: Ledger,
  underWay: readonly string[] = [],
  leastReady = 3,
) => {
  const killed = { name: '0-1', underWay: new Set(underWay) }
  const tally = tallyRecyclePhase({ records, ledger, durationMs: 1000, killed })
  if (!phase) throw new Error('a plan has phases')
  const misses = judgeRecyclePhase({ phase, tally, leastReady, workers: 3, trouble: null, crashes: [] })
  return { tally, misses: misses.map(({ what }) => what) }
}

await t.test('everything answered, everything done once: nothing to say', async t => {
  const records = [record('a', WELL), record('b', WELL, 'GET', 4)]
  const { tally, misses } = judged(records, ledgerOf({ 'POST a': ['0-1'] }, { 'POST a': 1, 'GET b': 1 }))
  t.same(misses, [])
  t.equal(tally.postP50Ms, 10)
  t.equal(tally.getP99Ms, 4)
})

await t.test('a POST that was with the killed one may fail with 502, done or not', async t => {
  const records = [record('a', GONE), record('b', GONE), record('c', GONE)]
  const ledger = ledgerOf({ 'POST a': ['0-1'], 'POST b': ['0-1'] }, { 'POST a': 1 })
  const { tally, misses } = judged(records, ledger, ['a', 'b', 'c'])
  t.same(misses, [])
  t.equal(tally.unavoidable, 3)
  t.equal(tally.executedThoughFailed, 1)
})

await t.test('nothing else may: not under way then, another worker, another status, a GET', async t => {
  const failing: readonly (readonly [string, RequestRecord, string[], string[]])[] = [
    ['not under way', record('a', GONE), ['0-1'], []],
    ['at another worker', record('a', GONE), ['1-1'], ['a']],
    ['another status', record('a', { kind: 'status', status: 504, code: null }), ['0-1'], ['a']],
    ['a reset', record('a', { kind: 'reset', detail: '' }), ['0-1'], ['a']],
    ['a GET', record('a', GONE, 'GET'), [], ['a']],
  ]
  for (const [what, one, begun, underWay] of failing) {
    const { misses } = judged([one], ledgerOf({ 'POST a': begun }, {}), underWay)
    t.equal(misses.length, 1, what)
    t.match(misses[0], /^failed 100/, what)
  }
})

await t.test('a POST that was sent again is found, carried out twice or not', async t => {
  const twice = ledgerOf({ 'POST a': ['0-1', '1-1'] }, { 'POST a': 2 })
  t.same(judged([record('a', WELL)], twice).misses, ['1 POSTs executed twice', '1 POSTs sent to workers twice'])
  const once = ledgerOf({ 'POST a': ['0-1', '1-1'] }, { 'POST a': 1 })
  t.same(judged([record('a', WELL)], once, ['a']).misses, ['1 POSTs sent to workers twice'])
})

await t.test(
  'an answer without the work is a loss, and so are too few workers, an end by itself and what went wrong',
  async t => {
    t.same(judged([record('a', WELL)], ledgerOf({ 'POST a': ['0-1'] }, {})).misses, ['1 acknowledged but not done'])
    t.same(judged([], ledgerOf({}, {}), [], 1).misses, ['only 1 of 3 workers took requests, at least 2'])
    const { tally } = judged([], ledgerOf({}, {}))
    if (!phase) throw new Error('a plan has phases')
    const misses = judgeRecyclePhase({
      phase,
      tally,
      leastReady: 2,
      workers: 3,
      trouble: 'late',
      crashes: ['0-1: SIGABRT'],
    })
    t.same(
      misses.map(({ what }) => what),
      ['late', 'worker 0-1: SIGABRT'],
    )
  },
)

await t.test('what nobody has sent is found in a ledger', async t => {
  const ledger = ledgerOf({ 'POST a': ['0-1'], 'POST x': ['0-1'] }, { 'POST a': 1, 'GET y': 1 })
  t.same(strangers([record('a', WELL)], ledger).toSorted(), ['GET y', 'POST x'])
})
