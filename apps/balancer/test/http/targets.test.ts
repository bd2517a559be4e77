// Request targets and Host: the four forms (RFC 9112, 3.2), what's refused, and that no target ever chooses where a request goes.
import t from 'tap'
import { answerTo, ask, get, problemOf } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { strictOrigin } from '../strict-origin.ts'

const origin = await strictOrigin(t)
const elsewhere = await strictOrigin(t)
const balancer = await startBalancer(t, [origin.url])
const seen = () => origin.seen.at(-1)
const request = (line: string, host: string | null = 'a.test') =>
  `${line} HTTP/1.1\r\n${host === null ? '' : `Host: ${host}\r\n`}\r\n`

const PASSED: readonly (readonly [line: string, host: string, target: string, seenHost: string])[] = [
  ['GET /', 'a.test', '/', 'a.test'],
  ['GET /a/b?c=d&e=%20f', 'A.Test:8080', '/a/b?c=d&e=%20f', 'A.Test:8080'],
  ['GET http://a.test/x?y', 'a.test', '/x?y', 'a.test'],
  ['GET http://a.test', 'a.test', '/', 'a.test'],
  ['GET http://a.test?q', 'a.test', '/?q', 'a.test'],
  ['GET HTTP://A.TEST/x', 'a.test', '/x', 'A.TEST'],
  ['GET http://a.test:80/x', 'a.test', '/x', 'a.test:80'],
  ['OPTIONS *', 'a.test', '*', 'a.test'],
  ['OPTIONS http://a.test', 'a.test', '*', 'a.test'],
  // GHSA-qmw8-3v4g-gwj4 and its kind: a path that looks like a host stays a path.
  ['GET //evil.test/x', 'a.test', '//evil.test/x', 'a.test'],
  ['GET /@evil.test/x', 'a.test', '/@evil.test/x', 'a.test'],
  ['GET //user:pw@evil.test:1/x', 'a.test', '//user:pw@evil.test:1/x', 'a.test'],
  ['GET /http://evil.test/', 'a.test', '/http://evil.test/', 'a.test'],
  ['GET /../../etc/passwd', 'a.test', '/../../etc/passwd', 'a.test'],
  ['GET /a/%2e%2e/b', 'a.test', '/a/%2e%2e/b', 'a.test'],
  ['GET /;x=y//', 'a.test', '/;x=y//', 'a.test'],
  ['GET /', '[::1]:80', '/', '[::1]:80'],
  ['GET /', 'a.test:', '/', 'a.test'],
  ['get /', 'a.test', '/', 'a.test'],
  ['M-SEARCH /', 'a.test', '/', 'a.test'],
]

for (const [line, host, target, seenHost] of PASSED) {
  await t.test(`passed: ${line}, Host: ${host}`, async t => {
    const response = await answerTo(t, balancer.port, request(line, host))
    t.equal(response.status, 200)
    t.equal(seen()?.target, target)
    t.equal(seen()?.header('host'), seenHost)
    t.equal(seen()?.method, line.split(' ')[0])
  })
}

const REFUSED: readonly (readonly [line: string, host: string | null, status: number])[] = [
  ['GET /', null, 400],
  ['GET /', 'a.test\r\nHost: b.test', 400],
  ['GET /', 'a.test\r\nhost: a.test', 400],
  ['GET /', '', 400],
  ['GET /', 'a.test, b.test', 400],
  ['GET /', 'user@a.test', 400],
  ['GET /', 'a.test:abc', 400],
  ['GET /', 'a.test:80:80', 400],
  ['GET /', 'a.test:99999', 400],
  ['GET /', 'a.test/path', 400],
  ['GET /', 'a.test?q', 400],
  ['GET /', 'a.test#f', 400],
  ['GET /', 'a\\b', 400],
  ['GET /', '[::1', 400],
  ['GET /', '::1', 400],
  ['GET /', '[::g]', 400],
  ['GET /', 'a b', 400],
  ['GET /', 'http://a.test', 400],
  ['GET /', 'a.test%0d', 200],
  ['GET /', 'a%zz', 400],
  ['GET http://b.test/', 'a.test', 400],
  ['GET http://a.test:81/', 'a.test', 400],
  ['GET http://user@a.test/', 'a.test', 400],
  ['GET http:///x', 'a.test', 400],
  ['GET http://', 'a.test', 400],
  ['GET ftp://a.test/', 'a.test', 400],
  ['GET file:///etc/passwd', 'a.test', 400],
  ['GET a.test/x', 'a.test', 400],
  ['GET @evil.test/x', 'a.test', 400],
  ['GET x', 'a.test', 400],
  ['GET *', 'a.test', 400],
  // CVE-2023-45539
  ['GET /a#b', 'a.test', 400],
  ['GET /a%', 'a.test', 400],
  ['GET /a%0', 'a.test', 400],
  ['GET /a%zz', 'a.test', 400],
  ['GET /a\\b', 'a.test', 400],
  ['GET /a"b', 'a.test', 400],
  ['GET /a<b', 'a.test', 400],
  ['GET /a\x7f', 'a.test', 400],
  ['GET /\xe9', 'a.test', 400],
  ['G(T /', 'a.test', 400],
  ['TRACE /', 'a.test', 501],
  ['CONNECT evil.test:443', 'evil.test:443', 501],
  ['CONNECT /', 'a.test', 400],
  ['CONNECT evil.test', 'evil.test', 400],
]

for (const [line, host, status] of REFUSED) {
  await t.test(`${status}: ${line}, Host: ${JSON.stringify(host)}`, async t => {
    const before = origin.seen.length
    const response = await answerTo(t, balancer.port, request(line, host))
    t.equal(response.status, status)
    if (status === 200) return
    t.match(problemOf(response), { status, source: 'client' })
    t.equal(origin.seen.length, before)
  })
}

await t.test('a target never chooses the endpoint, whatever it and Host say', async t => {
  for (const line of [
    `GET http://127.0.0.1:${elsewhere.port}/`,
    `GET //127.0.0.1:${elsewhere.port}/`,
    `GET /@127.0.0.1:${elsewhere.port}/`,
  ])
    await answerTo(t, balancer.port, request(line, `127.0.0.1:${elsewhere.port}`))
  t.equal(elsewhere.seen.length, 0)
})

await t.test('the same on an upgrade', async t => {
  const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n'
  for (const target of ['//evil.test/x', '/@evil.test']) {
    await answerTo(t, balancer.port, get(target, upgrade))
    t.equal(seen()?.target, target)
  }
  for (const target of ['@evil.test', 'ws://a.test/', 'a#b'])
    t.equal((await answerTo(t, balancer.port, get(target, upgrade))).status, 400)
})

await t.test('CONNECT is refused and the connection closed: what follows was meant for a tunnel', async t => {
  const { client, answers } = await ask(
    t,
    balancer.port,
    `CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n${get('/smuggled')}`,
  )
  t.equal(answers[0]?.status, 501)
  client.end()
  t.equal((await client.readAll()).length, 0)
})

await t.test('TRACE is refused and the connection goes on', async t => {
  const { answers } = await ask(t, balancer.port, get('/', 'Max-Forwards: 0\r\n', 'TRACE') + get('/next'), [
    'GET',
    'GET',
  ])
  t.equal(answers[0]?.status, 501)
  t.notMatch(answers[0]?.body.toString(), /Max-Forwards/, 'nothing of the request is echoed')
  t.equal(answers[1]?.body.toString(), 'GET /next ')
})

await t.test('with the letter of RFC 3986 only its characters pass', async t => {
  const strict = await startBalancer(t, [origin.url], ['--limits.target-characters=rfc3986'])
  for (const target of ['/a[b]', '/a|b', '/a{b}', '/a^b', '/?a=%'])
    t.same(
      [(await answerTo(t, balancer.port, get(target))).status, (await answerTo(t, strict.port, get(target))).status],
      [200, 400],
      target,
    )
})
