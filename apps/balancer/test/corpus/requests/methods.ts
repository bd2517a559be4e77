// Methods: any token, by case; the few that mean something to a gateway (RFC 9110, 9; RFC 9112, 3.1).
import { passed, refused, request, shown, SMUGGLED, type RequestCase } from '../request-case.ts'

const TOKENS = [
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'PROPFIND',
  'QUERY',
  'M-SEARCH',
  'get',
  'Get',
  'X',
  "!#$%&'*+-.^_`|~0Az",
]
const NOT_TOKENS = [
  'G(T',
  'GE)T',
  'GET,',
  'G@T',
  'G/T',
  'G"T',
  'G[T',
  'G{T',
  'G=T',
  'G:T',
  'G;T',
  'G<T',
  'G?T',
  'G\\T',
  'G\0T',
  'G\x7fT',
  'G\xe9T',
  'G\x01T',
]

const line = (method: string, target = '/') => `${method} ${target} HTTP/1.1`

export const METHODS: readonly RequestCase[] = [
  ...TOKENS.map(method =>
    passed(`the method ${method}`, '9110 9.1', request('', '', line(method)), { method, framing: 'none' }),
  ),
  ...NOT_TOKENS.map(method => refused(`no method: ${shown(method)}`, '9110 5.6.2', request('', '', line(method)))),
  refused('a method longer than any', '9112 3', request('', '', line('A'.repeat(100))), 501),
  refused('a method of 100 KB', '9112 3', request('', '', line('A'.repeat(100_000))), 501),
  refused('a method without an end', '9112 3', 'A'.repeat(2000), 501),

  // Methods without content in mind may have some all the same: framing isn't the method's affair (RFC 9112, 6).
  ...['GET', 'DELETE', 'OPTIONS', 'PROPFIND', 'X'].flatMap(method => [
    passed(
      `${method} with a Content-Length has content`,
      '9112 6',
      request('Content-Length: 3\r\n', 'abc', line(method)),
      { method, body: 'abc', framing: 'content-length' },
    ),
    passed(
      `${method} with chunks has content`,
      '9112 6',
      request('Transfer-Encoding: chunked\r\n', '3\r\nabc\r\n0\r\n\r\n', line(method)),
      { method, body: 'abc', framing: 'chunked' },
    ),
  ]),
  passed('HEAD with a Content-Length has content', '9112 6', request('Content-Length: 3\r\n', 'abc', line('HEAD')), {
    method: 'HEAD',
    body: 'abc',
  }),
  passed(
    'the content of a GET looks like a request: 0.CL',
    '9112 6',
    request(`Content-Length: ${SMUGGLED.length}\r\n`, SMUGGLED),
    {
      body: SMUGGLED,
    },
  ),
  passed('HEAD', '9110 9.3.2', request('', '', line('HEAD')), { method: 'HEAD' }),
  passed('POST without any length has no content', '9112 6.3', request('', '', line('POST')), {
    method: 'POST',
    framing: 'none',
  }),
  passed('POST with a length of 0 keeps it', '9110 8.6', request('Content-Length: 0\r\n', '', line('POST')), {
    method: 'POST',
    framing: 'content-length',
    fields: { 'content-length': '0' },
  }),

  // OPTIONS and Max-Forwards (RFC 9110, 7.6.2).
  passed('OPTIONS *', '9112 3.2.4', request('', '', line('OPTIONS', '*')), { method: 'OPTIONS', target: '*' }),
  passed(
    'Max-Forwards of OPTIONS is counted down',
    '9110 7.6.2',
    request('Max-Forwards: 7\r\n', '', line('OPTIONS', '*')),
    {
      method: 'OPTIONS',
      target: '*',
      fields: { 'max-forwards': '6' },
    },
  ),
  passed('Max-Forwards: 1 of OPTIONS', '9110 7.6.2', request('Max-Forwards: 1\r\n', '', line('OPTIONS')), {
    method: 'OPTIONS',
    fields: { 'max-forwards': '0' },
  }),
  {
    name: 'Max-Forwards: 0 of OPTIONS is answered here',
    rfc: '9110 7.6.2',
    send: request('Max-Forwards: 0\r\n', '', line('OPTIONS')),
    answers: [200],
    lives: true,
  },
  {
    name: 'Max-Forwards: 0 of OPTIONS * is answered here',
    rfc: '9110 7.6.2',
    send: request('Max-Forwards: 0\r\n', '', line('OPTIONS', '*')),
    answers: [200],
    lives: true,
  },
  passed(
    'a huge Max-Forwards becomes one that can be counted',
    '9110 7.6.2',
    request(`Max-Forwards: ${'9'.repeat(30)}\r\n`, '', line('OPTIONS')),
    {
      method: 'OPTIONS',
      fields: { 'max-forwards': '999999' },
    },
  ),
  passed('Max-Forwards of other methods means nothing', '9110 7.6.2', request('Max-Forwards: 0\r\n')),

  // What a gateway doesn't do.
  {
    name: 'TRACE is refused, and nothing of it is echoed',
    rfc: '9110 9.3.8',
    send: request('Cookie: secret\r\n', '', line('TRACE')),
    answers: [501],
    lives: true,
  },
  refused(
    'CONNECT is refused, and what follows was for the tunnel',
    '9110 9.3.6',
    `CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n${SMUGGLED}`,
    501,
  ),
  refused(
    'CONNECT to an address inside',
    '9110 9.3.6',
    'CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n',
    501,
  ),
  refused('CONNECT without a port', '9112 3.2.3', 'CONNECT a.test HTTP/1.1\r\nHost: a.test\r\n\r\n'),
  refused('CONNECT with an empty port', '9110 9.3.6', 'CONNECT a.test: HTTP/1.1\r\nHost: a.test\r\n\r\n'),
  refused('CONNECT with an impossible port', '9110 9.3.6', 'CONNECT a.test:70000 HTTP/1.1\r\nHost: a.test\r\n\r\n'),
  refused('CONNECT with no host', '9112 3.2.3', 'CONNECT :443 HTTP/1.1\r\nHost: a.test\r\n\r\n'),
  refused('CONNECT to a path', '9112 3.2.3', 'CONNECT / HTTP/1.1\r\nHost: a.test\r\n\r\n'),
  refused('CONNECT to a URI', '9112 3.2.3', 'CONNECT http://a.test:80/ HTTP/1.1\r\nHost: a.test\r\n\r\n'),
  refused('CONNECT with a user', '9112 3.2.3', 'CONNECT u@a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n'),
  refused(
    'CONNECT with content',
    '9110 9.3.6',
    'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\n\r\nabc',
  ),
  refused(
    'CONNECT with chunks',
    '9110 9.3.6',
    'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ),
]
