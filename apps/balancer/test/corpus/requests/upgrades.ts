// Upgrade: passed on for a WebSocket and for nothing else; anything else is an ordinary request (RFC 9110, 7.8; RFC 6455, 4). The
// origin of this corpus never switches; tunnels have tests of their own.
import { last, passed, refused, request, SMUGGLED, type RequestCase } from '../request-case.ts'

const KEY = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n'
const ordinary = { fields: { upgrade: null, connection: null } } as const
const asked = {
  fields: {
    upgrade: 'websocket',
    connection: 'Upgrade',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-version': '13',
  },
} as const

export const UPGRADES: readonly RequestCase[] = [
  passed('a WebSocket', '6455 4.1', request(`Connection: Upgrade\r\nUpgrade: websocket\r\n${KEY}`), asked),
  passed(
    'a WebSocket in other cases',
    '6455 4.2.1',
    request(`connection: keep-alive, UPGRADE\r\nupgrade: WebSocket\r\n${KEY}`),
    {
      fields: { ...asked.fields, upgrade: 'WebSocket' },
    },
  ),
  passed(
    'a WebSocket with protocols and extensions',
    '6455 4.1',
    request(
      `Connection: Upgrade\r\nUpgrade: websocket\r\n${KEY}Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Extensions: permessage-deflate\r\nOrigin: http://a.test\r\n`,
    ),
    {
      fields: {
        ...asked.fields,
        'sec-websocket-protocol': 'a, b',
        'sec-websocket-extensions': 'permessage-deflate',
        origin: 'http://a.test',
      },
    },
  ),
  passed(
    'a WebSocket with a length of 0',
    '6455 4.1',
    request(`Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n${KEY}`),
    asked,
  ),
  passed(
    'an origin that does not switch: the next request is a request (CVE-2026-2833)',
    '9110 7.8',
    request(`Connection: Upgrade\r\nUpgrade: websocket\r\n${KEY}`),
    asked,
  ),
  {
    name: 'bytes behind a handshake that is answered with 200 are the next request',
    rfc: '9110 7.8',
    send: request(`Connection: Upgrade\r\nUpgrade: websocket\r\n${KEY}`) + request('', '', 'GET /next HTTP/1.1'),
    answers: [asked, { target: '/next' }],
    lives: true,
  },
  ...(
    [
      ['h2c', 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n'],
      ['h2c without its settings', 'Connection: Upgrade\r\nUpgrade: h2c\r\n'],
      ['h2c in other cases', 'Connection: upgrade\r\nUpgrade: H2C\r\n'],
      ['TLS', 'Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n'],
      ['HTTP/2.0', 'Connection: Upgrade\r\nUpgrade: HTTP/2.0\r\n'],
      ['an unknown protocol', 'Connection: Upgrade\r\nUpgrade: x/1\r\n'],
      ['WebSocket and h2c in a list', 'Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n'],
      ['h2c and WebSocket in two lines', 'Connection: Upgrade\r\nUpgrade: h2c\r\nUpgrade: websocket\r\n'],
      ['a WebSocket with a version', 'Connection: Upgrade\r\nUpgrade: websocket/13\r\n'],
      ['no protocol', 'Connection: Upgrade\r\n'],
      ['an empty protocol', 'Connection: Upgrade\r\nUpgrade:\r\n'],
      ['a WebSocket that Connection does not name', 'Upgrade: websocket\r\n'],
      ['a WebSocket with Connection: keep-alive', 'Connection: keep-alive\r\nUpgrade: websocket\r\n'],
      ['upgrades is another word', 'Connection: upgrades\r\nUpgrade: websocket\r\n'],
    ] as const
  ).map(([name, fields]) =>
    passed(`no upgrade: ${name}`, '9110 7.8', request(fields + KEY), {
      fields: { ...ordinary.fields, 'http2-settings': null },
    }),
  ),
  ...['POST', 'PUT', 'OPTIONS', 'HEAD', 'get'].map(method =>
    passed(
      `no upgrade: ${method}`,
      '6455 4.1',
      request(`Connection: Upgrade\r\nUpgrade: websocket\r\n${KEY}`, '', `${method} / HTTP/1.1`),
      { ...ordinary, method },
    ),
  ),
  passed(
    'no upgrade: with content',
    '9110 7.8',
    request(`Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: ${SMUGGLED.length}\r\n${KEY}`, SMUGGLED),
    {
      ...ordinary,
      body: SMUGGLED,
    },
  ),
  passed(
    'no upgrade: with chunks',
    '9110 7.8',
    request(
      `Connection: Upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n${KEY}`,
      '3\r\nabc\r\n0\r\n\r\n',
    ),
    {
      ...ordinary,
      body: 'abc',
    },
  ),
  last(
    'no upgrade: HTTP/1.0',
    '9110 7.8',
    request(`Connection: Upgrade\r\nUpgrade: websocket\r\n${KEY}`, '', 'GET / HTTP/1.0'),
    ordinary,
  ),
  passed(
    'no upgrade: HTTP/1.0 that is kept',
    '9110 7.8',
    request(`Connection: Upgrade, keep-alive\r\nUpgrade: websocket\r\n${KEY}`, '', 'GET / HTTP/1.0'),
    ordinary,
  ),

  // What is refused of a request is refused of an upgrade (GHSA-c4j6-fc7j-m34r and its kind).
  ...['@b.test', 'ws://a.test/', '/#x', 'http://b.test/', '*'].map(target =>
    refused(
      `an upgrade of ${target}`,
      '9112 3.2',
      request(`Connection: Upgrade\r\nUpgrade: websocket\r\n${KEY}`, '', `GET ${target} HTTP/1.1`),
    ),
  ),
  passed(
    'an upgrade of //b.test/',
    '9112 3.2.1',
    request(`Connection: Upgrade\r\nUpgrade: websocket\r\n${KEY}`, '', 'GET //b.test/ HTTP/1.1'),
    { ...asked, target: '//b.test/' },
  ),
  refused(
    'an upgrade with two lengths',
    '9112 6.3',
    request(`Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\nContent-Length: 5\r\n${KEY}`, 'abcde'),
  ),
  refused(
    'an upgrade with a length and chunks',
    '9112 6.3',
    request(
      `Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n${KEY}`,
      '0\r\n\r\n',
    ),
  ),
  refused(
    'an upgrade without Host',
    '9112 3.2',
    `GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${KEY}\r\n`,
  ),
  last(
    'an upgrade and close',
    '9112 9.6',
    request(`Connection: Upgrade, close\r\nUpgrade: websocket\r\n${KEY}`),
    asked,
  ),
]
