import t from 'tap'
import { createLimits } from '@plimsoll/http1'
import { headOf, inAllPieces, octetsOf, parseRequests, parseResponses, verdict } from './recorder.ts'

const request = (fields: string, version = '1.1', rest = ''): Buffer =>
  octetsOf(`GET / HTTP/${version}\r\nHost: a\r\n${fields.replaceAll('\n', '\r\n')}\r\n\r\n${rest}`)
const response = (fields: string, version = '1.1'): Buffer =>
  octetsOf(`HTTP/${version} 200 OK\r\nContent-Length: 0\r\n${fields.replaceAll('\n', '\r\n')}\r\n\r\n`)

/** Names of the fields that are not to be forwarded. */
const dropped = (octets: Buffer): string[] =>
  headOf(inAllPieces(octets, parseRequests))
    .fields.filter(([, , hopByHop]) => hopByHop)
    .map(([name]) => name)

const KEPT_ALIVE: readonly (readonly [fields: string, inHttp11: boolean, inHttp10: boolean])[] = [
  ['A: b', true, false],
  ['Connection: keep-alive', true, true],
  ['Connection: Keep-Alive', true, true],
  ['Connection: close', false, false],
  ['Connection: CLOSE\t', false, false],
  ['Connection: close, keep-alive', false, false],
  ['Connection: keep-alive\nConnection: close', false, false],
  ['Connection: x, close', false, false],
  ['Connection: keep-alive \t, x', true, true],
  ['Connection: close ,x', false, false],
  ['Connection: , ,keep-alive, ,', true, true],
  ['Connection:', true, false],
  ['Connection: closed', true, false],
  ['Connection: keep-aliv', true, false],
  ['Keep-Alive: timeout=5', true, false],
  ['Proxy-Connection: close', true, false],
  ['Proxy-Connection: keep-alive', true, false],
]

await t.test('the version and Connection say whether a connection lives; close wins', async t => {
  for (const [fields, inHttp11, inHttp10] of KEPT_ALIVE) {
    t.equal(headOf(inAllPieces(request(fields), parseRequests)).keepAlive, inHttp11, fields)
    t.equal(headOf(inAllPieces(request(fields, '1.0'), parseRequests)).keepAlive, inHttp10, fields)
    t.equal(headOf(inAllPieces(response(fields), parseResponses)).keepAlive, inHttp11, fields)
    t.equal(headOf(inAllPieces(response(fields, '1.0'), parseResponses)).keepAlive, inHttp10, fields)
  }
})

await t.test('a Connection that is no list of tokens is refused', async t => {
  for (const value of ['close;a', 'a b', '"close"', 'a=b', 'close/1', '(close)', 'a, b c', '\xe9', '@']) {
    t.equal(verdict(inAllPieces(request(`Connection: ${value}`), parseRequests)), 'HTTP1_ERR_CONNECTION', value)
    t.equal(verdict(inAllPieces(response(`Connection: ${value}`), parseResponses)), 'HTTP1_ERR_CONNECTION', value)
  }
})

await t.test('more options than the limit are refused, over all lines together', async t => {
  const limits = createLimits({ maxConnectionOptions: 3 })
  const parse = (octets: Buffer, cuts: readonly number[]) => parseRequests(octets, cuts, limits)
  t.equal(verdict(inAllPieces(request('Connection: a, b\nConnection: close'), parse)), 'idle')
  t.equal(verdict(inAllPieces(request('Connection: a, b\nConnection: close, c'), parse)), 'HTTP1_ERR_CONNECTION')
  t.equal(verdict(parseRequests(request(`Connection: ${'a,'.repeat(65)}`))), 'HTTP1_ERR_CONNECTION')
  const three = request('Connection: a, b, c')
  t.equal(verdict(parse(Buffer.concat([three, three, three]), [])), 'idle', 'they are counted anew for each request')
})

await t.test('fields that concern one connection are not forwarded, named or not', async t => {
  const names = [
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'Proxy-Authenticate',
    'Proxy-Authorization',
    'Proxy-Authentication-Info',
    'TE',
    'Upgrade',
    'HTTP2-Settings',
    'X_Forwarded_For',
    'Content_Length',
  ]
  t.same(dropped(request(['A: b', 'Trailer: A', ...names.map(name => `${name}: x`)].join('\n'))), names)
})

await t.test(
  'fields that Connection names are not forwarded, in any case, every line of them, wherever they stand',
  async t => {
    t.same(dropped(request('X-One: 1\nConnection: x-ONE, Cookie\nX-Two: 2\nx-one: 3\nCookie: c')), [
      'X-One',
      'Connection',
      'x-one',
      'Cookie',
    ])
    t.same(dropped(request('Connection: a\nB: 1\nConnection: close, b,\nA: 2\nAB: 3')), [
      'Connection',
      'B',
      'Connection',
      'A',
    ])
    t.same(dropped(request('Connection: x-missing, keep-alive\nX-There: 1')), ['Connection'])
    t.same(dropped(request('Connection: x^, a|\nX~: 1\nX^: 2')), ['Connection', 'X^'], 'only letters have a case')
    const fields = headOf(
      inAllPieces(response('Connection: Set-Cookie\nSet-Cookie: a\nB: c\nSet-Cookie: d'), parseResponses),
    ).fields
    t.same(
      fields.filter(([, , hopByHop]) => !hopByHop).map(([name]) => name),
      ['Content-Length', 'B'],
    )
  },
)

await t.test('naming Host, Content-Length or Transfer-Encoding takes nothing away from the message', async t => {
  const octets = octetsOf(
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: host, content-length, transfer-encoding\r\nContent-Length: 3\r\n\r\nabc',
  )
  const outcome = inAllPieces(octets, parseRequests)
  t.equal(headOf(outcome).host, 'a')
  t.equal(headOf(outcome).contentLength, 3)
  t.equal(outcome.finish, 'idle')
})

await t.test('fields that Connection names are dropped from the trailer section too', async t => {
  const octets = octetsOf(
    'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: X-SUM, etag\r\n\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\nx-sum: 3\r\nETag: "4"\r\n\r\n',
  )
  const trailers = inAllPieces(octets, parseRequests).events.find(event => event.type === 'trailers')
  t.same(trailers, {
    type: 'trailers',
    fields: [
      ['X-Sum', '1', true],
      ['X-Other', '2', false],
      ['x-sum', '3', true],
      ['ETag', '"4"', true],
    ],
  })
  const next = octetsOf('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\n')
  const both = parseRequests(Buffer.concat([octets, next])).events.filter(event => event.type === 'trailers')
  t.same(both[1]?.fields, [['X-Sum', '1', false]], 'and not from those of the next message')
})

await t.test('an upgrade is asked for in HTTP/1.1, by Connection and Upgrade together', async t => {
  const of = (octets: Buffer) => {
    const { upgrade, upgradeToWebSocket } = headOf(inAllPieces(octets, parseRequests))
    return [upgrade, upgradeToWebSocket]
  }
  t.same(of(request('Connection: Upgrade\nUpgrade: websocket')), [true, true])
  t.same(of(request('Connection: keep-alive, upgrade\nUpgrade: WebSocket')), [true, true])
  t.same(of(request('Upgrade: websocket\nConnection: upgrade')), [true, true])
  t.same(of(request('Connection: upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: x')), [true, false])
  t.same(of(request('Connection: upgrade\nUpgrade: websocket, h2c')), [true, false])
  t.same(of(request('Connection: upgrade\nUpgrade: h2c\nUpgrade: websocket')), [true, false])
  t.same(of(request('Connection: upgrade')), [false, false])
  t.same(of(request('Connection: upgrade\nUpgrade:')), [false, false])
  t.same(of(request('Upgrade: websocket')), [false, false])
  t.same(of(request('Connection: upgrades\nUpgrade: websocket')), [false, false])
  t.same(of(request('Connection: upgrade\nUpgrade: websocket', '1.0')), [false, false])
})

await t.test('Expect asks for 100 where content is announced in HTTP/1.1; any other expectation is told', async t => {
  const of = (fields: string, version = '1.1', rest = '') => {
    const { expectContinue, expectUnknown } = headOf(parseRequests(request(fields, version, rest)))
    return [expectContinue, expectUnknown]
  }
  t.same(of('Expect: 100-continue\nContent-Length: 1', '1.1', 'a'), [true, false])
  t.same(of('Expect: 100-CONTINUE\nTransfer-Encoding: chunked', '1.1', '0\r\n\r\n'), [true, false])
  t.same(of('Expect: 100-continue, 100-continue\nContent-Length: 1', '1.1', 'a'), [true, false])
  t.same(of('Expect: 100-continue'), [false, false], 'nothing to continue with')
  t.same(of('Expect: 100-continue\nContent-Length: 0'), [false, false])
  t.same(of('Expect: 100-continue\nContent-Length: 1', '1.0', 'a'), [false, false])
  t.same(of('Expect: x', '1.0'), [false, false])
  t.same(of('Expect: x'), [false, true])
  t.same(of('Expect: 100-continue;a=b'), [false, true])
  t.same(of('Expect: y 100-continue\nContent-Length: 1', '1.1', 'a'), [false, true])
  t.same(of('Expect: 100-continue\nExpect: x\nContent-Length: 1', '1.1', 'a'), [true, true])
  t.same(
    of('Connection: expect\nExpect: 100-continue\nContent-Length: 1', '1.1', 'a'),
    [false, false],
    'it goes no further',
  )
})

await t.test('TE tells whether trailers are taken', async t => {
  const of = (value: string): boolean => headOf(parseRequests(request(`TE: ${value}`))).acceptsTrailers
  t.equal(of('trailers'), true)
  t.equal(of('deflate, Trailers'), true)
  t.equal(of('trailers, deflate;q=0.5'), true)
  t.equal(of('deflate'), false)
  t.equal(of(''), false)
})
