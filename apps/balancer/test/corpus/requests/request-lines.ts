// The request line's shape, and what may stand before and around it (RFC 9112, 2.2 and 3). Targets, versions and methods by themselves
// have families of their own.
import { octets, passed, post, refused, request, shown, SMUGGLED, type RequestCase } from '../request-case.ts'

const HOST = 'Host: a.test\r\n\r\n'

/** A request line that's none, with the status for it. */
const BAD_LINES: readonly (readonly [line: string, status?: number])[] = [
  ['GET  / HTTP/1.1'],
  ['GET /  HTTP/1.1'],
  ['GET\t/ HTTP/1.1'],
  ['GET /\tHTTP/1.1'],
  ['GET\x0b/ HTTP/1.1'],
  ['GET\x0c/ HTTP/1.1'],
  ['GET /\x0bHTTP/1.1'],
  ['GET /\x0cHTTP/1.1'],
  ['GET\r/ HTTP/1.1'],
  ['GET /\rHTTP/1.1'],
  ['GET / HTTP/1.1 '],
  ['GET / HTTP/1.1\t'],
  ['GET / HTTP/1.1\r'],
  ['GET / HTTP/1.1\0'],
  ['GET / HTTP/1.1 x'],
  ['GET / / HTTP/1.1'],
  ['GET /a b HTTP/1.1'],
  ['GET / HTTP/1.1 HTTP/1.1'],
  [' GET / HTTP/1.1'],
  ['\tGET / HTTP/1.1'],
  ['\x0bGET / HTTP/1.1'],
  ['\0GET / HTTP/1.1'],
  ['\xef\xbb\xbfGET / HTTP/1.1'],
  ['\xa0GET / HTTP/1.1'],
  ['GET\xa0/ HTTP/1.1'],
  ['GET /\xa0HTTP/1.1'],
  ['GET'],
  ['GET '],
  ['GET /'],
  ['GET / '],
  ['GET  HTTP/1.1'],
  ['/ HTTP/1.1'],
  ['/'],
  ['HTTP/1.1'],
  ['HTTP/1.1 200 OK'],
  ['Host: a.test'],
  ['GET / HTTP/1.1\r\nGET / HTTP/1.1'],
  ['GET http://a.test / HTTP/1.1'],
]

export const REQUEST_LINES: readonly RequestCase[] = [
  passed('a request line', '9112 3', request('')),
  ...BAD_LINES.map(([line, status]) =>
    refused(`no request line: ${shown(line)}`, '9112 3', `${line}\r\n${HOST}`, status),
  ),

  // Line ends. A recipient may take a LF for a line end, and then two of them differ about where a head ends: it isn't taken for one.
  refused('a LF ends the request line', '9112 2.2', `GET / HTTP/1.1\n${HOST}`),
  refused('LF ends every line', '9112 2.2', 'GET / HTTP/1.1\nHost: a.test\n\n'),
  refused('a CR ends every line', '9112 2.2', 'GET / HTTP/1.1\rHost: a.test\r\r'),
  refused('LF CR for CRLF', '9112 2.2', `GET / HTTP/1.1\n\r${HOST}`),
  refused('CR CR LF ends the request line', '9112 2.2', `GET / HTTP/1.1\r\r\n${HOST}`),
  refused('CR CR LF ends the head', '9112 2.2', `GET / HTTP/1.1\r\nHost: a.test\r\n\r\r\n${SMUGGLED}`),
  refused(
    'CR LF CR ends the head and a request follows',
    '9112 2.2',
    `GET / HTTP/1.1\r\nHost: a.test\r\n\rGET / HTTP/1.1\r\n\r\n`,
  ),
  refused('LF LF ends the head', '9112 2.2', `GET / HTTP/1.1\r\nHost: a.test\n\n${SMUGGLED}`),
  refused('CRLF LF ends the head', '9112 2.2', `GET / HTTP/1.1\r\nHost: a.test\r\n\n${SMUGGLED}`),
  refused('LF CRLF ends the head', '9112 2.2', `GET / HTTP/1.1\r\nHost: a.test\n\r\n${SMUGGLED}`),

  // Empty lines before a request line are skipped, a few of them.
  passed('one empty line before the request', '9112 2.2', `\r\n${request('')}`),
  passed('two empty lines before the request', '9112 2.2', `\r\n\r\n${request('')}`),
  passed('an empty line in a segment of its own', '9112 2.2', ['\r\n', request('')]),
  passed('an empty line cut in the middle', '9112 2.2', ['\r', `\n${request('')}`]),
  {
    name: 'a CRLF behind the body of a POST that does not count it',
    rfc: '9112 2.2',
    send: `${post('Content-Length: 3\r\n', 'abc')}\r\n${request('')}`,
    answers: [{ method: 'POST', body: 'abc' }, {}],
    lives: true,
  },
  refused('a flood of empty lines', '9112 2.2', `${'\r\n'.repeat(50)}${request('')}`),
  refused('a LF before the request', '9112 2.2', `\n${request('')}`),
  refused('a CR before the request', '9112 2.2', `\r${request('')}`),
  refused('a space and an empty line before the request', '9112 2.2', ` \r\n${request('')}`),

  // The way it comes doesn't matter.
  passed('a request line cut in the middle', '9112 2.2', ['GE', 'T / HT', `TP/1.1\r`, `\n${HOST}`]),
  passed('a head cut inside its last line end', '9112 2.2', ['GET / HTTP/1.1\r\nHost: a.test\r\n\r', '\n']),
  passed('every octet in a segment of its own', '9112 2.2', octets(request('X-A: b\r\n')), { fields: { 'x-a': 'b' } }),

  // Other protocols.
  refused('the preface of HTTP/2', '9113 3.4', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505),
  refused('a TLS hello', '9112 2.2', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'),
  refused('a header of the PROXY protocol', '9112 2.2', `PROXY TCP4 1.2.3.4 5.6.7.8 1000 80\r\n${request('')}`),
  refused('a binary header of the PROXY protocol', '9112 2.2', `\r\n\r\n\0\r\nQUIT\n!\x11\x00\x0c${request('')}`),
  refused('SSH', '9112 2.2', 'SSH-2.0-OpenSSH_9.6\r\n'),
  refused('a command of SMTP', '9112 2.2', 'EHLO a.test\r\n'),
  refused('a command of Redis', '9112 2.2', '*1\r\n$4\r\nPING\r\n'),
  refused('nothing but NULs', '9112 2.2', '\0'.repeat(64)),
]
