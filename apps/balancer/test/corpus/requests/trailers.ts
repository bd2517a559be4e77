// Trailer sections: read like fields, passed on apart from them, without those that would change what the head has said (RFC 9110, 6.5;
// RFC 9112, 7.1.2).
import { passed, post, refused, shown, SMUGGLED, type RequestCase } from '../request-case.ts'

const chunked = (trailers: string, fields = '') =>
  post(`${fields}Transfer-Encoding: chunked\r\n`, `3\r\nabc\r\n0\r\n${trailers}\r\n`)
const seen = (trailers: readonly (readonly [string, string])[] = []) =>
  ({ method: 'POST', body: 'abc', framing: 'chunked', trailers }) as const

/** A recipient that merges trailers would be told of these too late (RFC 9110, 6.5.1). */
const DROPPED = [
  'Content-Length: 7',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: identity',
  'Host: b.test',
  'Connection: close',
  'Keep-Alive: timeout=1',
  'Upgrade: h2c',
  'TE: trailers',
  'Trailer: X-A',
  'Expect: 100-continue',
  'Max-Forwards: 0',
  'Content-Type: a/b',
  'Content-Encoding: gzip',
  'Content-Range: bytes 0-1/2',
  'Authorization: Basic x',
  'Proxy-Authorization: Basic x',
  'Cookie: a=b',
  'Set-Cookie: a=b',
  'Cache-Control: no-store',
  'Range: bytes=0-1',
  'If-Match: *',
  'If-None-Match: *',
  'X-Forwarded-For: 6.6.6.6',
  'X-Forwarded-Proto: https',
  'X-Real-IP: 6.6.6.6',
  'Forwarded: for=6.6.6.6',
  'X-Request-Id: x',
  'Via: 1.1 x',
  'Content_Length: 7',
]

const BAD: readonly (readonly [name: string, trailers: string, status?: number])[] = [
  ['a space before the colon', 'X : y\r\n'],
  ['no colon', 'X\r\n'],
  ['no name', ': y\r\n'],
  ['a folded line', 'X: y\r\n z\r\n'],
  ['a first line of whitespace', ' X: y\r\n'],
  ['a NUL', 'X: \0\r\n'],
  ['a bare LF behind a line', 'X: y\n'],
  ['a bare CR in a line', 'X: y\rz\r\n'],
  ['a bare CR behind a line', 'X: y\r\r\n'],
  ['a request line', 'GET / HTTP/1.1\r\n'],
  ['a flood of lines', 'X: y\r\n'.repeat(200), 431],
  ['a long line', `X: ${'y'.repeat(20_000)}\r\n`, 431],
  ['a long name', `${'X'.repeat(20_000)}: y\r\n`, 431],
  ['a line without an end', 'X'.repeat(40_000), 431],
]

export const TRAILERS: readonly RequestCase[] = [
  passed('one trailer', '9112 7.1.2', chunked('X-Sum: 3\r\n'), seen([['X-Sum', '3']])),
  passed('several trailers', '9112 7.1.2', chunked('X-A: 1\r\nX-B:2\r\nX-A: \t3 \r\n', 'Trailer: X-A, X-B\r\n'), {
    ...seen([
      ['X-A', '1'],
      ['X-B', '2'],
      ['X-A', '3'],
    ]),
    fields: { trailer: 'X-A, X-B' },
  }),
  passed('a trailer is no field of the head', '9110 6.5', chunked('X-A: late\r\n', 'X-A: early\r\n'), {
    ...seen([['X-A', 'late']]),
    fields: { 'x-a': 'early' },
  }),
  passed(
    'a trailer in segments',
    '9112 7.1.2',
    [post('Transfer-Encoding: chunked\r\n'), '3\r\nabc\r\n0\r', '\nX-', 'Sum:', ' 3\r', '\n\r', '\n'],
    seen([['X-Sum', '3']]),
  ),
  passed(
    'a trailer that Connection names is dropped',
    '9110 7.6.1',
    chunked('X-Hop: 1\r\nX-Kept: 2\r\n', 'Connection: x-hop\r\n'),
    seen([['X-Kept', '2']]),
  ),
  passed(
    'Trailer without chunks announces nothing',
    '9110 6.6.2',
    post('Trailer: X-Sum\r\nContent-Length: 3\r\n', 'abc'),
    {
      method: 'POST',
      body: 'abc',
      fields: { trailer: null },
    },
  ),
  ...DROPPED.map(line =>
    passed(`not as a trailer: ${line}`, '9110 6.5.1', chunked(`${line}\r\nX-Kept: 1\r\n`), seen([['X-Kept', '1']])),
  ),
  passed('nothing is left of the trailers', '9110 6.5.1', chunked('Content-Length: 7\r\nHost: b.test\r\n'), seen()),
  ...BAD.map(([name, trailers, status]) =>
    refused(`no trailers: ${name}`, '9112 7.1.2', chunked(trailers) + SMUGGLED, status),
  ),
  {
    name: 'trailers cut short by the end',
    rfc: '9112 8',
    send: chunked('X: y\r\n').slice(0, -2),
    answers: [400],
    lives: false,
    halfClosed: true,
  },
  refused(
    `another octet than LF at the end: ${shown('\r\rG')}`,
    '9112 7.1.2',
    post('Transfer-Encoding: chunked\r\n', `0\r\n\rG${SMUGGLED}`),
  ),
]
