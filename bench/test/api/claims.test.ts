import t from 'tap'
import { judgeRounds, type RouteFigures } from '../../src/api/claims.ts'

const GOOD: RouteFigures = {
  requests: 5000,
  perSecond: 2500,
  p50Ms: 38,
  p90Ms: 70,
  p95Ms: 90,
  p99Ms: 150,
  averageMs: 40,
  errors: 0,
  hits: 0.99,
  cpuUs: {},
}

await t.test('all that is claimed is met only when each round meets it', async t => {
  t.same(judgeRounds('cached', [GOOD, GOOD]), { verdict: 'met', because: [] })
  const once = judgeRounds('cached', [GOOD, { ...GOOD, p50Ms: 46, p99Ms: 301 }])
  t.same(once, { verdict: 'unclear', because: ['P50', 'P99'] })
  const never = judgeRounds('warm', [
    { ...GOOD, perSecond: 999, p90Ms: 121 },
    { ...GOOD, perSecond: 900 },
  ])
  t.same(never, { verdict: 'NOT MET', because: ['requests/s'] })
})

await t.test('a cached answer has less time, and one request of a thousand may fail', async t => {
  const slow = { ...GOOD, averageMs: 61 }
  t.same(judgeRounds('warm', [slow]).verdict, 'met')
  t.same(judgeRounds('cached', [slow]), { verdict: 'NOT MET', because: ['average'] })
  t.same(judgeRounds('cached', [{ ...GOOD, averageMs: 101 }]), { verdict: 'NOT MET', because: ['average'] })
  t.same(judgeRounds('as is', [{ ...GOOD, errors: 0.001 }]).verdict, 'met')
  t.same(judgeRounds('as is', [{ ...GOOD, errors: 0.0011 }]), { verdict: 'NOT MET', because: ['errors'] })
})
