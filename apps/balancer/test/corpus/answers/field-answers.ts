// Fields of answers: what passes as it is, what is none, and what splits answers (RFC 9110, 5; RFC 9112, 5 and 11.1).
import { invalid, relayed, two, type AnswerCase } from '../answer-case.ts'
import { shown } from '../request-case.ts'

const BAD_LINES = [
  'nothing',
  ': y',
  ' X: y',
  '\tX: y',
  'X Y: z',
  // A proxy would have to remove the whitespace (RFC 9112, 5.1); as a gateway we may as well refuse, and nobody has to guess.
  'X : y',
  'X\t: y',
  'Content-Length : 2',
  'X\0: y',
  'X\x0b: y',
  'X\x7f: y',
  'X\xe9: y',
  'X(: y',
  'X@: y',
  '"X": y',
  'X/Y: z',
  'X: \0',
  'X: a\0b',
  'X: a\x01b',
  'X: a\x08b',
  'X: a\x0bb',
  'X: a\x0cb',
  'X: a\x1bb',
  'X: a\x7fb',
  'X: a\rb',
  'X: a\r',
  'X: a\rSet-Cookie: b=c',
  'X: a\nSet-Cookie: b=c',
  'X: a\n\nHTTP/1.1 200 OK\nContent-Length: 0\n',
  'X: a\r\rHTTP/1.1 200 OK',
  'X: a\r\n b',
  'X: a\r\n\tb',
  'X: a\r\n \r\n b',
  'X:\r\n b',
  'Set-Cookie: a=b\r\n c',
  'Content-Length\r\n : 2',
  'HTTP/1.1 200 OK',
]

export const FIELD_ANSWERS: readonly AnswerCase[] = [
  relayed(
    'fields in their order and as they are',
    '9110 5.3',
    two('X-A: 1\r\nx-a: 2\r\nX-A:  3 \t\r\nServer: behind/1.0 (x)\r\nX-Empty:\r\n'),
    {
      fields: { 'x-a': '1, 2, 3', server: 'behind/1.0 (x)', 'x-empty': '' },
    },
  ),
  relayed(
    'Set-Cookie in several lines',
    '9110 5.3',
    two('Set-Cookie: a=b; Path=/\r\nSet-Cookie: c="d, e"; Expires=Thu, 01 Jan 2026 00:00:00 GMT\r\n'),
    {
      fields: { 'set-cookie': 'a=b; Path=/, c="d, e"; Expires=Thu, 01 Jan 2026 00:00:00 GMT' },
    },
  ),
  relayed('octets above ASCII', '9110 5.5', two('X-A: caf\xe9 \xff\r\n'), { fields: { 'x-a': 'caf\xe9 \xff' } }),
  relayed('every character of a name', '9110 5.6.2', two("!#$%&'*+-.^_`|~: y\r\n"), {
    fields: { "!#$%&'*+-.^_`|~": 'y' },
  }),
  relayed('a tab in a value', '9110 5.5', two('X-A: a\tb\r\n'), { fields: { 'x-a': 'a\tb' } }),
  relayed(
    'fields of a cache',
    '9110 8.8',
    two(
      'ETag: W/"x"\r\nLast-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\nVary: *\r\nAge: 5\r\nCache-Control: no-transform\r\n',
    ),
    {
      fields: {
        etag: 'W/"x"',
        'last-modified': 'Thu, 01 Jan 1970 00:00:00 GMT',
        vary: '*',
        age: '5',
        'cache-control': 'no-transform',
      },
    },
  ),
  relayed(
    'content that is coded stays so',
    '9110 8.4',
    two('Content-Encoding: gzip\r\nContent-Type: text/plain; charset=x\r\n'),
    {
      fields: { 'content-encoding': 'gzip', 'content-type': 'text/plain; charset=x' },
    },
  ),
  relayed('a part', '9110 15.3.7', two('Content-Range: bytes 0-1/5\r\n', 'HTTP/1.1 206 Partial Content'), {
    status: 206,
    fields: { 'content-range': 'bytes 0-1/5' },
  }),
  relayed('a redirection', '9110 10.2.2', two('Location: http://b.test/x?y#z\r\n', 'HTTP/1.1 302 Found'), {
    status: 302,
    fields: { location: 'http://b.test/x?y#z' },
  }),
  relayed(
    'a challenge',
    '9110 11.6.1',
    two('WWW-Authenticate: Basic realm="x", Digest y="z"\r\n', 'HTTP/1.1 401 Unauthorized'),
    {
      status: 401,
      fields: { 'www-authenticate': 'Basic realm="x", Digest y="z"' },
    },
  ),
  relayed('405 with what is allowed', '9110 15.5.6', two('Allow: GET, HEAD\r\n', 'HTTP/1.1 405 Method Not Allowed'), {
    status: 405,
    fields: { allow: 'GET, HEAD' },
  }),
  relayed("the endpoint's Date stays", '9110 6.6.1', two('Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n'), {
    fields: { date: 'Thu, 01 Jan 1970 00:00:00 GMT' },
  }),
  relayed("the endpoint's Via stays", '9110 7.6.3', two('Via: 1.1 x\r\n'), { fields: { via: '1.1 x' } }),
  relayed('the load report goes no further', '9110 5.1', two('Endpoint-Load-Metrics: cpu=1\r\n'), {
    fields: { 'endpoint-load-metrics': null },
  }),
  relayed('99 fields', '9110 5.4', two(Array.from({ length: 98 }, (_, i) => `X-${i}: ${i}\r\n`).join('')), {
    fields: { 'x-97': '97' },
  }),
  relayed('a value of 8000 octets', '9110 5.4', two(`X-A: ${'a'.repeat(8000)}\r\n`), {
    fields: { 'x-a': 'a'.repeat(8000) },
  }),
  ...BAD_LINES.map(line => invalid(`no field line: ${shown(line)}`, '9112 5', two(`${line}\r\n`))),
  ...BAD_LINES.slice(0, 8).map(line =>
    invalid(
      `no field line, first in the head: ${shown(line)}`,
      '9112 2.2',
      `HTTP/1.1 200 OK\r\n${line}\r\nContent-Length: 2\r\n\r\nok`,
    ),
  ),
  invalid('CR CR LF ends the head', '9112 2.2', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\r\nok'),
  invalid('LF ends the head', '9112 2.2', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\nok'),
  invalid('LF LF ends the head', '9112 2.2', 'HTTP/1.1 200 OK\r\nContent-Length: 2\n\nok'),
  invalid('a head above the limit', '9110 5.4', two(`X-A: ${'a'.repeat(20_000)}\r\n`)),
  invalid('a head without an end', '9110 5.4', `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(20_000)}`),
  invalid('too many fields', '9110 5.4', two('X: y\r\n'.repeat(200))),
]
