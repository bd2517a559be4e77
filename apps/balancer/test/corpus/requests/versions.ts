// Versions: HTTP/1.x is spoken, whatever x is; nothing else is (RFC 9110, 2.5; RFC 9112, 2.3).
import { LISTENING, last, passed, refused, request, shown, type RequestCase } from '../request-case.ts'

const line = (version: string) => request('', '', `GET / ${version}`)

const NO_VERSION = [
  'http/1.1',
  'Http/1.1',
  'HTTP/1',
  'HTTP/11',
  'HTTP/1.',
  'HTTP/.1',
  'HTTP/1.1.1',
  'HTTP/1.10',
  'HTTP/01.1',
  'HTTP/1.01',
  'HTTP/1,1',
  'HTTP/1 1',
  'HTTP/ 1.1',
  'HTTP /1.1',
  'HTTP1.1',
  'HTTP/a.b',
  'HTTP/1.a',
  'HTTP/-1.1',
  'HTTP/+1.1',
  'HTTP/1.-1',
  'HTTP/1.\xb9',
  'HTTP\\1.1',
  'HTTPS/1.1',
  'HTP/1.1',
  'XHTTP/1.1',
  'ICY/1.1',
  '1.1',
  'HTTP/',
  'HTTP',
]

export const VERSIONS: readonly RequestCase[] = [
  passed('HTTP/1.1', '9112 2.3', line('HTTP/1.1')),
  ...['HTTP/1.2', 'HTTP/1.9'].map(version =>
    passed(`${version} is served as 1.1`, '9110 2.5', line(version), { fields: { via: '1.1 plimsoll' } }),
  ),
  refused('HTTP/1.2 without Host', '9112 3.2', 'GET / HTTP/1.2\r\n\r\n'),
  ...['HTTP/0.9', 'HTTP/0.0', 'HTTP/2.0', 'HTTP/2.1', 'HTTP/3.0', 'HTTP/9.9'].map(version =>
    refused(`${version} is not spoken`, '9110 15.6.6', line(version), 505),
  ),
  ...NO_VERSION.map(version => refused(`no version: ${shown(version)}`, '9112 2.3', line(version))),
  refused('HTTP/0.9: a line without a version', '9112 3', 'GET /\r\n'),
  refused('HTTP/0.9 with fields', '9112 3', request('', '', 'GET /')),

  // HTTP/1.0: one request, unless the client asks to be kept; no Host is needed; what it can't mean is refused or ignored.
  last('HTTP/1.0 is answered and closed', '9112 9.3', request('', '', 'GET / HTTP/1.0'), {
    fields: { via: '1.0 plimsoll' },
  }),
  last('HTTP/1.0 without Host', '9112 3.3', 'GET / HTTP/1.0\r\n\r\n', {
    host: LISTENING,
    fields: { 'x-forwarded-host': null },
  }),
  passed('HTTP/1.0 that asks to be kept', '9112 9.3', request('Connection: keep-alive\r\n', '', 'GET / HTTP/1.0')),
  passed(
    'HTTP/1.0 that asks to be kept in capitals',
    '9110 7.6.1',
    request('Connection: Keep-Alive\r\n', '', 'GET / HTTP/1.0'),
  ),
  last('HTTP/1.0 that asks for both', '9112 9.3', request('Connection: keep-alive, close\r\n', '', 'GET / HTTP/1.0')),
  last(
    'HTTP/1.0 with Keep-Alive and no Connection',
    '9112 9.3',
    request('Keep-Alive: timeout=5\r\n', '', 'GET / HTTP/1.0'),
    {
      fields: { 'keep-alive': null },
    },
  ),
  last(
    'HTTP/1.0 with Proxy-Connection',
    '9112 C.2.2',
    request('Proxy-Connection: keep-alive\r\n', '', 'GET / HTTP/1.0'),
    {
      fields: { 'proxy-connection': null },
    },
  ),
  last('HTTP/1.0 with content', '9112 6.3', request('Content-Length: 3\r\n', 'abc', 'POST / HTTP/1.0'), {
    method: 'POST',
    body: 'abc',
  }),
  last('HTTP/1.0 without a length has no content', '9112 6.3', request('', 'abc', 'POST / HTTP/1.0'), {
    method: 'POST',
    framing: 'none',
  }),
  last(
    'HTTP/1.0 with an expectation, which is ignored',
    '9110 10.1.1',
    request('Expect: 100-continue\r\nContent-Length: 3\r\n', 'abc', 'POST / HTTP/1.0'),
    {
      method: 'POST',
      body: 'abc',
      fields: { expect: null },
    },
  ),
  last(
    'HTTP/1.0 with an unknown expectation, which is ignored',
    '9110 10.1.1',
    request('Expect: wonders\r\n', '', 'GET / HTTP/1.0'),
    {
      fields: { expect: null },
    },
  ),
  last('HTTP/1.0 with an absolute form', '9112 3.2.2', 'GET http://a.test/x HTTP/1.0\r\n\r\n', { target: '/x' }),
  refused('HTTP/1.0 with two Host', '9112 3.2', request('Host: a.test\r\n', '', 'GET / HTTP/1.0')),
  refused('HTTP/1.0 with an invalid Host', '9112 3.2', 'GET / HTTP/1.0\r\nHost: a b\r\n\r\n'),
  refused(
    'HTTP/1.0 with chunks',
    '9112 6.1',
    request('Transfer-Encoding: chunked\r\n', '0\r\n\r\n', 'POST / HTTP/1.0'),
  ),
  refused(
    'HTTP/1.0 with chunks that asks to be kept',
    '9112 6.1',
    request('Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n', 'POST / HTTP/1.0'),
  ),
  refused(
    'HTTP/1.0 with chunks and a length',
    '9112 6.1',
    request('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n', 'POST / HTTP/1.0'),
  ),
]
