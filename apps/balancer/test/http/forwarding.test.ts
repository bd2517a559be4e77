// Who the client is, as the endpoint is told: from the connection, or from a peer that's trusted to say it, and from nobody else.
import t from 'tap'
import { rawClient } from '@plimsoll/testing'
import { answerTo, final, get } from '../conversation.ts'
import { startBalancer } from '../start-balancer.ts'
import { answer, strictOrigin } from '../strict-origin.ts'

const origin = await strictOrigin(t, request =>
  request.method === 'OPTIONS'
    ? answer('', 'Allow: GET\r\n')
    : answer('ok', 'X-Request-Id: theirs\r\nEndpoint-Load-Metrics: TEXT cpu=0.3\r\n'),
)
const plain = await startBalancer(t, [origin.url])
const trusting = await startBalancer(t, [origin.url], ['--trusted-proxies=127.0.0.0/8', '--trusted-proxies=10.0.0.0/8'])
const seen = () => origin.seen.at(-1)

const CLAIMS =
  'X-Forwarded-For: 203.0.113.7, 10.1.1.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.test\r\nX-Forwarded-Port: 443\r\nX-Forwarded-Prefix: /p\r\nForwarded: for=203.0.113.7;proto=https\r\nX-Real-IP: 203.0.113.7\r\nX-Request-Id: outer-1\r\nX-Request-Deadline-Ms: 500\r\nX-Request-Priority: critical\r\nVia: 1.1 outer\r\n'

await t.test("a client's own claims are not believed", async t => {
  const response = await answerTo(t, plain.port, get('/', CLAIMS))
  t.equal(seen()?.header('x-forwarded-for'), '127.0.0.1')
  t.equal(seen()?.header('x-forwarded-proto'), 'http')
  t.equal(seen()?.header('x-forwarded-host'), 'a.test')
  t.equal(seen()?.header('forwarded'), 'for=127.0.0.1;host="a.test";proto=http')
  for (const name of ['x-forwarded-port', 'x-forwarded-prefix', 'x-real-ip', 'x-request-priority'])
    t.equal(seen()?.header(name), undefined, name)
  const leftMs = Number(seen()?.header('x-request-deadline-ms'))
  t.ok(leftMs > 20_000 && leftMs <= 30_000, 'our own total, not what it claims')
  t.not(seen()?.header('x-request-id'), 'outer-1')
  t.equal(response.header('x-request-id'), seen()?.header('x-request-id'), 'the same id on both sides, and once')
  t.equal(seen()?.header('via'), '1.1 outer, 1.1 plimsoll')
})

await t.test('names that only look like them to a CGI gateway are dropped', async t => {
  await answerTo(
    t,
    plain.port,
    get('/', 'X_Forwarded_For: 6.6.6.6\r\nX-Forwarded_Proto: https\r\nContent_Length: 3\r\n'),
  )
  for (const [name] of seen()?.headers ?? []) t.notMatch(name, /_/)
})

await t.test("a trusted peer's claims are continued", async t => {
  const response = await answerTo(t, trusting.port, get('/', CLAIMS))
  t.equal(seen()?.header('x-forwarded-for'), '203.0.113.7, 10.1.1.1, 127.0.0.1')
  t.equal(seen()?.header('x-forwarded-proto'), 'https')
  t.equal(seen()?.header('x-forwarded-host'), 'shop.test')
  t.equal(seen()?.header('x-forwarded-port'), '443')
  t.equal(seen()?.header('x-forwarded-prefix'), '/p')
  t.equal(seen()?.header('forwarded'), 'for=203.0.113.7;proto=https, for=127.0.0.1;host="a.test";proto=http')
  t.equal(seen()?.header('x-real-ip'), '203.0.113.7', 'the client, and once')
  t.equal(seen()?.header('x-request-id'), 'outer-1')
  t.equal(response.header('x-request-id'), 'outer-1')
  const leftMs = Number(seen()?.header('x-request-deadline-ms'))
  t.ok(leftMs > 0 && leftMs <= 500, 'what is left of the time that it gives')
  t.equal(seen()?.header('x-request-priority'), 'critical')
})

await t.test('X-Real-IP is the client by the list of trusted proxies, and never what anybody wrote there', async t => {
  const real = async (fields: string) => {
    await answerTo(t, trusting.port, get('/', `X-Real-IP: 198.51.100.1\r\n${fields}`))
    return seen()
      ?.headers.filter(([name]) => name.toLowerCase() === 'x-real-ip')
      .map(([, value]) => value)
  }
  t.same(await real('X-Forwarded-For: 6.6.6.6, 203.0.113.7:51000, 10.0.0.1\r\n'), ['203.0.113.7'])
  t.same(await real('X-Forwarded-For: nonsense\r\n'), [], 'the peer is the client')
  t.same(await real(''), [])
})

await t.test('what a trusted peer says is still looked at', async t => {
  await answerTo(t, trusting.port, get('/', 'X-Request-Id: a b\r\nX-Forwarded-Proto: javascript\r\n'))
  t.not(seen()?.header('x-request-id'), 'a b')
  t.equal(seen()?.header('x-forwarded-proto'), 'http')
  await answerTo(t, trusting.port, get('/', `X-Request-Id: ${'x'.repeat(129)}\r\n`))
  t.ok((seen()?.header('x-request-id')?.length ?? 999) < 129)
})

await t.test('several lines of a list are one list', async t => {
  await answerTo(t, trusting.port, get('/', 'X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 10.0.0.1\r\n'))
  t.equal(seen()?.header('x-forwarded-for'), '203.0.113.7, 10.0.0.1, 127.0.0.1')
})

await t.test(
  "the endpoint's load report and its own request id don't reach the client; Date is added once",
  async t => {
    const response = await answerTo(t, plain.port, get('/'))
    t.equal(response.header('endpoint-load-metrics'), undefined)
    t.not(response.header('x-request-id'), 'theirs')
    t.match(response.header('date'), /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/)
  },
)

await t.test('Max-Forwards of OPTIONS is counted down, and 0 is answered here (RFC 9110, 7.6.2)', async t => {
  await answerTo(t, plain.port, get('*', 'Max-Forwards: 5\r\n', 'OPTIONS'), 'OPTIONS')
  t.equal(seen()?.header('max-forwards'), '4')
  await answerTo(t, plain.port, get('*', 'Max-Forwards: 99999999999999\r\n', 'OPTIONS'), 'OPTIONS')
  t.match(seen()?.header('max-forwards'), /^\d{1,9}$/)
  const before = origin.seen.length
  const response = await answerTo(t, plain.port, get('/x', 'Max-Forwards: 0\r\n', 'OPTIONS'), 'OPTIONS')
  t.equal(response.status, 200)
  t.match(response.header('allow'), 'GET')
  t.equal(origin.seen.length, before)
  await answerTo(t, plain.port, get('/', 'Max-Forwards: 0\r\n'))
  t.equal(seen()?.header('max-forwards'), '0', 'it means nothing for GET, and passes')
})

await t.test('an IPv6 client stands in brackets and quotes where the grammar asks for it (RFC 7239, 6)', async t => {
  const v6 = await startBalancer(t, [origin.url], ['--listen=[::1]:0'])
  const client = await rawClient(t, { port: v6.port, host: '::1' })
  await client.write(get('/'))
  t.equal((await final(client)).status, 200)
  t.equal(seen()?.header('x-forwarded-for'), '::1')
  t.equal(seen()?.header('forwarded'), 'for="[::1]";host="a.test";proto=http')
})
