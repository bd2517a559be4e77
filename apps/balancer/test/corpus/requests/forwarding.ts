// Who the client is: said by the balancer alone, whatever the client says itself (RFC 7239, 8.1), and through whom it came (RFC 9110, 7.6.3).
import { passed, request, type RequestCase } from '../request-case.ts'

const FOR = '127.0.0.1'
const ELEMENT = 'for=127.0.0.1;host="a.test";proto=http'

/** What a client may claim, and what the origin reads. */
const CLAIMS: readonly (readonly [line: string, seen: string | null])[] = [
  ['X-Forwarded-For: 6.6.6.6', FOR],
  ['X-Forwarded-For: 127.0.0.1', FOR],
  ['X-Forwarded-For: 6.6.6.6, 7.7.7.7', FOR],
  ['X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7', FOR],
  ['x-forwarded-FOR: 6.6.6.6', FOR],
  ['X-Forwarded-For:', FOR],
  ['X-Forwarded-For: <script>', FOR],
  ['X-Forwarded-Proto: https', 'http'],
  ['X-Forwarded-Proto: https\r\nX-Forwarded-Proto: https', 'http'],
  ['X-Forwarded-Host: b.test', 'a.test'],
  ['X-Forwarded-Port: 443', null],
  ['X-Forwarded-Prefix: /x', null],
  ['X-Real-IP: 6.6.6.6', null],
  ['x-real-ip: 127.0.0.1', null],
  ['Forwarded: for=6.6.6.6', ELEMENT],
  ['Forwarded: for=6.6.6.6;proto=https, for=7.7.7.7', ELEMENT],
  ['Forwarded: for="', ELEMENT],
  ['X-Request-Priority: critical', null],
  ['X_Forwarded_For: 6.6.6.6', null],
  ['Content-Length : 5'.replace(' :', ':').replace('5', '0'), '0'],
]

export const FORWARDING: readonly RequestCase[] = [
  passed('who the client is', '7239 4', request(''), {
    fields: {
      'x-forwarded-for': FOR,
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'a.test',
      forwarded: ELEMENT,
      'x-real-ip': null,
      via: '1.1 plimsoll',
    },
  }),
  passed('a host with a port', '7239 5.3', 'GET / HTTP/1.1\r\nHost: a.test:8080\r\n\r\n', {
    host: 'a.test:8080',
    fields: { 'x-forwarded-host': 'a.test:8080', forwarded: 'for=127.0.0.1;host="a.test:8080";proto=http' },
  }),
  passed('the host of an absolute form', '9112 3.2.2', 'GET http://A.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n', {
    host: 'A.test',
    fields: { 'x-forwarded-host': 'A.test' },
  }),
  ...CLAIMS.map(([line, seen]) =>
    passed(`not believed: ${line.replace('\r\n', ' and ')}`, '7239 8.1', request(`${line}\r\n`), {
      fields: { [line.split(':')[0] as string]: seen },
    }),
  ),
  passed('Via is continued', '9110 7.6.3', request('Via: 1.0 fred, 1.1 p.test\r\n'), {
    fields: { via: '1.0 fred, 1.1 p.test, 1.1 plimsoll' },
  }),
  passed(
    'Via in several lines is continued',
    '9110 7.6.3',
    request('Via: 1.0 fred\r\nVia: 1.1 p.test (a comment)\r\n'),
    {
      fields: { via: '1.0 fred, 1.1 p.test (a comment), 1.1 plimsoll' },
    },
  ),
]
