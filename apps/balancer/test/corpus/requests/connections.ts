// Connection: who goes on, and what goes no further (RFC 9110, 7.6.1; RFC 9112, 9).
import { last, passed, post, refused, request, shown, type RequestCase } from '../request-case.ts'

const HOP_BY_HOP = [
  'Keep-Alive: timeout=5, max=9',
  'Proxy-Connection: keep-alive',
  'TE: trailers, deflate;q=0.5',
  'Upgrade: h2c',
  'HTTP2-Settings: AAMAAABkAAQ',
  'Proxy-Authorization: Basic x',
  'Proxy-Authenticate: Basic',
]

/** What Connection names, and in which words. */
const NAMED: readonly (readonly [connection: string, field: string])[] = [
  ['X-Hop', 'X-Hop: 1'],
  ['x-hop', 'X-HOP: 1'],
  ['keep-alive, X-Hop', 'X-Hop: 1'],
  ['X-Hop,keep-alive', 'X-Hop: 1'],
  [' , X-Hop\t,', 'X-Hop: 1'],
  ['Cookie', 'Cookie: a=b'],
  ['Authorization', 'Authorization: Basic x'],
  ['Accept', 'Accept: */*'],
  ['Range', 'Range: bytes=0-1'],
  ['If-None-Match', 'If-None-Match: *'],
  ['Content-Type', 'Content-Type: a/b'],
  ['Cache-Control', 'Cache-Control: no-cache'],
  ['Expect', 'Expect: 100-continue'],
  ['Trailer', 'Trailer: X-A'],
  ['Origin', 'Origin: http://a.test'],
  ['X_Custom', 'X_Custom: 1'],
]

const NO_LIST = [
  'close;x',
  '"close"',
  'close x',
  'close\tx',
  'close@',
  'close/1',
  'a=b',
  '(close)',
  'close\xe9',
  'X Hop',
  'keep-alive; timeout=5',
]

export const CONNECTIONS: readonly RequestCase[] = [
  passed('HTTP/1.1 lives', '9112 9.3', request('')),
  passed('Connection: keep-alive lives', '9112 9.3', request('Connection: keep-alive\r\n'), {
    fields: { connection: null },
  }),
  passed('an empty Connection lives', '9110 5.6.1', request('Connection:\r\nConnection: ,\r\n'), {
    fields: { connection: null },
  }),
  ...[
    'close',
    'Close',
    'CLOSE',
    'keep-alive, close',
    'close, keep-alive',
    'X-A,close',
    ',close,',
    'Upgrade, close',
  ].map(value =>
    last(`Connection: ${value}`, '9112 9.6', request(`Connection: ${value}\r\n`), { fields: { connection: null } }),
  ),
  last('close in the second of two lines', '9110 5.3', request('Connection: keep-alive\r\nConnection: close\r\n')),
  last('close with content', '9112 9.6', post('Connection: close\r\nContent-Length: 3\r\n', 'abc'), {
    method: 'POST',
    body: 'abc',
  }),
  last('nothing behind close is answered', '9112 9.6', request('Connection: close\r\n') + request('')),
  passed('closed is another word', '9112 9.6', request('Connection: closed, xclose\r\n')),
  passed('Proxy-Connection says nothing', '9112 C.2.2', request('Proxy-Connection: close\r\n')),
  passed('Close as a field says nothing', '9112 9.6', request('Close: yes\r\n'), { fields: { close: 'yes' } }),

  ...HOP_BY_HOP.map(line =>
    passed(`goes no further: ${line}`, '9110 7.6.1', request(`${line}\r\nX-Kept: 1\r\n`), {
      fields: { [line.split(':')[0] as string]: null, 'x-kept': '1' },
    }),
  ),
  ...NAMED.map(([connection, line]) =>
    passed(
      `Connection: ${connection} takes ${line} away`,
      '9110 7.6.1',
      request(`Connection: ${connection}\r\n${line}\r\nX-Kept: 1\r\n${line}\r\n`),
      {
        fields: { [line.split(':')[0] as string]: null, connection: null, 'x-kept': '1' },
      },
    ),
  ),
  passed('what is named before Connection goes too', '9110 7.6.1', request('X-Hop: 1\r\nConnection: X-Hop\r\n'), {
    fields: { 'x-hop': null },
  }),
  passed(
    'names in several lines go',
    '9110 7.6.1',
    request('Connection: X-A\r\nX-A: 1\r\nX-B: 2\r\nX-C: 3\r\nConnection: keep-alive, X-C\r\n'),
    {
      fields: { 'x-a': null, 'x-b': '2', 'x-c': null },
    },
  ),
  passed(
    'a name that is not there changes nothing',
    '9110 7.6.1',
    request('Connection: X-None\r\nX-Non: 1\r\nX-None-2: 2\r\n'),
    {
      fields: { 'x-non': '1', 'x-none-2': '2' },
    },
  ),

  // What Connection can't take away: where the message ends, for whom it is, and who sent it.
  passed('Connection: Host', '9110 7.6.1', request('Connection: Host\r\n')),
  passed(
    'Connection: Content-Length',
    '9110 7.6.1',
    post('Connection: Content-Length\r\nContent-Length: 3\r\n', 'abc'),
    {
      method: 'POST',
      body: 'abc',
      framing: 'content-length',
    },
  ),
  passed(
    'Connection: Transfer-Encoding',
    '9110 7.6.1',
    post('Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n', '3\r\nabc\r\n0\r\n\r\n'),
    {
      method: 'POST',
      body: 'abc',
      framing: 'chunked',
    },
  ),
  passed('Connection: Via', '9110 7.6.1', request('Connection: Via\r\nVia: 1.1 x\r\n'), {
    fields: { via: '1.1 plimsoll' },
  }),
  passed(
    'Connection: X-Forwarded-For',
    '9110 7.6.1',
    request('Connection: X-Forwarded-For, Forwarded, X-Forwarded-Proto, X-Request-Id\r\n'),
    {
      fields: {
        'x-forwarded-for': '127.0.0.1',
        forwarded: 'for=127.0.0.1;host="a.test";proto=http',
        'x-forwarded-proto': 'http',
      },
    },
  ),
  passed('Connection: Connection', '9110 7.6.1', request('Connection: Connection\r\nX-A: 1\r\n'), {
    fields: { connection: null, 'x-a': '1' },
  }),

  ...NO_LIST.map(value =>
    refused(`no list of options: ${shown(value)}`, '9110 7.6.1', request(`Connection: ${value}\r\n`)),
  ),
  refused(
    'a flood of options',
    '9110 5.4',
    request(`Connection: ${Array.from({ length: 300 }, (_, i) => `x${i}`).join(',')}\r\n`),
  ),

  // A client that ends its side still gets its answer (RFC 9112, 9.6); one that says nothing gets nothing.
  {
    name: 'a client that ends its side behind its request',
    rfc: '9112 9.6',
    send: request(''),
    answers: [{}],
    lives: false,
    halfClosed: true,
  },
  {
    name: 'a client that ends its side behind its content',
    rfc: '9112 9.6',
    send: post('Content-Length: 3\r\n', 'abc'),
    answers: [{ method: 'POST', body: 'abc' }],
    lives: false,
    halfClosed: true,
  },
  {
    name: 'a client that ends its side behind several requests',
    rfc: '9112 9.6',
    send: request('').repeat(3),
    answers: [{}, {}, {}],
    lives: false,
    halfClosed: true,
  },
  {
    name: 'a client that ends its side without a word',
    rfc: '9112 9.6',
    send: '',
    answers: [],
    lives: false,
    halfClosed: true,
  },
  {
    name: 'a client that ends its side behind an empty line',
    rfc: '9112 9.6',
    send: '\r\n',
    answers: [],
    lives: false,
    halfClosed: true,
  },
  {
    name: 'a client that ends its side in a request line',
    rfc: '9112 8',
    send: 'GET / HT',
    answers: [400],
    lives: false,
    halfClosed: true,
  },
  {
    name: 'a client that ends its side in a head',
    rfc: '9112 8',
    send: 'GET / HTTP/1.1\r\nHost: a.test\r\n',
    answers: [400],
    lives: false,
    halfClosed: true,
  },
]
