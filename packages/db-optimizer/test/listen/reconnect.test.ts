// Connections that are ended or reset: listening goes on, and no gap goes untold.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import t from 'tap'
import { FakeClock, leakCheck, until, type TestScope } from '@plimsoll/testing'
import { codeOf, emptyDatabase } from '../fixture/database.ts'
import { faultyProxy } from '../fixture/faulty-proxy.ts'
import { postgresDriver, type PostgresDriver } from '../../src/driver/postgres-driver.ts'
import { holdingProxy } from './holding-proxy.ts'
import {
  APPLICATION,
  endSession,
  FIRST_PAUSE_MS,
  listeningTo,
  newLog,
  pidOf,
  sessions,
  untilDone,
  untilState,
} from './listening.ts'

const database = await emptyDatabase(t)
const { sql, url } = database
const notify = (channel: string, payload: string) => sql`select pg_notify(${channel}, ${payload})`
// Its connections are no leak of a test.
await Promise.all(Array.from({ length: 4 }, () => sql`select pg_sleep(0.01)`))
leakCheck(t)

await t.test('a terminated session: all channels are listened to again in one statement, and each is told', async t => {
  const clock = new FakeClock()
  const { notifications } = listeningTo(t, url, {}, { timers: clock })
  const [a, b] = [newLog(), newLog()]
  await notifications.listen('a', a.onMessage, { onGap: a.onGap })
  await notifications.listen('a', a.onMessage, { onGap: a.onGap })
  await notifications.listen('b', b.onMessage, { onGap: b.onGap })
  await notify('a', 'before')
  await a.untilHeard('before')
  clock.advance(1000)
  await endSession(sql, pidOf(notifications))
  await untilState(notifications, 'waiting')
  t.match(notifications.statistics(), {
    subscriptions: 3,
    reconnectsTotal: 0,
    lastError: { code: 'DB_ERR_CONNECTION_LOST' },
    lastErrorAtMs: 1000,
  })
  await notify('a', 'lost')
  clock.advance(FIRST_PAUSE_MS)
  await a.untilGaps(2)
  await notify('a', 'after')
  await notify('b', 'after')
  await Promise.all([a.untilHeard('after'), b.untilHeard('after')])
  const gap = { sinceMs: 0, durationMs: 1000 + FIRST_PAUSE_MS, reason: 'closed-by-server' as const }
  t.same(a.entries, ['before', 'before', gap, gap, 'after', 'after'])
  t.same(b.entries, [gap, 'after'])
  t.match(await sessions(sql), [{ query: 'listen "a"; listen "b"' }])
  t.match(notifications.statistics(), { state: 'listening', reconnectsTotal: 1 })
})

await t.test('a reset: events tell of the loss before, and of the return after the subscriptions', async t => {
  const proxy = await faultyProxy(t, url)
  const order: unknown[] = []
  watch(t, 'db:listen:lost', message => order.push(['lost', message]))
  watch(t, 'db:listen:restored', message => order.push(['restored', message]))
  const { notifications } = listeningTo(t, proxy.url)
  await notifications.listen('a', () => {}, { onGap: gap => order.push(['gap', gap]) })
  const pid = pidOf(notifications)
  proxy.refuse(2)
  proxy.reset()
  await until(() => order.length === 3, { what: 'all to be told' })
  t.match(order, [
    ['lost', { pool: 'test', backendPid: pid, reason: 'connection-error', sinceMs: Number, subscriptions: 1 }],
    ['gap', { reason: 'connection-error' }],
    ['restored', { pool: 'test', backendPid: pidOf(notifications), attempts: 3, subscriptions: 1 }],
  ])
  t.match(notifications.statistics().lastError, { code: 'DB_ERR_CONNECT' }, 'of the last attempt that failed')
})

await t.test('a message in the packet of the new confirmation comes after the gap', async t => {
  const proxy = await holdingProxy(t, url)
  const { notifications } = listeningTo(t, proxy.url)
  const log = newLog()
  await notifications.listen('a', log.onMessage, { onGap: log.onGap })
  await notifications.listen('b', log.onMessage, { onGap: log.onGap })
  proxy.hold('listen "a"; listen "b"')
  await endSession(sql, pidOf(notifications))
  await untilDone(sql, 'listen "a"; listen "b"')
  await notify('b', 'early')
  await until(() => proxy.held().includes('b\0early\0'), { what: 'the message to be held' })
  proxy.release()
  await log.untilHeard('early')
  t.match(log.entries, [{ reason: String }, { reason: String }, 'early'])
})

await t.test('what came before the end of the connection is delivered before the gap', async t => {
  const proxy = await holdingProxy(t, url)
  const real = postgresDriver(proxy.url, { onnotice: () => {}, connection: { application_name: APPLICATION } })
  const sockets: Socket[] = []
  const driver: PostgresDriver = {
    ...real,
    connect: (socket, ...events) => {
      sockets.push(socket)
      return real.connect(socket, ...events)
    },
  }
  const { notifications } = listeningTo(t, proxy.url, {}, { driver })
  const log = newLog()
  await notifications.listen('a', log.onMessage, { onGap: log.onGap })
  proxy.hold()
  const late = notifications.listen('late', log.onMessage, { onGap: log.onGap })
  await untilDone(sql, 'listen "late"')
  await notify('late', '1')
  await notify('a', '2')
  await until(() => proxy.held().includes('a\x002\0'), { what: 'the messages to be held' })
  proxy.release()
  await late
  t.same(log.entries, [], 'they are read, and wait for who awaits the answer')
  sockets[0]?.destroy()
  await log.untilGaps(2)
  t.match(log.entries, ['1', '2', { reason: String }, { reason: String }])
})

await t.test(
  'who comes during an outage waits for one attempt; who was there waits for as many as it takes',
  async t => {
    const clock = new FakeClock()
    const proxy = await faultyProxy(t, url)
    const { notifications } = listeningTo(t, proxy.url, {}, { timers: clock })
    const [old, late] = [newLog(), newLog()]
    await notifications.listen('old', old.onMessage, { onGap: old.onGap })
    await endSession(sql, pidOf(notifications))
    await untilState(notifications, 'waiting')
    proxy.refuse(1)
    const refused = codeOf(notifications.listen('late', late.onMessage))
    clock.advance(FIRST_PAUSE_MS)
    t.equal(await refused, 'DB_ERR_CONNECT')
    t.match(notifications.statistics(), { state: 'waiting', subscriptions: 1 })
    const listening = notifications.listen('late', late.onMessage, { onGap: late.onGap })
    clock.advance(2 * FIRST_PAUSE_MS)
    await listening
    await notify('late', '1')
    await late.untilHeard('1')
    t.same(late.entries, ['1'], 'no gap: nothing was promised before')
    t.equal(old.gaps.length, 1)
  },
)

await t.test('a connection that is lost before it is confirmed is a failed attempt', async t => {
  const proxy = await holdingProxy(t, url)
  const { notifications } = listeningTo(t, proxy.url)
  proxy.hold('listen "a"')
  const refused = codeOf(notifications.listen('a', () => {}))
  await until(() => proxy.held().includes('LISTEN'), { what: 'LISTEN to be confirmed' })
  proxy.reset()
  t.equal(await refused, 'DB_ERR_CONNECT')
  t.match(notifications.statistics(), { state: 'idle', subscriptions: 0 })
})

await t.test('losses before the return are one gap, from the first of them', async t => {
  const clock = new FakeClock()
  const proxy = await holdingProxy(t, url)
  const { notifications } = listeningTo(t, proxy.url, {}, { timers: clock })
  const log = newLog()
  await notifications.listen('a', log.onMessage, { onGap: log.onGap })
  clock.advance(500)
  proxy.hold('listen "a"')
  proxy.reset()
  proxy.hold('listen "a"')
  await untilState(notifications, 'waiting')
  clock.advance(FIRST_PAUSE_MS)
  await until(() => proxy.held().includes('LISTEN'), { what: 'LISTEN to be confirmed' })
  proxy.reset()
  await untilState(notifications, 'waiting')
  clock.advance(2 * FIRST_PAUSE_MS)
  await log.untilGaps(1)
  t.same(log.entries, [{ sinceMs: 0, durationMs: 500 + 3 * FIRST_PAUSE_MS, reason: 'connection-error' }])
})

await t.test('a server that refuses LISTEN after a failover is tried again', async t => {
  const proxy = await holdingProxy(t, url)
  const { notifications } = listeningTo(t, proxy.url)
  const log = newLog()
  await notifications.listen('a', log.onMessage, { onGap: log.onGap })
  proxy.garble('listen', 'lizten')
  await endSession(sql, pidOf(notifications))
  await until(() => notifications.statistics().lastError?.sqlState === '42601', { what: 'a refusal' })
  proxy.garble('nothing', 'nothing')
  await log.untilGaps(1)
  t.equal(log.gaps.length, 1)
})

await t.test('a gap handler may throw, stop others, or close everything', async t => {
  const { notifications, reported } = listeningTo(t, url)
  const [stopped, log] = [newLog(), newLog()]
  const stops: (() => void)[] = []
  await notifications.listen('a', () => {}, {
    onGap: () => {
      for (const stop of stops) stop()
      throw new Error('thrown')
    },
  })
  stops.push(await notifications.listen('a', stopped.onMessage, { onGap: stopped.onGap }))
  await notifications.listen('b', log.onMessage, { onGap: log.onGap })
  await endSession(sql, pidOf(notifications))
  await log.untilGaps(1)
  t.same(stopped.entries, [])
  t.match(reported, [{ channel: 'a', during: 'gap', error: { message: 'thrown' } }])
  await notifications.listen('b', () => {}, { onGap: () => void notifications.close() })
  const last = newLog()
  await notifications.listen('b', last.onMessage, { onGap: last.onGap })
  await endSession(sql, pidOf(notifications))
  await untilState(notifications, 'closed')
  await notifications.close()
  t.same(last.entries, [])
  t.same(await sessions(sql), [])
})

await t.test('who leaves during an outage is told nothing; with the last of them the attempts end', async t => {
  const clock = new FakeClock()
  const { notifications } = listeningTo(t, url, {}, { timers: clock })
  const log = newLog()
  const stop = await notifications.listen('a', log.onMessage, { onGap: log.onGap })
  await endSession(sql, pidOf(notifications))
  await untilState(notifications, 'waiting')
  stop()
  await untilState(notifications, 'idle')
  t.equal(clock.pending, 0)
  await notifications.listen('a', log.onMessage, { onGap: log.onGap })
  await notify('a', '1')
  await log.untilHeard('1')
  t.same(log.entries, ['1'])
  t.equal(notifications.statistics().reconnectsTotal, 0)
})

await t.test('close() during an outage ends the attempts', async t => {
  const clock = new FakeClock()
  const { notifications } = listeningTo(t, url, {}, { timers: clock })
  await notifications.listen('a', () => {})
  await endSession(sql, pidOf(notifications))
  await untilState(notifications, 'waiting')
  await notifications.close()
  t.equal(clock.pending, 0)
  t.equal(notifications.statistics().state, 'closed')
})

await t.test('a connection that is ended again and again is made more and more slowly, until one lasts', async t => {
  const clock = new FakeClock()
  const { notifications } = listeningTo(t, url, {}, { timers: clock })
  const log = newLog()
  await notifications.listen('a', log.onMessage, { onGap: log.onGap })
  const pauses: number[] = []
  for (let loss = 1; loss <= 4; loss++) {
    if (loss === 4) clock.advance(5000)
    const before = clock.now()
    await endSession(sql, pidOf(notifications))
    await untilState(notifications, 'waiting')
    t.ok(clock.runNext())
    pauses.push(clock.now() - before)
    await log.untilGaps(loss)
  }
  t.same(pauses, [25, 50, 100, 25])
})

await t.test('under load, whatever is missing lies in a gap that was told', async t => {
  const { notifications } = listeningTo(t, url)
  const log = newLog()
  await notifications.listen('load', log.onMessage, { onGap: log.onGap })
  const answeredAtMs: number[] = []
  let sent = 0
  const end = new AbortController()
  const sender = (async () => {
    while (!end.signal.aborted) {
      await notify('load', String(sent))
      answeredAtMs[sent++] = performance.now()
    }
  })()
  for (let loss = 1; loss <= 5; loss++) {
    const upTo = sent + 20
    await until(() => sent >= upTo, { what: 'messages', intervalMs: 1 })
    await endSession(sql, pidOf(notifications))
    await log.untilGaps(loss)
  }
  end.abort()
  await sender
  await notify('load', 'end')
  await log.untilHeard('end')
  let next = 0
  let gapped = false
  let lost = 0
  for (const entry of log.entries) {
    if (typeof entry === 'object') {
      gapped = true
      const promised = answeredAtMs.findLastIndex(atMs => atMs < entry.sinceMs)
      t.ok(next > promised, `everything up to ${promised} was there before the gap from then on`)
    } else {
      const number = entry === 'end' ? sent : Number(entry)
      if (number !== next && !gapped) t.fail(`${next} to ${number - 1} are missing without a gap`)
      if (number < next) t.fail(`${number} came after ${next - 1}`)
      lost += number - next
      next = number + 1
      gapped = false
    }
  }
  t.equal(log.gaps.length, 5)
  t.comment(`${lost} of ${sent} messages were lost`)
})

function watch(t: TestScope, name: string, listener: (message: unknown) => void): void {
  subscribe(name, listener)
  t.teardown(() => void unsubscribe(name, listener))
}
