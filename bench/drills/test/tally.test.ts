import fc from 'fast-check'
import t from 'tap'
import type { RequestRecord } from '../src/open-loop.ts'
import type { Outcome } from '../src/outcome.ts'
import { percentile, tallyPhase, type TallyOptions } from '../src/tally.ts'

const well = (upstream = 'a'): Outcome => ({ kind: 'well', upstream })
const status: Outcome = { kind: 'status', status: 504, code: 'LB_ERR_UPSTREAM_TIMEOUT' }
const cut: Outcome = { kind: 'cut', detail: '' }

let nextId = 0
function request(outcome: Outcome | null, more: Partial<RequestRecord> = {}): RequestRecord {
  const id = `x.${nextId++}`
  return { id, method: 'POST', phase: 0, atMs: 0, dueAtMs: 100, sentAtMs: 101, settledAtMs: 110, outcome, ...more }
}

function tally(records: readonly RequestRecord[], options: Partial<TallyOptions> = {}) {
  const executions = new Map(records.map(({ method, id }) => [`${method} ${id}`, 1]))
  return tallyPhase({ records, executions, durationMs: 12_000, injured: [], unavoidable: new Set(), ...options })
}

/** Executions of these requests, each so often. */
function executed(...counts: readonly (readonly [RequestRecord, number])[]): Map<string, number> {
  return new Map(counts.map(([{ method, id }, count]) => [`${method} ${id}`, count]))
}

await t.test('failures are counted by kind', async t => {
  const figures = tally([
    request(well()),
    request(status),
    request(status),
    request(cut),
    request({ ...cut, kind: 'hung' }),
  ])
  t.match(figures, { sent: 5, well: 1, failed: 4, hung: 1, wrong: 0 })
  t.same(figures.failures, { '504 LB_ERR_UPSTREAM_TIMEOUT': 2, cut: 1, hung: 1 })
})

await t.test('failed requests are kept with their time, kind and executions', async t => {
  const failed = request(cut, { method: 'GET', atMs: 12.3, dueAtMs: 100, settledAtMs: 150.2 })
  const figures = tally([failed, request(status)], { executions: executed([failed, 2]) })
  t.equal(figures.failedGets, 1)
  const described = { id: failed.id, method: 'GET', atMs: 12, tookMs: 50, kind: 'cut', detail: '', executions: 2 }
  t.same(figures.failedRequests[0], described)
})

await t.test('a POST that two upstreams have executed was executed twice, whatever its client saw', async t => {
  const [once, twice, failedTwice] = [request(well()), request(well()), request(status)]
  const executions = executed([once, 1], [twice, 2], [failedTwice, 3])
  t.equal(tally([once, twice, failedTwice], { executions }).executedTwice, 2)
})

await t.test('a GET may be executed more than once, and counts as tries', async t => {
  const get = request(well(), { method: 'GET' })
  const figures = tally([get], { executions: executed([get, 2]) })
  t.equal(figures.executedTwice, 0)
  t.equal(figures.executionsPerRequest, 2)
})

await t.test('a POST that failed but was executed is shown, and one that was not executed is not', async t => {
  const [done, notDone] = [request(status), request(status)]
  t.equal(tally([done, notDone], { executions: executed([done, 1]) }).executedThoughFailed, 1)
})

await t.test('an answer for what nobody has executed was acknowledged but not done', async t => {
  const [post, get] = [request(well()), request(well(), { method: 'GET' })]
  t.equal(tally([post, get], { executions: new Map() }).acknowledgedNotDone, 2)
  t.equal(tally([post, get]).acknowledgedNotDone, 0)
})

await t.test('failed POSTs that were with the killed one are apart, answered ones are not', async t => {
  const [failed, saved, other] = [request(cut), request(well()), request(cut)]
  const figures = tally([failed, saved, other], { unavoidable: new Set([failed.id, saved.id]) })
  t.match(figures, { failed: 2, unavoidable: 1 })
})

await t.test('a request that never got an outcome counts as hung', async t => {
  t.match(tally([request(null)]), { failed: 1, hung: 1, failures: { unsettled: 1 } })
})

await t.test('the share of the injured one is that of the good answers of the last second', async t => {
  const records = [
    request(well('a'), { atMs: 500 }),
    request(well('a'), { atMs: 11_000 }),
    request(well('b'), { atMs: 11_500 }),
    request(well('c'), { atMs: 11_500 }),
    request(well('c'), { atMs: 11_999 }),
    request(status, { atMs: 11_999 }),
  ]
  t.equal(tally(records, { injured: ['a'] }).backRatio, 0.25)
  t.equal(tally(records, { injured: ['a', 'b', 'c'] }).backRatio, 0.25, 'of several the least')
  t.equal(tally(records).backRatio, null)
  t.equal(tally([], { injured: ['a'] }).backRatio, 0)
})

await t.test('latencies are of good answers, from the time that a request was due', async t => {
  const records = [
    request(well('a'), { settledAtMs: 110 }),
    request(well('b'), { settledAtMs: 130 }),
    request(well('b'), { settledAtMs: 150 }),
    request(status, { settledAtMs: 5000 }),
  ]
  t.match(tally(records, { injured: ['a'] }), { p50Ms: 30, maxMs: 50, othersP50Ms: 30, lagMaxMs: 1 })
})

await t.test('every request is either well or failed in exactly one kind', async t => {
  const outcomes = fc.constantFrom<Outcome | null>(well(), status, cut, { kind: 'wrong', detail: 'w' }, null)
  const property = fc.property(fc.array(outcomes, { maxLength: 30 }), all => {
    const figures = tally(all.map(outcome => request(outcome)))
    const kinds = Object.values(figures.failures).reduce((sum, count) => sum + count, 0)
    t.equal(figures.sent, all.length)
    t.equal(figures.well + figures.failed, figures.sent)
    t.equal(kinds, figures.failed)
  })
  fc.assert(property, { numRuns: 50 })
})

await t.test('percentiles are nearest ranks', async t => {
  const sorted = Array.from({ length: 200 }, (_, i) => i + 1)
  t.same(
    [0.5, 0.99, 1].map(share => percentile(sorted, share)),
    [100, 198, 200],
  )
  t.equal(percentile([], 0.5), 0)
  t.equal(percentile([7], 0.5), 7)
})
