import t from 'tap'
import { judgeFlood, type Round } from '../../src/sign-in-flood/judgement.ts'
import { renderFlood } from '../../src/sign-in-flood/table.ts'
import { FAILURES_PER_ACCOUNT, VARIANTS } from '../../src/sign-in-flood/variants.ts'

const LIMITED = VARIANTS.find(({ isLimited }) => isLimited)
const UNLIMITED = VARIANTS.find(({ isLimited }) => !isLimited)
if (LIMITED === undefined || UNLIMITED === undefined) throw new Error('a limited one and another')

/** A hundred reads of 1 ms, but for those above the 98th percentile. */
const reads = (p99Ms: number, failed = 0) => ({
  sent: 100,
  latenciesMs: Array.from({ length: 100 }, (_, i) => (i < 98 ? 1 : p99Ms)),
  outcomes: { '200': 100 - failed, ...(failed > 0 ? { '503 LB_ERR_BUSY': failed } : {}) },
  lagP99Ms: 0,
})
const round = (calmMs: number, floodedMs: number, outcomes: Record<string, number>, failed = 0): Round => ({
  calm: { reads: reads(calmMs), cpuUs: { API: 1000, balancer: 100 } },
  flooded: {
    reads: reads(floodedMs, failed),
    logins: { sent: 50, latenciesMs: [], outcomes, lagP99Ms: 0 },
    cpuUs: { API: 11_000, balancer: 600 },
  },
})
const refused = { '429 API_ERR_RATE_LIMITED': 45, '401 API_ERR_CREDENTIALS': 5 }

await t.test('the ratio of the 99th percentiles is taken round by round', async t => {
  const rounds = [round(4, 6, refused), round(10, 10, refused), round(3, 6, refused)]
  const judged = judgeFlood(LIMITED, 10, rounds)
  t.match(judged, { p99Ms: { calm: 4, flooded: 6 }, ratio: { median: 1.5, low: 1, high: 2 }, verdict: 'met' })
  t.match(judged, { logins: 150, hashed: 15, hashedAtMost: 10 * FAILURES_PER_ACCOUNT, failedReads: 0 })
  t.same(judged.outcomes, { '429 API_ERR_RATE_LIMITED': 135, '401 API_ERR_CREDENTIALS': 15 })
  t.same(judged.cpuUsPerLogin, { API: 200, balancer: 10 })
  t.equal(judgeFlood(LIMITED, 10, [round(4, 6, refused), round(4, 9, refused)]).verdict, 'unclear')
  t.equal(judgeFlood(LIMITED, 10, [round(4, 9, refused)]).verdict, 'NOT MET')
})

await t.test(
  'fast reads are worth nothing when one of them failed, or more was hashed than the limits allow',
  async t => {
    t.equal(judgeFlood(LIMITED, 10, [round(4, 4, refused, 1)]).verdict, 'NOT MET')
    t.equal(judgeFlood(LIMITED, 1, [round(4, 4, { '401 API_ERR_CREDENTIALS': 6, '429': 44 })]).verdict, 'NOT MET')
    const unlimited = judgeFlood(UNLIMITED, 1, [round(4, 4, { '401 API_ERR_CREDENTIALS': 50 })])
    t.match(unlimited, { verdict: 'met', hashed: 50, hashedAtMost: null })
  },
)

await t.test(
  'a wrong password that lets somebody in ends everything, and so does a fault that is not the password',
  async t => {
    for (const outcome of ['200', '404', '400 API_ERR_VALIDATION', '500 API_ERR_INTERNAL']) {
      t.throws(() => judgeFlood(LIMITED, 10, [round(4, 4, { ...refused, [outcome]: 1 })]), {
        message: `a login with a wrong password ended with ${outcome}`,
      })
    }
  },
)

await t.test('the table has both windows, and what became of the logins', async t => {
  const judged = judgeFlood(LIMITED, 10, [round(4, 6, refused)])
  const text = renderFlood([{ ...judged, name: 'one address', rounds: 1 }])
  t.match(text, /one address +1\.00 +1\.00 +4\.00 +6\.00 +1\.50 \(1\.50-1\.50\) +0 +met/)
  t.match(text, /50 wrong logins: 429 API_ERR_RATE_LIMITED 45 \(90 %\), 401 API_ERR_CREDENTIALS 5 \(10 %\)/)
  t.match(text, /hashed: 5; the limits let 50 through at most/)
  t.match(text, /CPU µs of a login: API 200, balancer 10/)
})
