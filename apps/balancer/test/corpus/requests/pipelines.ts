// Several requests in one go: answered in order, each with the answer that is its own, and a bad one costs those before it nothing
// (RFC 9112, 9.3.2).
import { octets, post, request, SMUGGLED, type RequestCase } from '../request-case.ts'

const get = (target: string, fields = '') => request(fields, '', `GET ${target} HTTP/1.1`)
const a = { target: '/a' } as const
const b = { target: '/b' } as const

/** What can't be read, behind good requests. */
const BAD_TAILS: readonly (readonly [name: string, tail: string, status?: number])[] = [
  ['nonsense', 'nonsense\r\n\r\n'],
  ['a NUL', '\0'],
  ['a LF', '\n'],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n'],
  ['two Host', 'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n'],
  ['an invalid Host', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n'],
  ['a folded field', 'GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n'],
  ['a space before a colon', 'GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n'],
  ['two lengths', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'],
  ['a length and chunks', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'],
  ['a bad length', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n'],
  ['a bad chunk', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n'],
  ['an unknown coding', 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n', 501],
  ['HTTP/2.0', 'GET / HTTP/2.0\r\nHost: a\r\n\r\n', 505],
  ['HTTP/0.9', 'GET /\r\n'],
  ['a long method', `${'A'.repeat(200)} / HTTP/1.1\r\n\r\n`, 501],
  ['a long target', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 414],
  ['a long head', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
  ['CONNECT', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 501],
  ['too long a body', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n', 413],
]

export const PIPELINES: readonly RequestCase[] = [
  { name: 'two requests', rfc: '9112 9.3.2', send: get('/a') + get('/b'), answers: [a, b], lives: true },
  {
    name: 'two requests, cut in the middle of the second',
    rfc: '9112 9.3.2',
    send: [get('/a') + get('/b').slice(0, 9), get('/b').slice(9)],
    answers: [a, b],
    lives: true,
  },
  {
    name: 'two requests, octet by octet',
    rfc: '9112 9.3.2',
    send: octets(get('/a') + get('/b')),
    answers: [a, b],
    lives: true,
  },
  {
    name: 'fifty requests',
    rfc: '9112 9.3.2',
    send: Array.from({ length: 50 }, (_, i) => get(`/${i}`)).join(''),
    answers: Array.from({ length: 50 }, (_, i) => ({ target: `/${i}` })),
    lives: true,
  },
  {
    name: 'bodies of every kind between them',
    rfc: '9112 9.3.2',
    send: `${post('Content-Length: 3\r\n', 'abc')}${get('/a')}${post('Transfer-Encoding: chunked\r\n', '3\r\nxyz\r\n0\r\nX-T: 1\r\n\r\n')}${get('/b')}${post('Content-Length: 0\r\n')}${request('', '', 'HEAD /h HTTP/1.1')}${get('/a')}`,
    answers: [
      { method: 'POST', body: 'abc' },
      a,
      { method: 'POST', body: 'xyz', trailers: [['X-T', '1']] },
      b,
      { method: 'POST' },
      { method: 'HEAD', target: '/h' },
      a,
    ],
    lives: true,
  },
  {
    name: 'a HEAD between them has no body',
    rfc: '9110 9.3.2',
    send: request('', '', 'HEAD /h HTTP/1.1') + get('/b'),
    answers: [{ method: 'HEAD', target: '/h' }, b],
    lives: true,
  },
  {
    name: 'hosts of their own',
    rfc: '9112 3.2',
    send: 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\nGET / HTTP/1.1\r\nHost: b.test\r\n\r\nGET http://c.test/ HTTP/1.1\r\nHost: c.test\r\n\r\n',
    answers: [{}, { host: 'b.test' }, { host: 'c.test' }],
    lives: true,
  },
  {
    name: 'a body that ends one octet early',
    rfc: '9112 6.3',
    send: post('Content-Length: 2\r\n', 'abc'),
    answers: [{ method: 'POST', body: 'ab' }, 400],
    lives: false,
    halfClosed: true,
  },
  {
    name: 'a body that ends in the middle of a request',
    rfc: '9112 6.3',
    send: post('Content-Length: 5\r\n', `abcde${get('/b')}`),
    answers: [{ method: 'POST', body: 'abcde' }, b],
    lives: true,
  },
  {
    name: 'an answer of our own between them',
    rfc: '9112 9.3.2',
    send: get('/a') + get('/', 'Expect: x\r\n') + request('', '', 'TRACE / HTTP/1.1') + get('/b'),
    answers: [a, 417, 501, b],
    lives: true,
  },
  {
    name: 'close in the second of three',
    rfc: '9112 9.6',
    send: get('/a') + get('/b', 'Connection: close\r\n') + SMUGGLED,
    answers: [a, b],
    lives: false,
  },
  {
    name: 'HTTP/1.0 in the second of three',
    rfc: '9112 9.3',
    send: `${get('/a')}GET /b HTTP/1.0\r\nHost: a.test\r\n\r\n${SMUGGLED}`,
    answers: [a, b],
    lives: false,
  },
  {
    name: 'a refusal to HEAD has no body',
    rfc: '9110 9.3.2',
    send: `${get('/a')}HEAD / HTTP/1.1\r\nHost: a b\r\n\r\n`,
    answers: [a, { refusedHead: 400 }],
    lives: false,
  },
  ...BAD_TAILS.flatMap<RequestCase>(([name, tail, status = 400]) => [
    {
      name: `a bad tail: ${name}`,
      rfc: '9112 9.3.2',
      send: get('/a') + get('/b') + tail + SMUGGLED,
      answers: [a, b, status],
      lives: false,
    },
    {
      name: `a bad tail in a segment of its own: ${name}`,
      rfc: '9112 9.3.2',
      send: [get('/a') + get('/b'), tail, SMUGGLED],
      answers: [a, b, status],
      lives: false,
    },
  ]),
  {
    name: 'half a request behind two, and the end',
    rfc: '9112 9.3.2',
    send: get('/a') + get('/b') + get('/c').slice(0, 20),
    answers: [a, b, 400],
    lives: false,
    halfClosed: true,
  },
]
