// Listening while all goes well, and what handlers and callers may do to it.
import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { leakCheck, until } from '@plimsoll/testing'
import { codeOf, emptyDatabase } from '../fixture/database.ts'
import { faultyProxy } from '../fixture/faulty-proxy.ts'
import { holdingProxy } from './holding-proxy.ts'
import { endSession, listeningTo, newLog, pidOf, sessions, untilDone } from './listening.ts'

const database = await emptyDatabase(t)
const { sql, url } = database
const notify = (channel: string, payload: string) => sql`select pg_notify(${channel}, ${payload})`
// Its connections are no leak of a test.
await Promise.all(Array.from({ length: 4 }, () => sql`select pg_sleep(0.01)`))
leakCheck(t)

await t.test('two channels, several handlers each; case and quotes of a name are kept', async t => {
  const { notifications } = listeningTo(t, url)
  const [a, again, b] = [newLog(), newLog(), newLog()]
  const odd = `Users "x"; select 1 --`
  await Promise.all([
    notifications.listen(odd, a.onMessage),
    notifications.listen(odd, again.onMessage),
    notifications.listen('users', b.onMessage),
  ])
  await notify(odd, 'for a')
  await notify('Users', 'for nobody')
  await notify('users', '')
  await notify('users', 'for b: ä🚢')
  await b.untilHeard('for b: ä🚢')
  t.same([a.entries, again.entries, b.entries], [['for a'], ['for a'], ['', 'for b: ä🚢']])
  t.match(notifications.statistics(), {
    state: 'listening',
    subscriptions: 3,
    channels: 2,
    reconnectsTotal: 0,
    messagesTotal: 3,
    lastError: undefined,
  })
  t.ok((notifications.statistics().lastMessageAtMs ?? Infinity) <= performance.now())
})

await t.test('1,000 messages of two channels come in the order in which they were sent', async t => {
  const { notifications } = listeningTo(t, url)
  const log = newLog()
  await notifications.listen('even', log.onMessage)
  await notifications.listen('odd', log.onMessage)
  for (let first = 1; first <= 1000; first += 50) {
    await sql`select pg_notify(case when i % 2 = 0 then 'even' else 'odd' end, i::text) from generate_series(${first}::int, ${first}::int + 49) i`
  }
  await log.untilHeard('1000')
  t.same(
    log.entries,
    Array.from({ length: 1000 }, (_, i) => String(i + 1)),
  )
})

await t.test('a function that listens twice is called twice, and stops one at a time', async t => {
  const { notifications } = listeningTo(t, url)
  const log = newLog()
  const stop = await notifications.listen('twice', log.onMessage)
  await notifications.listen('twice', log.onMessage)
  await notify('twice', '1')
  await log.untilHeard('1')
  stop()
  stop()
  t.equal(notifications.statistics().subscriptions, 1, 'stop() twice takes one')
  await notify('twice', '2')
  await log.untilHeard('2')
  t.same(log.entries, ['1', '1', '2'])
})

await t.test('the connection opens with the first subscription and closes with the last', async t => {
  const { notifications } = listeningTo(t, url)
  t.equal(notifications.statistics().state, 'idle')
  t.same(await sessions(sql), [])
  const stops = await Promise.all([notifications.listen('a', () => {}), notifications.listen('b', () => {})])
  t.match(await sessions(sql), [{ pid: notifications.statistics().backendPid, query: 'listen "a"; listen "b"' }])
  for (const stop of stops) stop()
  await until(async () => (await sessions(sql)).length === 0, { what: 'the session to end' })
  t.equal(notifications.statistics().state, 'idle')
  const log = newLog()
  await notifications.listen('a', log.onMessage, { onGap: log.onGap })
  await notify('a', 'again')
  await log.untilHeard('again')
  t.same(log.entries, ['again'], 'a new beginning is no gap')
  t.equal(notifications.statistics().reconnectsTotal, 0)
})

await t.test('handlers do not run in the asynchronous context of whoever listened first', async t => {
  const { notifications } = listeningTo(t, url)
  const request = new AsyncLocalStorage<string>()
  const log = newLog()
  const seen: unknown[] = []
  const onMessage = (payload: string): void => {
    seen.push(request.getStore())
    log.onMessage(payload)
  }
  const listen = (): Promise<unknown> =>
    notifications.listen('a', onMessage, {
      onGap: gap => {
        seen.push(request.getStore())
        log.onGap(gap)
      },
    })
  await request.run('first', listen)
  await request.run('second', listen)
  await notify('a', '1')
  await log.untilHeard('1')
  await endSession(sql, pidOf(notifications))
  await log.untilGaps(2)
  await notify('a', '2')
  await log.untilHeard('2')
  t.same(seen, Array.from({ length: 6 }))
})

await t.test('the server is told when the last handler of a channel leaves', async t => {
  const { notifications } = listeningTo(t, url)
  const kept = newLog()
  await notifications.listen('kept', kept.onMessage)
  const first = await notifications.listen('left', () => {})
  const second = await notifications.listen('left', () => {})
  await notifications.listen('other', () => {})
  first()
  await notify('kept', 'one left')
  await kept.untilHeard('one left')
  t.match(await sessions(sql), [{ query: 'listen "other"' }])
  second()
  await untilDone(sql, 'unlisten "left"')
  t.equal(notifications.statistics().channels, 2)
})

await t.test(
  'listen, stop, listen in one turn ends subscribed; so does stop, listen on a channel that is heard',
  async t => {
    const { notifications } = listeningTo(t, url)
    const log = newLog()
    const stop = await notifications.listen('turn', () => t.fail('it was stopped'))
    stop()
    const listening = notifications.listen('turn', log.onMessage)
    await listening
    await notify('turn', '1')
    await log.untilHeard('1')
    ;(await listening)()
    // The session is on its way out now.
    const next = notifications.listen('turn', log.onMessage)
    await next
    ;(await next)()
    await notifications.listen('turn', log.onMessage)
    await notify('turn', '2')
    await log.untilHeard('2')
    t.same(log.entries, ['1', '2'])
  },
)

await t.test('a subscription during the UNLISTEN of its channel is listened to afterwards', async t => {
  const proxy = await holdingProxy(t, url)
  const { notifications } = listeningTo(t, proxy.url)
  const [kept, log] = [newLog(), newLog()]
  await notifications.listen('kept', kept.onMessage)
  const stop = await notifications.listen('again', () => {})
  proxy.hold()
  stop()
  await untilDone(sql, 'unlisten "again"')
  const order: string[] = []
  const listening = notifications.listen('again', log.onMessage).then(() => order.push('confirmed'))
  await notify('again', 'nobody listens')
  order.push('released')
  proxy.release()
  await listening
  t.same(order, ['released', 'confirmed'], 'by the server, and not from memory')
  await notify('again', 'heard')
  await log.untilHeard('heard')
  t.same(log.entries, ['heard'])
})

await t.test('messages in the packet of the answer come after listen() has resolved, in their order', async t => {
  const proxy = await holdingProxy(t, url)
  const { notifications } = listeningTo(t, proxy.url)
  const order: string[] = []
  await notifications.listen('before', payload => order.push(payload))
  proxy.hold()
  const listening = notifications
    .listen('late', payload => order.push(payload))
    .then(async stop => {
      await Promise.resolve()
      order.push('resolved')
      return stop
    })
  await untilDone(sql, 'listen "late"')
  await notify('before', '1')
  await notify('late', '2')
  await notify('before', '3')
  await until(() => proxy.held().includes('before\x003\0'), { what: 'the messages to be held' })
  proxy.release()
  await listening
  await until(() => order.length === 4, { what: 'all to be told' })
  t.same(order, ['1', 'resolved', '2', '3'])
})

await t.test('a handler that throws or rejects is reported, and nobody else is hurt', async t => {
  const { notifications, reported } = listeningTo(t, url)
  const log = newLog()
  await notifications.listen('hurt', () => {
    throw new Error('thrown')
  })
  await notifications.listen('hurt', async () => {
    await nextTurn()
    throw new Error('rejected')
  })
  await notifications.listen('hurt', log.onMessage)
  await notify('hurt', '1')
  await notify('hurt', '2')
  await log.untilHeard('2')
  await until(() => reported.length === 4, { what: 'four reports' })
  t.match(
    reported.filter(({ error }) => (error as Error).message === 'rejected'),
    [
      { channel: 'hurt', during: 'message' },
      { channel: 'hurt', during: 'message' },
    ],
  )
  t.same(log.entries, ['1', '2'])
  t.match(notifications.statistics(), { state: 'listening', handlerErrorsTotal: 4, reconnectsTotal: 0 })
})

await t.test('an onError that throws changes nothing', async t => {
  const { notifications } = listeningTo(
    t,
    url,
    {},
    {
      onError: () => {
        throw new Error('from onError')
      },
    },
  )
  const log = newLog()
  await notifications.listen('worse', () => {
    throw new Error('from the handler')
  })
  await notifications.listen('worse', log.onMessage)
  await notify('worse', '1')
  await log.untilHeard('1')
  t.equal(notifications.statistics().handlerErrorsTotal, 1)
})

await t.test('after stop() nothing is delivered, also of the message that is being told', async t => {
  const { notifications } = listeningTo(t, url)
  const [after, witness] = [newLog(), newLog()]
  const stops: (() => void)[] = []
  await notifications.listen('stopping', () => {
    for (const stop of stops) stop()
  })
  stops.push(await notifications.listen('stopping', after.onMessage))
  await notifications.listen('stopping', witness.onMessage)
  await sql`select pg_notify('stopping', i::text) from generate_series(1, 3) i`
  await witness.untilHeard('3')
  t.same(after.entries, [])
})

await t.test('after close() nothing is delivered, and nothing is taken', async t => {
  const { notifications } = listeningTo(t, url)
  const log = newLog()
  await notifications.listen('closing', payload => {
    log.onMessage(payload)
    void notifications.close()
  })
  await notifications.listen('closing', payload => log.onMessage(`second: ${payload}`))
  await sql`select pg_notify('closing', i::text) from generate_series(1, 3) i`
  await log.untilHeard('1')
  await notifications.close()
  await notify('closing', '4')
  t.same(await sessions(sql), [])
  t.same(log.entries, ['1'])
  t.equal(await codeOf(notifications.listen('closing', () => {})), 'DB_ERR_CLOSED')
  t.match(notifications.statistics(), { state: 'closed', subscriptions: 0, channels: 0 })
})

await t.test('who is pending at close() is refused', async t => {
  const proxy = await holdingProxy(t, url)
  const { notifications } = listeningTo(t, proxy.url)
  await notifications.listen('there', () => {})
  proxy.hold()
  const pending = codeOf(notifications.listen('pending', () => {}))
  await untilDone(sql, 'listen "pending"')
  const unopened = listeningTo(t, proxy.url).notifications
  const opening = codeOf(unopened.listen('pending', () => {}))
  await nextTurn()
  t.equal(unopened.statistics().state, 'connecting')
  await Promise.all([notifications.close(), unopened.close()])
  t.same(await Promise.all([pending, opening]), ['DB_ERR_CLOSED', 'DB_ERR_CLOSED'])
  proxy.release()
})

await t.test('when the server can not be reached, listen() says so; later it can', async t => {
  const proxy = await faultyProxy(t, url)
  const { notifications } = listeningTo(t, proxy.url)
  const log = newLog()
  proxy.refuse(1)
  const outcomes = await Promise.all([
    codeOf(notifications.listen('a', log.onMessage)),
    codeOf(notifications.listen('b', log.onMessage)),
  ])
  t.same(outcomes, ['DB_ERR_CONNECT', 'DB_ERR_CONNECT'])
  t.match(notifications.statistics(), { state: 'idle', subscriptions: 0, lastError: { code: 'DB_ERR_CONNECT' } })
  await notifications.listen('a', log.onMessage)
  await notify('a', 'heard')
  await log.untilHeard('heard')
})

await t.test('what the server refuses at the door is said with its SQLSTATE', async t => {
  const wrong = new URL(url)
  wrong.password = 'wrong'
  const { notifications } = listeningTo(t, wrong.href)
  const error: unknown = await notifications.listen('a', () => {}).catch((error: unknown) => error)
  t.match(error, { code: 'DB_ERR_CONNECT', sqlState: '28P01', message: /127\.0\.0\.1:\d+, 28P01/ })
  t.notMatch(String(error), /wrong/)
})

await t.test('a LISTEN that the server refuses is refused alone', async t => {
  const proxy = await holdingProxy(t, url)
  const { notifications } = listeningTo(t, proxy.url)
  const log = newLog()
  await notifications.listen('good', log.onMessage)
  proxy.garble('listen "bad"', 'lizten "bad"')
  const refused: unknown = await notifications.listen('bad', () => {}).catch((error: unknown) => error)
  t.match(refused, { code: 'DB_ERR_QUERY', sqlState: '42601' })
  await notify('good', 'heard')
  await log.untilHeard('heard')
  t.match(notifications.statistics(), {
    state: 'listening',
    subscriptions: 1,
    reconnectsTotal: 0,
    lastError: { code: 'DB_ERR_QUERY' },
  })
})

await t.test('so is the first, and the connection is closed', async t => {
  const proxy = await holdingProxy(t, url)
  const { notifications } = listeningTo(t, proxy.url)
  proxy.garble('listen', 'lizten')
  t.equal(await codeOf(notifications.listen('bad', () => {})), 'DB_ERR_QUERY')
  await until(async () => (await sessions(sql)).length === 0, { what: 'the session to end' })
  t.match(notifications.statistics(), { state: 'idle', subscriptions: 0 })
})

await t.test('wrong arguments are named', async t => {
  const { notifications } = listeningTo(t, url)
  const refused = (...args: unknown[]): Promise<string> =>
    codeOf((notifications.listen as (...args: unknown[]) => Promise<unknown>).apply(notifications, args))
  t.equal(await refused('', () => {}), 'DB_ERR_OPTION')
  t.equal(await refused('x'.repeat(64), () => {}), 'DB_ERR_OPTION')
  t.equal(await refused('x', 'no function'), 'DB_ERR_OPTION')
  t.equal(await refused('x', () => {}, { onGap: 1 }), 'DB_ERR_OPTION')
  t.equal(await refused('x', () => {}, { ongap: () => {} }), 'DB_ERR_OPTION')
  t.match(notifications.statistics(), { state: 'idle', subscriptions: 0 })
})
