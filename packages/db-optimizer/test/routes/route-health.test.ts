import t from 'tap'
import { FakeClock } from '@plimsoll/testing'
import { RouteHealth } from '../../src/routes/route-health.ts'

function setUp() {
  const clock = new FakeClock()
  return { clock, health: new RouteHealth({ goodProbes: 3, minAwayMs: 30_000 }, clock) }
}

await t.test('a route comes home after three good probes in a row and thirty seconds, whichever is later', t => {
  const { clock, health } = setUp()
  t.equal(health.leave('unreachable'), true)
  t.equal(health.leave('circuit-open'), false, 'it has left already')
  t.match(health, { state: 'away', reason: 'unreachable', inDoubt: true })
  for (let probe = 0; probe < 5; probe++) t.equal(health.probeSucceeded(1), false)
  clock.advance(30_000)
  t.equal(health.probeSucceeded(1), true)
  t.match(health, { state: 'available', reason: undefined, inDoubt: false })

  health.leave('unreachable')
  clock.advance(60_000)
  t.equal(health.probeSucceeded(1), false)
  t.equal(health.probeSucceeded(1), false)
  t.equal(health.probeFailed('ECONNREFUSED'), false)
  t.equal(health.probeSucceeded(1), false, 'the row began again')
  t.equal(health.probeSucceeded(1), false)
  t.equal(health.probeSucceeded(1), true)
  t.end()
})

await t.test('one failed probe is a doubt, two in a row are an answer', t => {
  const { health } = setUp()
  t.equal(health.probeFailed('CONNECT_TIMEOUT'), false)
  t.match(health, { state: 'available', inDoubt: true })
  health.probeSucceeded(4)
  t.equal(health.inDoubt, false)
  health.probeFailed('CONNECT_TIMEOUT')
  t.equal(health.probeFailed('CONNECT_TIMEOUT'), true)
  t.match(health, { state: 'away', reason: 'probes-failed' })
  t.same(health.probes, {
    ok: 1,
    failed: 3,
    recentSuccessRatio: 0.25,
    lastFailure: 'CONNECT_TIMEOUT',
    lastDurationMs: 4,
  })
  t.end()
})

await t.test('the success ratio is that of the last hundred probes', t => {
  const { health } = setUp()
  t.equal(health.probes.recentSuccessRatio, null)
  for (let probe = 0; probe < 50; probe++) health.probeFailed('x')
  for (let probe = 0; probe < 99; probe++) health.probeSucceeded(1)
  t.equal(health.probes.recentSuccessRatio, 0.99)
  t.end()
})
