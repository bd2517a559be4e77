// How the end of an answer is shown: to HTTP/1.1 and HTTP/1.0 clients, for answers of every framing, with trailers both ways.
import t from 'tap'
import { rawClient } from '@plimsoll/testing'
import { answerTo, ask, final, get } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { answer, strictOrigin } from '../strict-origin.ts'

const origin = await strictOrigin(t, (request, peer) => {
  switch (request.target) {
    case '/chunked':
      return 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\nContent-Length: 9\r\n\r\n'
    case '/until-close':
      void peer.write('HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nuntil the close').then(() => peer.end())
      return undefined
    case '/http10':
      void peer.write('HTTP/1.0 200 OK\r\n\r\nfrom an old server').then(() => peer.end())
      return undefined
    case '/http10-keep':
      return 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nkept'
    case '/204':
      return 'HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n'
    case '/304':
      return 'HTTP/1.1 304 Not Modified\r\nContent-Length: 1234\r\nETag: "x"\r\n\r\n'
    case '/205':
      return 'HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n'
    case '/head':
      return `HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n${request.method === 'HEAD' ? '' : 'abcde'}`
    case '/head-chunked':
      return 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
    case '/empty':
      return 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
    case '/empty-chunked':
      return 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'
    case '/no-reason':
      return 'HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok'
    default:
      return answer(`${request.method} ${request.body.toString()}`)
  }
})
const balancer = await startBalancer(t, [origin.url])
const old = (target: string, fields = '') => `GET ${target} HTTP/1.0\r\nHost: a.test\r\n${fields}\r\n`

await t.test('chunks go on as chunks, without extensions, with their trailers and without forbidden ones', async t => {
  const response = await answerTo(t, balancer.port, get('/chunked'))
  t.equal(response.framing, 'chunked')
  t.equal(response.body.toString(), 'abcde')
  t.same(response.trailers, [['X-Sum', '5']])
  t.equal(response.header('trailer'), 'X-Sum')
  t.notMatch(response.raw.toString(), 'ext=1')
})

await t.test('an answer that lasts until the close goes on in chunks, and the connection lives', async t => {
  const { answers } = await ask(t, balancer.port, get('/until-close') + get('/http10') + get('/'), [
    'GET',
    'GET',
    'GET',
  ])
  t.equal(answers[0]?.framing, 'chunked')
  t.equal(answers[0]?.body.toString(), 'until the close')
  t.equal(answers[0]?.header('x-a'), 'b')
  t.equal(answers[1]?.body.toString(), 'from an old server')
  t.equal(answers[1]?.version, 'HTTP/1.1', 'our version, not the endpoint’s (RFC 9112, 2.3)')
  t.equal(answers[2]?.body.toString(), 'GET ')
})

await t.test('to HTTP/1.0 chunks are unwrapped and the close is the end', async t => {
  for (const target of ['/chunked', '/until-close', '/empty-chunked']) {
    const client = await rawClient(t, balancer.port)
    await client.write(old(target, 'Connection: keep-alive\r\n'))
    const all = (await client.readAll()).toString()
    t.match(all, /^HTTP\/1\.1 200 /)
    t.match(all, /\r\nConnection: close\r\n/)
    t.notMatch(all, /Transfer-Encoding|Trailer:/i)
    t.equal(
      all.split('\r\n\r\n')[1],
      { '/chunked': 'abcde', '/until-close': 'until the close', '/empty-chunked': '' }[target],
    )
  }
})

await t.test('an HTTP/1.0 connection ends unless it asked to be kept (RFC 9112, 9.3)', async t => {
  const client = await rawClient(t, balancer.port)
  await client.write(old('/') + old('/'))
  const all = (await client.readAll()).toString()
  t.equal(all.match(/HTTP\/1\.1 200/g)?.length, 1, 'one answer, then the close')
  t.match(all, /\r\nConnection: close\r\n/)

  const { answers } = await ask(
    t,
    balancer.port,
    old('/', 'Connection: Keep-Alive\r\n') + old('/', 'Connection: keep-alive\r\n') + old('/'),
    ['GET', 'GET', 'GET'],
  )
  t.same(
    answers.map(response => response.header('connection')),
    ['keep-alive', 'keep-alive', 'close'],
  )
})

await t.test('an HTTP/1.0 request reaches the endpoint as HTTP/1.1 with a Host', async t => {
  await answerTo(t, balancer.port, 'GET /no-host HTTP/1.0\r\n\r\n')
  const seen = origin.seen.at(-1)
  t.equal(seen?.version, 'HTTP/1.1')
  t.equal(seen?.header('host'), `127.0.0.1:${balancer.port}`, 'the address that it came to (RFC 9112, 3.3)')
  t.equal(seen?.header('x-forwarded-host'), undefined, 'which the client has not said')
  t.match(seen?.header('via'), /^1\.0 /)
})

await t.test('a kept HTTP/1.0 endpoint is used again', async t => {
  await answerTo(t, balancer.port, get('/http10-keep'))
  const first = origin.seen.at(-1)?.connection
  await answerTo(t, balancer.port, get('/'))
  t.equal(origin.seen.at(-1)?.connection, first)
})

await t.test('204, 304, 205, HEAD and empty answers have their framing, and the next answer follows', async t => {
  const targets = ['/204', '/304', '/205', '/empty', '/empty-chunked', '/no-reason']
  for (const target of targets) {
    const { answers } = await ask(t, balancer.port, get(target) + get('/'), ['GET', 'GET'])
    t.equal(answers[1]?.body.toString(), 'GET ', target)
    if (target === '/204') {
      t.equal(answers[0]?.header('content-length'), undefined)
      t.equal(answers[0]?.header('transfer-encoding'), undefined)
    }
    if (target === '/304') t.equal(answers[0]?.header('content-length'), '1234')
  }
  const { answers } = await ask(
    t,
    balancer.port,
    get('/head', '', 'HEAD') + get('/head-chunked', '', 'HEAD') + get('/'),
    ['HEAD', 'HEAD', 'GET'],
  )
  t.equal(answers[0]?.header('content-length'), '5')
  t.equal(answers[2]?.body.toString(), 'GET ')
})

await t.test('the balancer’s own answer to HEAD has no body either', async t => {
  const client = await rawClient(t, balancer.port)
  await client.write('HEAD / HTTP/1.1\r\nHost: a b\r\n\r\n')
  t.equal((await final(client, 'HEAD')).status, 400)
  client.end()
  t.equal((await client.readAll()).length, 0)
})

await t.test(
  'trailers of a request reach the endpoint, but none that would change its meaning (RFC 9110, 6.5.1)',
  async t => {
    const response = await answerTo(
      t,
      balancer.port,
      `${get('/', 'Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n', 'POST')}3\r\nabc\r\n0\r\nX-Sum: 3\r\nHost: evil\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\nAuthorization: x\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n`,
      'POST',
    )
    t.equal(response.body.toString(), 'POST abc')
    t.same(origin.seen.at(-1)?.trailers, [['X-Sum', '3']])
  },
)

await t.test('a body goes on framed as it came: by length, in chunks, or not at all', async t => {
  await answerTo(t, balancer.port, `${get('/', 'Content-Length: 3\r\n', 'POST')}abc`, 'POST')
  t.equal(origin.seen.at(-1)?.framing, 'content-length')
  await answerTo(
    t,
    balancer.port,
    `${get('/', 'Transfer-Encoding: chunked\r\n', 'DELETE')}3\r\nabc\r\n0\r\n\r\n`,
    'DELETE',
  )
  t.equal(origin.seen.at(-1)?.framing, 'chunked')
  t.equal(origin.seen.at(-1)?.body.toString(), 'abc', 'a DELETE keeps its body')
  await answerTo(t, balancer.port, get('/', 'Content-Length: 0\r\n', 'POST'), 'POST')
  t.equal(origin.seen.at(-1)?.header('content-length'), '0')
  await answerTo(t, balancer.port, get('/', '', 'POST'), 'POST')
  t.equal(origin.seen.at(-1)?.framing, 'none')
})
