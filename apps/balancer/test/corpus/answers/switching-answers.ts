// 101 and Upgrade in answers: a tunnel is opened for a WebSocket that was asked for, and for nothing else (RFC 9110, 7.8, 15.2.2;
// RFC 6455, 4.2.2; CVE-2026-2833). What an open tunnel carries is tested elsewhere.
import { invalid, ok, relayed, two, type AnswerCase } from '../answer-case.ts'

const ASKING =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n'
const switched = (lines: string, version = '1.1') =>
  `HTTP/${version} 101 Switching Protocols\r\n${lines}Sec-WebSocket-Accept: x\r\n\r\n`
const asking = { fields: ASKING } as const

export const SWITCHING_ANSWERS: readonly AnswerCase[] = [
  // Not asked for.
  invalid('101 that nobody asked for', '9110 7.8', switched('Connection: Upgrade\r\nUpgrade: websocket\r\n')),
  invalid(
    '101 that nobody asked for, and bytes behind it',
    '9110 7.8',
    `${switched('Connection: Upgrade\r\nUpgrade: websocket\r\n')}${two()}`,
  ),
  invalid('101 to HEAD', '9110 7.8', switched('Connection: Upgrade\r\nUpgrade: websocket\r\n'), { method: 'HEAD' }),
  invalid('101 to POST that asks', '9110 7.8', switched('Connection: Upgrade\r\nUpgrade: websocket\r\n'), {
    method: 'POST',
    ...asking,
  }),
  invalid('101 to HTTP/1.0 that asks', '9110 7.8', switched('Connection: Upgrade\r\nUpgrade: websocket\r\n'), {
    version: '1.0',
    ...asking,
  }),
  invalid('101 to h2c', '9110 7.8', switched('Connection: Upgrade\r\nUpgrade: h2c\r\n'), {
    fields: 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n',
  }),
  // Not as it was asked for.
  invalid('101 without a protocol', '9110 15.2.2', switched('Connection: Upgrade\r\n'), asking),
  invalid('101 with an empty protocol', '9110 15.2.2', switched('Connection: Upgrade\r\nUpgrade:\r\n'), asking),
  invalid('101 without Connection', '9110 7.8', switched('Upgrade: websocket\r\n'), asking),
  invalid('101 with Connection: close', '9110 7.8', switched('Connection: close\r\nUpgrade: websocket\r\n'), asking),
  invalid('101 to another protocol', '9110 7.8', switched('Connection: Upgrade\r\nUpgrade: h2c\r\n'), asking),
  invalid('101 to two protocols', '9110 7.8', switched('Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n'), asking),
  invalid(
    '101 to a protocol in two lines',
    '9110 7.8',
    switched('Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n'),
    asking,
  ),
  invalid('101 of HTTP/1.0', '9110 7.8', switched('Connection: Upgrade\r\nUpgrade: websocket\r\n', '1.0'), asking),
  invalid('101 with a folded field', '9112 5.2', switched('Connection: Upgrade\r\nUpgrade:\r\n websocket\r\n'), asking),
  // Refused: ordinary answers, and the connection goes on as HTTP.
  ...[200, 400, 401, 403, 404, 500].map(status =>
    relayed(`${status} to a handshake`, '6455 4.2.2', two('', `HTTP/1.1 ${status} X`), { status, kept: true }, asking),
  ),
  relayed(
    '426 to a handshake',
    '9110 15.5.22',
    two(
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13, 8\r\n',
      'HTTP/1.1 426 Upgrade Required',
    ),
    {
      status: 426,
      fields: { upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-version': '13, 8' },
      kept: true,
    },
    asking,
  ),
  relayed(
    '426 to a request that asks for nothing',
    '9110 15.5.22',
    two('Connection: Upgrade\r\nUpgrade: websocket\r\n', 'HTTP/1.1 426 Upgrade Required'),
    {
      status: 426,
      fields: { upgrade: 'websocket' },
      kept: true,
    },
  ),
  relayed('200 that offers h2c', '9110 7.8', two('Connection: Upgrade\r\nUpgrade: h2c\r\n'), {
    fields: { upgrade: null, connection: null },
    kept: true,
  }),
  relayed('200 that offers a WebSocket', '9110 7.8', two('Connection: Upgrade\r\nUpgrade: websocket\r\n'), {
    fields: { upgrade: null, connection: null },
    kept: true,
  }),
  relayed(
    '204 to a handshake',
    '9112 6.3',
    ok('', '', 'HTTP/1.1 204 No Content'),
    { status: 204, body: '', kept: true },
    asking,
  ),
  relayed(
    '100 to a handshake, and then no',
    '9110 15.2',
    `HTTP/1.1 100 Continue\r\n\r\n${two('', 'HTTP/1.1 403 No')}`,
    { status: 403, interim: [100] },
    asking,
  ),
]
