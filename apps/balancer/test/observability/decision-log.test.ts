import fc from 'fast-check'
import t from 'tap'
import { DecisionLog, MAX_ID_LENGTH, MAX_LISTED } from '../../src/observability/decision-log.ts'

const EPOCH_MS = Date.parse('2026-11-21T07:00:00Z')

function logOf(size: number): DecisionLog {
  return new DecisionLog({ size, epochMs: EPOCH_MS })
}

function begin(log: DecisionLog, id: string, tryNumber = 1): number {
  return log.begin(id, tryNumber, 0, 'round-robin')
}

await t.test('a decision is kept with its candidates, who was left out, and how it ended', async t => {
  const log = logOf(10)
  const handle = log.begin('r-1', 2, 1500, 'least-connections')
  log.candidate(handle, 'a', 0.5, 1, 3)
  log.candidate(handle, 'b', Number.NaN, 2.5, 0)
  log.leftOut(handle, 'c', 'draining')
  log.choose(handle, 'picked', 'a')
  const begun = {
    requestId: 'r-1',
    atIso: '2026-11-21T07:00:01.500Z',
    tryNumber: 2,
    strategy: 'least-connections',
    kind: 'picked',
    chosen: 'a',
    candidates: [
      { id: 'a', score: 0.5, weight: 1, activeRequests: 3 },
      { id: 'b', score: null, weight: 2.5, activeRequests: 0 },
    ],
    candidateCount: 2,
    leftOut: [{ id: 'c', why: 'draining' }],
    leftOutCount: 1,
    outcome: null,
  }
  t.same(log.find('r-1'), [begun])
  log.end(handle, 502, 'refused', 'LB_ERR_UPSTREAM_CLOSED', 'Before it answered.', 'ECONNRESET', 'POST')
  const outcome = {
    status: 502,
    end: 'refused',
    errorCode: 'LB_ERR_UPSTREAM_CLOSED',
    errorDetail: 'Before it answered.',
    cause: 'ECONNRESET',
    notRetriedBecause: 'POST',
  }
  t.same(log.latest(1), [{ ...begun, outcome }])
})

await t.test('whoever chooses nobody has a decision of kind none', async t => {
  const log = logOf(2)
  log.choose(begin(log, 'before'), 'panic', 'a')
  begin(log, 'other')
  begin(log, 'r')
  t.match(log.find('r'), [{ kind: 'none', chosen: null, candidateCount: 0, leftOutCount: 0 }])
})

await t.test('the tries of a request come oldest first, and the latest decisions newest first', async t => {
  const log = logOf(10)
  begin(log, 'x', 1)
  begin(log, 'y', 1)
  begin(log, 'x', 2)
  t.same(
    log.find('x').map(view => view.tryNumber),
    [1, 2],
  )
  t.same(
    log.latest(2).map(view => `${view.requestId}${view.tryNumber}`),
    ['x2', 'y1'],
  )
  t.same(log.latest(0), [])
  t.equal(log.latest(100).length, 3)
  t.same(log.find('z'), [])
  t.same(logOf(3).latest(5), [])
})

await t.test('the first end counts', async t => {
  const log = logOf(2)
  const handle = begin(log, 'r')
  log.end(handle, 0, 'retried', null, null, null, null)
  log.end(handle, 200, 'answered', null, null, null, null)
  t.match(log.find('r'), [{ outcome: { status: 0, end: 'retried' } }])
})

await t.test('a handle whose slot was overwritten changes nothing', async t => {
  const log = logOf(2)
  const old = begin(log, 'old')
  begin(log, 'b')
  begin(log, 'new')
  log.candidate(old, 'a', 0, 1, 0)
  log.leftOut(old, 'a', 'x')
  log.choose(old, 'probe', 'a')
  log.end(old, 200, 'answered', null, null, null, null)
  t.match(log.find('new'), [{ kind: 'none', candidateCount: 0, leftOutCount: 0, outcome: null }])
  t.same(log.find('old'), [])
})

await t.test('nothing of the decision before shines through a slot that is used again', async t => {
  const log = logOf(1)
  const first = begin(log, 'a-long-id')
  for (let i = 0; i < 3; i++) {
    log.candidate(first, `c${i}`, i, i, i)
    log.leftOut(first, `l${i}`, 'x')
  }
  log.choose(first, 'panic', 'c1')
  log.end(first, 503, 'refused', 'E', 'd', 'c', 'n')
  const second = begin(log, 'b')
  log.candidate(second, 'only', 1, 1, 1)
  log.end(second, 200, 'answered', null, null, null, null)
  t.match(log.latest(5), [
    {
      requestId: 'b',
      kind: 'none',
      chosen: null,
      candidates: [{ id: 'only' }],
      candidateCount: 1,
      leftOutCount: 0,
      outcome: { status: 200, errorCode: null, errorDetail: null, cause: null, notRetriedBecause: null },
    },
  ])
  t.equal(log.latest(5).length, 1)
  t.equal(log.latest(5)[0]?.leftOut.length, 0)
})

await t.test('more than are listed are counted', async t => {
  const log = logOf(3)
  const handle = begin(log, 'r')
  for (let i = 0; i < MAX_LISTED + 5; i++) {
    log.candidate(handle, `c${i}`, i, 1, 0)
    log.leftOut(handle, `l${i}`, 'down')
  }
  const next = begin(log, 'next')
  log.candidate(next, 'c', 0, 1, 0)
  const [view] = log.find('r')
  t.equal(view?.candidates.length, MAX_LISTED)
  t.equal(view?.candidateCount, MAX_LISTED + 5)
  t.equal(view?.candidates.at(-1)?.id, `c${MAX_LISTED - 1}`)
  t.equal(view?.leftOut.length, MAX_LISTED)
  t.equal(view?.leftOutCount, MAX_LISTED + 5)
  t.match(log.find('next'), [{ candidates: [{ id: 'c' }] }])
})

await t.test('an id is kept up to its limit, and found by the whole of it', async t => {
  const log = logOf(3)
  const id = 'x'.repeat(MAX_ID_LENGTH)
  begin(log, `${id}tail`)
  begin(log, '')
  t.equal(log.find(`${id}tail`)[0]?.requestId, id)
  t.equal(log.find(id).length, 1)
  t.equal(log.find(id.slice(1)).length, 0)
  t.match(log.find(''), [{ requestId: '' }])
})

await t.test('a long detail is cut', async t => {
  const log = logOf(1)
  log.end(begin(log, 'r'), 502, 'refused', 'E', 'd'.repeat(10_000), 'c'.repeat(10_000), null)
  const outcome = log.find('r')[0]?.outcome
  t.equal(outcome?.errorDetail?.length, 512)
  t.equal(outcome?.cause?.length, 512)
})

await t.test('a ring of any size does what a list would, over many rounds', async t => {
  const call = fc.oneof(
    { weight: 4, arbitrary: fc.record({ what: fc.constant('begin' as const), id: fc.constantFrom('a', 'b', 'c') }) },
    { weight: 3, arbitrary: fc.record({ what: fc.constant('choose' as const), back: fc.nat(8) }) },
    { weight: 3, arbitrary: fc.record({ what: fc.constant('end' as const), back: fc.nat(8) }) },
  )
  const report = fc.check(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.array(call, { maxLength: 60 }), (size, calls) => {
      const log = logOf(size)
      const model: { handle: number; id: string; chosen: string | null; status: number | null }[] = []
      for (const [i, step] of calls.entries()) {
        if (step.what === 'begin') {
          model.push({ handle: begin(log, step.id), id: step.id, chosen: null, status: null })
          continue
        }
        const entry = model.at(-1 - step.back)
        if (!entry) continue
        if (step.what === 'choose') {
          log.choose(entry.handle, 'picked', String(i))
          entry.chosen = String(i)
        } else {
          log.end(entry.handle, i, 'answered', null, null, null, null)
          entry.status ??= i
        }
      }
      const expected = model.slice(-size).map(({ id, chosen, status }) => ({ id, chosen, status }))
      const seen = log.latest(size).map(({ requestId, chosen, outcome }) => ({
        id: requestId,
        chosen,
        status: outcome?.status ?? null,
      }))
      return JSON.stringify(seen.toReversed()) === JSON.stringify(expected)
    }),
    { numRuns: 300 },
  )
  t.notOk(report.failed, fc.defaultReportMessage(report) ?? '')
})
