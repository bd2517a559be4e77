// A server of this test's own, which crashes, and which is stopped and started again.
import { startLocalPostgres } from '@plimsoll/local-postgres'
import { startTemporaryPostgres, until } from '@plimsoll/testing'
import postgres from 'postgres'
import t from 'tap'
import { listeningTo, newLog } from './listening.ts'

const first = await startTemporaryPostgres({ maxConnections: 20 })
let restarted: { stop(mode: 'immediate'): Promise<void> } | undefined
t.teardown(async () => {
  await restarted?.stop('immediate')
  await first.stop()
})
const url = first.adminUrl

/** On a client of its own: others don't outlive a restart. */
async function notify(payload: string): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  await sql`select pg_notify('news', ${payload})`
  await sql.end()
}

const { notifications } = listeningTo(t, url)
const log = newLog()
await notifications.listen('news', log.onMessage, { onGap: log.onGap })

await t.test('a server that crashes and recovers is listened to again', async t => {
  await notify('before')
  await log.untilHeard('before')
  // The server ends all sessions when one of its processes is killed, and recovers before it lets anybody in.
  process.kill(notifications.statistics().backendPid ?? 0, 'SIGKILL')
  await log.untilGaps(1)
  await notify('after the crash')
  await log.untilHeard('after the crash')
  t.match(log.entries, ['before', { durationMs: Number }, 'after the crash'])
})

await t.test('so is one that was stopped and started again; meanwhile the statistics say why', async t => {
  const { folder, port } = first.server
  await first.server.stop('fast')
  await until(() => notifications.statistics().lastError?.reason === 'ECONNREFUSED', { what: 'a refused attempt' })
  t.match(notifications.statistics(), { state: /waiting|connecting/, subscriptions: 1, reconnectsTotal: 1 })
  restarted = await startLocalPostgres({ folder, port, durability: 'off', stopOnExit: true })
  await log.untilGaps(2)
  await notify('after the restart')
  await log.untilHeard('after the restart')
  t.equal(log.gaps.length, 2)
  t.match(notifications.statistics(), { state: 'listening', reconnectsTotal: 2 })
  await notifications.close()
})
