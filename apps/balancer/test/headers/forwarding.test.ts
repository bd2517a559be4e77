import t from 'tap'
import { requestFields, responseFields } from '../../src/headers/forwarding.ts'

const client = { address: '192.0.2.7', protocol: 'http', requestId: 'r1' }
const pairs = (flat: string[]) => Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]])

await t.test('hop-by-hop fields are taken off, those that Connection names included', async t => {
  const out = requestFields(
    [
      'Host',
      'a',
      'Connection',
      'close, X-Hop',
      'X-Hop',
      '1',
      'Keep-Alive',
      'x',
      'TE',
      'trailers',
      'Upgrade',
      'h2c',
      'Accept',
      '*/*',
    ],
    client,
  )
  const names = pairs(out).map(([name]) => name?.toLowerCase())
  for (const gone of ['connection', 'x-hop', 'keep-alive', 'te', 'upgrade']) t.notOk(names.includes(gone), gone)
  t.ok(names.includes('accept'))
})

await t.test('Connection cannot take off Host or the length', async t => {
  const out = pairs(requestFields(['Host', 'a', 'Connection', 'Host, Content-Length', 'Content-Length', '3'], client))
  t.ok(out.some(([name]) => name === 'Host'))
  t.ok(out.some(([name]) => name === 'Content-Length'))
})

await t.test('what a client says about itself is replaced by what was seen', async t => {
  const out = pairs(
    requestFields(
      [
        'Host',
        'a',
        'X-Forwarded-For',
        '10.0.0.1',
        'X-Real-IP',
        '10.0.0.1',
        'Forwarded',
        'for=10.0.0.1',
        'X-Request-Id',
        'evil',
      ],
      client,
    ),
  )
  t.same(
    out.filter(([name]) => name?.toLowerCase().startsWith('x-') ?? false),
    [
      ['x-forwarded-for', '192.0.2.7'],
      ['x-forwarded-proto', 'http'],
      ['x-request-id', 'r1'],
      ['x-forwarded-host', 'a'],
    ],
  )
  t.notOk(out.some(([name]) => name === 'Forwarded'))
})

await t.test('a client never sees the load report', async t => {
  const out = pairs(
    responseFields(
      ['Content-Type', 'text/plain', 'Endpoint-Load-Metrics', 'TEXT x=1', 'Set-Cookie', 'a', 'Set-Cookie', 'b'],
      'r1',
    ),
  )
  t.same(out, [
    ['Content-Type', 'text/plain'],
    ['Set-Cookie', 'a'],
    ['Set-Cookie', 'b'],
    ['x-request-id', 'r1'],
  ])
})
