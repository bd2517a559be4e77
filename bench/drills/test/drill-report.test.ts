import t from 'tap'
import type { DrillResult } from '../src/drill.ts'
import { renderComparison, renderDrill } from '../src/drill-report.ts'
import { FULL_PLAN } from '../src/phases.ts'
import { tallyPhase } from '../src/tally.ts'

const empty = tallyPhase({ records: [], executions: new Map(), durationMs: 1, injured: [], unavoidable: new Set() })
const [, killed] = FULL_PLAN.phases

function result(proxy: string, more: Partial<DrillResult> = {}): DrillResult {
  if (!killed) throw new Error('the plan is empty')
  const tally = {
    ...empty,
    sent: 3600,
    well: 3589,
    failed: 11,
    failedGets: 4,
    unavoidable: 1,
    failures: { cut: 1, '504 LB_ERR_UPSTREAM_TIMEOUT': 10 },
    backRatio: 0.3333,
    wrongDetails: [],
  }
  const misses = [{ phase: 'killed', what: 'failed 0.28 %, at most 0' }]
  return {
    proxy,
    version: '1.2.3',
    plan: 'full',
    judgesLimits: true,
    seed: 1,
    phases: [{ phase: killed, tally, misses }],
    socketsAfter: { listening: 2, upstream: 9, upstreamClosing: 0, client: 0 },
    stray: [],
    misses,
    generatorCpu: 0.08,
    proxyCpu: 0.04,
    dyingMs: 12,
    ...more,
  }
}

await t.test('a report shows figures beside their limits, kinds of failures, and what is not met', async t => {
  const text = renderDrill(result('plimsoll'))
  for (const line of [
    /^plimsoll 1\.2\.3, full drill, seed 1$/m,
    /killed {2}3,600 +11 {2}0\.31 % +0 {2}33\.3 % +25\.0 % .* NOT MET$/m,
    /killed: 10 × 504 LB_ERR_UPSTREAM_TIMEOUT, 1 × cut, 4 of them GETs, 1 POSTs with the killed one/,
    /the killed one took 12 ms/,
    /2 listening, 9 idle to upstreams, 0 to upstreams that have closed, 0 of clients/,
    /NOT MET, killed: failed 0\.28 %, at most 0/,
  ])
    t.match(text, line)
  t.notMatch(text, /LATE/)
})

await t.test('a drill that judges no limits shows none', async t => {
  t.notMatch(renderDrill(result('plimsoll', { judgesLimits: false, misses: [] })), /to reach|every figure/)
  t.match(renderDrill(result('plimsoll', { misses: [] })), /every figure is met/)
})

await t.test('a generator that was late is said loudly', async t => {
  const { phases } = result('plimsoll')
  const late = phases.map(one => ({ ...one, tally: { ...one.tally, lagP99Ms: 251 } }))
  t.match(
    renderDrill(result('plimsoll', { phases: late })),
    /\*\*\* THE GENERATOR WAS LATE in "killed", by 251 ms at p99/,
  )
})

await t.test('bytes without a request, wrong answers and unknown sockets are shown', async t => {
  const { phases } = result('plimsoll')
  const wrong = phases.map(one => ({ ...one, tally: { ...one.tally, wrongDetails: ['not the answer'] } }))
  const text = renderDrill(
    result('plimsoll', { phases: wrong, stray: ['bytes: "x"'], socketsAfter: null, dyingMs: null }),
  )
  for (const line of [/^ {4}not the answer$/m, /^ {2}bytes: "x"$/m, /sockets afterwards: not known/])
    t.match(text, line)
})

await t.test('several proxies stand side by side', async t => {
  t.match(
    renderComparison([result('plimsoll'), result('nginx', { phases: [] })]),
    /failed +plimsoll +nginx +to reach\n +killed +0\.31 % +0\n/,
  )
  t.equal(renderComparison([]), '')
})
