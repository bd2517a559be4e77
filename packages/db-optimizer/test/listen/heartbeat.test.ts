// Connections that go silent without an end: noticed by the heartbeat, and not mistaken for those that are only slow.
import { execFileSync } from 'node:child_process'
import { setImmediate as nextTurn } from 'node:timers/promises'
import path from 'node:path'
import t from 'tap'
import { FakeClock, leakCheck, until } from '@plimsoll/testing'
import { emptyDatabase } from '../fixture/database.ts'
import { faultyProxy } from '../fixture/faulty-proxy.ts'
import type { Notifications } from '../../src/listen/notifications.ts'
import { holdingProxy } from './holding-proxy.ts'
import { endSession, FIRST_PAUSE_MS, listeningTo, newLog, pidOf, sessions, untilDone, untilState } from './listening.ts'

const HEARTBEAT_MS = 10_000
const SILENCE_MS = 3000

const database = await emptyDatabase(t)
const { sql, url } = database
const notify = (channel: string, payload: string) => sql`select pg_notify(${channel}, ${payload})`
// Its connections are no leak of a test.
await Promise.all(Array.from({ length: 4 }, () => sql`select pg_sleep(0.01)`))
leakCheck(t)

const untilProven = (notifications: Notifications, atMs: number) =>
  until(() => notifications.statistics().provenAtMs === atMs, { what: `the answer of ${atMs} ms`, intervalMs: 1 })

await t.test('a connection that swallows everything is noticed by its heartbeat', async t => {
  const clock = new FakeClock()
  const proxy = await faultyProxy(t, url)
  const { notifications } = listeningTo(t, proxy.url, {}, { timers: clock })
  const log = newLog()
  await notifications.listen('a', log.onMessage, { onGap: log.onGap })
  clock.advance(HEARTBEAT_MS)
  await untilProven(notifications, HEARTBEAT_MS)
  proxy.swallow()
  await notify('a', 'lost')
  clock.advance(HEARTBEAT_MS)
  clock.advance(SILENCE_MS - 1)
  await nextTurn()
  t.equal(notifications.statistics().state, 'listening')
  clock.advance(1)
  await untilState(notifications, 'waiting')
  proxy.recover()
  clock.advance(FIRST_PAUSE_MS)
  await log.untilGaps(1)
  await notify('a', 'after')
  await log.untilHeard('after')
  t.same(log.entries, [
    {
      // When the heartbeat was sent that was answered, not when it was answered, and not when silence was noticed.
      sinceMs: HEARTBEAT_MS,
      durationMs: HEARTBEAT_MS + SILENCE_MS + FIRST_PAUSE_MS,
      reason: 'no-answer',
    },
    'after',
  ])
})

await t.test('a gap begins when the last answered statement was sent, however late its answer came', async t => {
  const clock = new FakeClock()
  const proxy = await holdingProxy(t, url)
  const { notifications } = listeningTo(t, proxy.url, {}, { timers: clock })
  const log = newLog()
  await notifications.listen('a', log.onMessage, { onGap: log.onGap })
  proxy.hold()
  clock.advance(HEARTBEAT_MS)
  await untilDone(sql, 'select 1')
  await until(() => proxy.held().includes('SELECT'), { what: 'the answer to be held' })
  clock.advance(SILENCE_MS - 1)
  proxy.release()
  await untilProven(notifications, HEARTBEAT_MS)
  await endSession(sql, pidOf(notifications))
  await untilState(notifications, 'waiting')
  clock.advance(FIRST_PAUSE_MS)
  await log.untilGaps(1)
  t.match(log.entries, [{ sinceMs: HEARTBEAT_MS, durationMs: SILENCE_MS - 1 + FIRST_PAUSE_MS }])
})

await t.test('while they are answered, heartbeats change nothing', async t => {
  const clock = new FakeClock()
  const { notifications } = listeningTo(t, url, {}, { timers: clock })
  await notifications.listen('a', () => {})
  const pid = pidOf(notifications)
  for (let beat = 1; beat <= 5; beat++) {
    clock.advance(HEARTBEAT_MS)
    await untilProven(notifications, beat * HEARTBEAT_MS)
  }
  t.match(await sessions(sql), [{ pid, query: 'select 1' }])
  t.match(notifications.statistics(), { state: 'listening', reconnectsTotal: 0 })
})

await t.test('an answer that came while this process was busy counts', async t => {
  const clock = new FakeClock()
  const { notifications } = listeningTo(t, url, {}, { timers: clock })
  await notifications.listen('a', () => {})
  clock.advance(HEARTBEAT_MS)
  // The driver writes in an immediate that it sets after some microtasks; ours runs right behind it, before anything is read.
  for (let microtask = 0; microtask < 20; microtask++) await Promise.resolve()
  await nextTurn()
  blockUntilAnswered(pidOf(notifications))
  t.equal(notifications.statistics().provenAtMs, 0, 'nothing was read yet')
  clock.advance(SILENCE_MS)
  await untilProven(notifications, HEARTBEAT_MS)
  t.match(notifications.statistics(), { state: 'listening', reconnectsTotal: 0 })
})

await t.test('messages are a sign of life: the answer may stand behind many of them', async t => {
  const clock = new FakeClock()
  const proxy = await holdingProxy(t, url)
  const { notifications } = listeningTo(t, proxy.url, {}, { timers: clock })
  const log = newLog()
  await notifications.listen('a', log.onMessage, { onGap: log.onGap })
  proxy.hold()
  await notify('a', 'slow')
  await until(() => proxy.held().includes('slow'), { what: 'the message to be held' })
  clock.advance(HEARTBEAT_MS)
  clock.advance(SILENCE_MS - 1000)
  proxy.releaseFirst()
  await log.untilHeard('slow')
  clock.advance(SILENCE_MS - 1)
  for (let turn = 0; turn < 3; turn++) await nextTurn()
  t.equal(notifications.statistics().state, 'listening')
  clock.advance(1)
  await untilState(notifications, 'waiting')
  t.equal(notifications.statistics().lastMessageAtMs, HEARTBEAT_MS + SILENCE_MS - 1000)
})

/** Waits, synchronously, until the server has answered the session's heartbeat. */
function blockUntilAnswered(pid: number): void {
  const source = `
    import postgres from 'postgres'
    const sql = postgres(process.argv[1], { max: 1 })
    for (;;) {
      const rows = await sql\`select from pg_stat_activity where pid = ${pid} and state = 'idle' and query = 'select 1'\`
      if (rows.length > 0) break
    }
    await sql.end()`
  const cwd = path.resolve(import.meta.dirname, '../..')
  execFileSync(process.execPath, ['--input-type=module', '--eval', source, url], { cwd, timeout: 5000 })
}
