// The diagnostics channels of an exchange: one `started` and one `finished` for each, `retried` before each new try.
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { rawClient, rawServer, until } from '@plimsoll/testing'
import t, { type Test } from 'tap'
import type { ExchangeFinished, ExchangeRetried, ExchangeStarted } from '../src/channels.ts'
import { answerTo, final, get } from './conversation.ts'
import { startBalancer } from './start-balancer.ts'
import { answer, strictOrigin } from './strict-origin.ts'

interface Heard {
  readonly started: ExchangeStarted[]
  readonly retried: ExchangeRetried[]
  readonly finished: ExchangeFinished[]
  /** All of them in the order in which they came. */
  readonly order: string[]
}

function listen(t: Test): Heard {
  const heard: Heard = { started: [], retried: [], finished: [], order: [] }
  for (const name of ['started', 'retried', 'finished'] as const) {
    const on = (message: unknown): void => {
      ;(heard[name] as unknown[]).push(message)
      heard.order.push(name)
    }
    subscribe(`lb:exchange:${name}`, on)
    t.teardown(() => unsubscribe(`lb:exchange:${name}`, on))
  }
  return heard
}

await t.test('an exchange is told when it starts and when it has ended, with all that there is to know', async t => {
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(t, [origin.url])
  const heard = listen(t)
  await answerTo(t, balancer.port, `${get('/a?b', 'Content-Length: 3\r\n', 'POST')}abc`, 'POST')
  t.same(heard.order, ['started', 'finished'])
  const exchange = heard.finished[0]?.exchange
  t.equal(heard.started[0]?.exchange, exchange)
  t.match(exchange, {
    method: 'POST',
    target: '/a?b',
    clientAddress: '127.0.0.1',
    phase: 'finished',
    status: 200,
    end: 'answered',
    errorCode: null,
    requestBodyBytes: 3,
    retries: 0,
  })
  t.equal(exchange?.answerBodyBytes, 'POST /a?b '.length)
  t.ok(exchange && exchange.startedAtMs > 0 && exchange.pickedAtMs >= exchange.startedAtMs, 'it was picked for')
  t.ok(exchange && exchange.sentAtMs >= exchange.pickedAtMs && exchange.firstByteAtMs >= exchange.sentAtMs)
  t.ok(exchange && exchange.endedAtMs >= exchange.firstByteAtMs)
})

await t.test('a new try is told before it is made, with its reason', async t => {
  const bad = await rawServer(t, async peer => {
    if (await peer.readUntil('\r\n\r\n', { timeoutMs: 60_000 }).catch(() => null)) peer.end()
  })
  const good = await strictOrigin(t)
  const balancer = await startBalancer(t, [bad.url, good.url])
  const heard = listen(t)
  for (let i = 0; i < 2; i++) t.equal((await answerTo(t, balancer.port, get('/'))).status, 200)
  t.same(heard.order.toSorted(), ['finished', 'finished', 'retried', 'started', 'started'])
  t.equal(heard.retried[0]?.reason, 'closed')
  t.equal(heard.retried[0]?.exchange.retries, 1)
})

await t.test('what never was a whole request has an end as well', async t => {
  const origin = await strictOrigin(t)
  const balancer = await startBalancer(t, [origin.url])
  const heard = listen(t)
  await answerTo(t, balancer.port, 'nonsense\r\n\r\n')
  t.same(heard.order, ['finished'], 'it has never started')
  t.match(heard.finished[0]?.exchange, { status: 400, end: 'refused', errorCode: 'LB_ERR_BAD_REQUEST' })
})

await t.test('a client that leaves ends its exchange once', async t => {
  const origin = await strictOrigin(t, request => (request.target === '/held' ? undefined : answer('ok')))
  const balancer = await startBalancer(t, [origin.url])
  const heard = listen(t)
  const client = await rawClient(t, balancer.port)
  await client.write(get('/held'))
  await until(() => origin.seen.length === 1, { what: 'the request to arrive' })
  client.reset()
  await until(() => heard.finished.length === 1, { what: 'the exchange to end' })
  t.match(heard.finished[0]?.exchange, { end: 'client-left', status: 0 })
  const other = await rawClient(t, balancer.port)
  await other.write(get('/'))
  t.equal((await final(other)).status, 200)
  t.same(heard.order, ['started', 'finished', 'started', 'finished'])
})
