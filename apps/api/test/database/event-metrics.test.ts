import t from 'tap'
import { channels } from '@plimsoll/db-optimizer'
import { createRegistry } from '@plimsoll/telemetry'
import type { TestScope } from '@plimsoll/testing'
import { eventMetrics } from '../../src/database/event-metrics.ts'
import { PROBE_NAME } from '../../src/database/probe.ts'

/** Samples of one figure, `name{labels} value`. */
function counting(t: TestScope) {
  const registry = createRegistry({ prefix: 'test_' })
  const stop = eventMetrics(registry, ['main'])
  t.teardown(stop)
  const samples = async (name: string) =>
    (await registry.metrics()).split('\n').filter(line => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
  return { samples, stop }
}

const finished = { slotId: 1, text: 'select 1', waitMs: 1, rows: 1, code: undefined, sqlState: undefined }

await t.test('statements are timed by name, and past a hundred names the rest are one', async t => {
  const { samples } = counting(t)
  for (let index = 0; index < 150; index += 1)
    channels.queryFinished.publish({
      ...finished,
      pool: 'main',
      name: `r.m${index}`,
      executeMs: 2,
      inTransaction: false,
    })
  channels.queryFinished.publish({ ...finished, pool: 'main', name: 'r.m7', executeMs: 2, inTransaction: false })
  const counts = await samples('db_statement_duration_seconds_count')
  t.equal(counts.length, 101)
  t.ok(counts.includes('db_statement_duration_seconds_count{name="(others)"} 50'))
  t.ok(counts.includes('db_statement_duration_seconds_count{name="r.m7"} 2'))
  const sums = await samples('db_statement_duration_seconds_sum')
  t.ok(sums.includes('db_statement_duration_seconds_sum{name="r.m7"} 0.004'), 'in seconds')
})

await t.test('waits and refusals are counted by route, and those of other databases are not', async t => {
  const { samples } = counting(t)
  for (const pool of ['main', 'main', 'other']) {
    channels.poolAcquired.publish({ pool, slotId: 1, waitedMs: 250, priority: 'normal' })
    channels.poolRefused.publish({ pool, code: 'DB_ERR_POOL_BUSY', waitedMs: 5000, priority: 'normal' })
    channels.queryFinished.publish({ ...finished, pool, name: 'r.m', executeMs: 2, inTransaction: false })
  }
  t.same(await samples('db_pool_acquire_wait_seconds_sum'), ['db_pool_acquire_wait_seconds_sum{route="main"} 0.5'])
  t.same(await samples('db_pool_refused_total'), ['db_pool_refused_total{route="main",code="DB_ERR_POOL_BUSY"} 2'])
  t.same(await samples('db_statement_duration_seconds_count'), ['db_statement_duration_seconds_count{name="r.m"} 2'])
})

await t.test('failed attempts are counted as repeated or not, those of the probe not at all', async t => {
  const { samples } = counting(t)
  const attempt = { name: 'r.m', attempt: 1, outcome: 'unknown', reason: 'connection-lost', inTransaction: false }
  channels.queryRetried.publish({ ...attempt, again: true, because: undefined })
  channels.queryRetried.publish({ ...attempt, attempt: 2, again: false, because: 'budget' })
  channels.queryRetried.publish({ ...attempt, name: PROBE_NAME, again: false, because: 'attempts' })
  t.same(await samples('db_retries_total'), ['db_retries_total{outcome="unknown",reason="connection-lost"} 1'])
  t.same(await samples('db_retries_refused_total'), ['db_retries_refused_total{because="budget"} 1'])
})

await t.test('after its end nothing is counted, and nobody listens', async t => {
  const { samples, stop } = counting(t)
  stop()
  channels.poolAcquired.publish({ pool: 'main', slotId: 1, waitedMs: 0, priority: 'normal' })
  t.same(await samples('db_pool_acquire_wait_seconds_count'), [])
  t.equal(channels.poolAcquired.hasSubscribers, false)
})
