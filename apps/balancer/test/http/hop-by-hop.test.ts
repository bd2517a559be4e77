// What concerns one connection only goes no further, in both directions (RFC 9110, 7.6.1); and what Connection names can't take away
// what the balancer itself has to say.
import t from 'tap'
import { answerTo, get } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { answer, strictOrigin } from '../strict-origin.ts'

let fields = ''
const origin = await strictOrigin(t, () => answer('ok', fields))
const balancer = await startBalancer(t, [origin.url])
const seen = () => origin.seen.at(-1)

await t.test('hop-by-hop fields of a request are not passed on', async t => {
  await answerTo(
    t,
    balancer.port,
    get(
      '/',
      'Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\nProxy-Authorization: Basic x\r\nProxy-Authenticate: Basic\r\nHTTP2-Settings: x\r\nUpgrade: h2c\r\nX-Kept: 1\r\n',
    ),
  )
  for (const name of [
    'connection',
    'keep-alive',
    'proxy-connection',
    'te',
    'proxy-authorization',
    'proxy-authenticate',
    'http2-settings',
    'upgrade',
  ])
    t.equal(seen()?.header(name), undefined, name)
  t.equal(seen()?.header('x-kept'), '1')
})

await t.test('whatever Connection names is not passed on, in any case and over several lines', async t => {
  await answerTo(
    t,
    balancer.port,
    get(
      '/',
      'Connection: X-One, x-two\r\nX-One: 1\r\nX-Two: 2\r\nx-TWO: 3\r\nX-Three: 3\r\nCookie: a=b\r\nConnection: x-three, Cookie,, Expect, Via\r\nX-Four: 4\r\nVia: 1.1 before\r\n',
    ),
  )
  for (const name of ['x-one', 'x-two', 'x-three', 'cookie']) t.equal(seen()?.header(name), undefined, name)
  t.equal(seen()?.header('x-four'), '4')
  t.equal(seen()?.header('via'), '1.1 plimsoll')
})

await t.test('Connection can name neither the length, nor the host, nor what says who the client is', async t => {
  await answerTo(
    t,
    balancer.port,
    `${get('/', 'Connection: Content-Length, Host, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, Forwarded, X-Request-Id, X-Real-IP\r\nContent-Length: 3\r\nX-Forwarded-For: 6.6.6.6\r\n', 'POST')}abc`,
    'POST',
  )
  t.equal(seen()?.header('content-length'), '3')
  t.equal(seen()?.body.toString(), 'abc')
  t.equal(seen()?.header('host'), 'a.test')
  t.equal(seen()?.header('x-forwarded-for'), '127.0.0.1')
  t.equal(seen()?.header('x-forwarded-proto'), 'http')
  t.equal(seen()?.header('x-forwarded-host'), 'a.test')
  t.match(seen()?.header('forwarded'), 'for=127.0.0.1')
  t.ok(seen()?.header('x-request-id'))

  await answerTo(
    t,
    balancer.port,
    `${get('/', 'Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n', 'POST')}3\r\nabc\r\n0\r\n\r\n`,
    'POST',
  )
  t.equal(seen()?.framing, 'chunked')
  t.equal(seen()?.body.toString(), 'abc')
})

await t.test('what Connection names goes out of the trailers too', async t => {
  await answerTo(
    t,
    balancer.port,
    `${get('/', 'Connection: x-hop\r\nTransfer-Encoding: chunked\r\n', 'POST')}3\r\nabc\r\n0\r\nX-Hop: 1\r\nX-Kept: 2\r\n\r\n`,
    'POST',
  )
  t.same(seen()?.trailers, [['X-Kept', '2']])
})

await t.test('a Connection field that is no list is refused: it might have said close', async t => {
  for (const value of ['close;x', '"close"', 'a b', 'close@'])
    t.equal((await answerTo(t, balancer.port, get('/', `Connection: ${value}\r\n`))).status, 400, value)
})

await t.test('hop-by-hop fields of an answer are not passed on, nor whatever its Connection names', async t => {
  fields =
    'Connection: keep-alive, X-Hop, Set-Cookie\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\nX-Hop: 1\r\nSet-Cookie: a=b\r\nUpgrade: h2c\r\nTE: trailers\r\nProxy-Authenticate: x\r\nX-Kept: 2\r\n'
  const response = await answerTo(t, balancer.port, get('/'))
  for (const name of [
    'connection',
    'keep-alive',
    'proxy-connection',
    'x-hop',
    'set-cookie',
    'upgrade',
    'te',
    'proxy-authenticate',
  ])
    t.equal(response.header(name), undefined, name)
  t.equal(response.header('x-kept'), '2')
  t.equal(response.header('content-length'), '2')
  fields = ''
})

await t.test("an answer's Connection can't take its length away", async t => {
  fields = 'Connection: Content-Length, X-Request-Id, Date\r\n'
  const response = await answerTo(t, balancer.port, get('/'))
  t.equal(response.header('content-length'), '2')
  t.equal(response.body.toString(), 'ok')
  t.ok(response.header('x-request-id'))
  fields = ''
})

await t.test('everything else passes unchanged: order, case, repetition, octets', async t => {
  const given =
    'Accept:*/*\r\nX-A:  spaced out \t\r\nx-a: again\r\nX-Bytes: caf\xe9\r\nX-Empty:\r\nCookie: a=b; c=d\r\n'
  await answerTo(t, balancer.port, get('/', given))
  t.same(
    seen()?.headers.filter(([name]) => /^(accept|x-a|x-bytes|x-empty|cookie)$/i.test(name)),
    [
      ['Accept', '*/*'],
      ['X-A', 'spaced out'],
      ['x-a', 'again'],
      ['X-Bytes', 'caf\xe9'],
      ['X-Empty', ''],
      ['Cookie', 'a=b; c=d'],
    ],
  )
  fields =
    'Set-Cookie: a=b\r\nSet-Cookie: c=d\r\nX-Bytes: \xe9\r\nServer: behind\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n'
  const response = await answerTo(t, balancer.port, get('/'))
  t.same(
    response.headers.filter(([name]) => name === 'Set-Cookie').map(([, value]) => value),
    ['a=b', 'c=d'],
  )
  t.equal(response.header('x-bytes'), '\xe9')
  t.equal(response.header('date'), 'Thu, 01 Jan 1970 00:00:00 GMT')
  fields = ''
})
