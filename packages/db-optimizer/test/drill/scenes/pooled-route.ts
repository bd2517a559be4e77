// Scene 9: PgBouncer in transaction mode first, the server itself behind it. Sessions are terminated behind PgBouncer; then it's killed, or frozen, and
// meanwhile the direct route serves.
//
//     pooled ──killed, or frozen──► direct, whose callers see nothing of it ──started, or thawed──► pooled again, when probes have found it well
import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '@plimsoll/testing'
import type { Load } from '../load.ts'
import type { PgBouncer } from '../pgbouncer.ts'
import type { DrillDatabase, Stage } from '../stage.ts'

export type PoolerFault = 'killed' | 'frozen'

const POOLED = 'pooled'
const DIRECT = 'direct'
const TERMINATIONS = 10
const BETWEEN_TERMINATIONS_MS = [5, 30] as const
/** Of the route's watch; short, since a drill has no minute to wait. */
const ROUTING = { fallbackAfterMs: 300, probeDoubtIntervalMs: 50, returnAfterMs: 300 } as const
const BEHIND_LOCKS: ReadonlySet<string> = new Set(['DB_ERR_TIMEOUT', 'DB_ERR_POOL_BUSY'])
const CHANGE_TIMEOUT_MS = 15_000

export async function pooledRoute(stage: Stage, pooler: PgBouncer, faults: readonly PoolerFault[]): Promise<void> {
  const database = stage.database({
    ...ROUTING,
    routes: [
      { name: POOLED, url: pooler.url, pooler: true },
      { name: DIRECT, url: stage.url },
    ],
  })
  await database.warmUp()
  stage.onEnd(() => pooler.kill())
  const load = stage.load(database, { clients: 16, options: () => ({ retries: stage.random.integer(0, 2) }) })
  await stage.untilServed(load, 'by PgBouncer')
  if (database.statistics().route !== POOLED) stage.miss(`the ${database.statistics().route} route is used at first`)
  for (let i = 0; i < TERMINATIONS; i++) {
    await sleep(stage.random.integer(...BETWEEN_TERMINATIONS_MS))
    await stage.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where application_name like 'drill%' and datname = current_database() order by random() limit 1`
  }
  await stage.untilServed(load, 'after sessions behind PgBouncer were terminated')
  for (const fault of faults) {
    await untilRoute(stage, database, POOLED)
    if (fault === 'killed') await pooler.kill()
    else pooler.freeze()
    await untilRoute(stage, database, DIRECT)
    await servedAsUsual(stage, load, fault)
    if (fault === 'killed') await pooler.start()
    else pooler.thaw()
    await untilRoute(stage, database, POOLED)
    await stage.untilServed(load, `by PgBouncer, which was ${fault}`)
  }
  stage.figure(`${TERMINATIONS} sessions behind PgBouncer terminated, itself ${faults.join(', ')}`)
}

/**
 * Whoever comes while PgBouncer is known to be out of order is served as if nothing were; but sessions behind a frozen one keep the rows that they have locked,
 * and whoever wants those waits until its statement's time is over, on a connection that others wait for.
 */
async function servedAsUsual(stage: Stage, load: Load, fault: PoolerFault): Promise<void> {
  const sinceMs = performance.now()
  await stage.untilServed(load, `by the ${DIRECT} route`, 50)
  for (const { id, told, startedAtMs } of load.records) {
    if (startedAtMs < sinceMs || told.kind !== 'failed') continue
    if (fault === 'frozen' && BEHIND_LOCKS.has(told.code)) continue
    stage.miss(`${id}, begun after the fall-back to the ${DIRECT} route, was told ${told.code}`)
  }
}

async function untilRoute(stage: Stage, database: DrillDatabase, route: string): Promise<void> {
  const used = (): boolean => database.statistics().route === route
  await until(used, { what: `the ${route} route to be used`, timeoutMs: CHANGE_TIMEOUT_MS }).catch((error: unknown) => {
    stage.miss(String(error))
  })
}
