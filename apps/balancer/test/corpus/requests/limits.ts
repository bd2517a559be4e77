// What is too much: refused with the status that says so, however it comes, and nothing of it reaches the origin (RFC 9110, 5.4, 15.5.15,
// RFC 6585, 5).
import { passed, post, refused, request, type RequestCase } from '../request-case.ts'

const fields = (count: number, size = 1) =>
  Array.from({ length: count }, (_, i) => `X-${i}: ${'a'.repeat(size)}\r\n`).join('')
const pieces = (text: string, size: number) =>
  Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size))

export const LIMITS: readonly RequestCase[] = [
  passed('a head just below the limit', '9110 5.4', request(fields(15, 1000))),
  refused('a head above the limit', '6585 5', request(fields(20, 1000)), 431),
  refused('a head above the limit in pieces', '6585 5', pieces(request(fields(20, 1000)), 700), 431),
  refused('a long value', '6585 5', request(`X-A: ${'a'.repeat(70_000)}\r\n`), 431),
  refused('a value of a megabyte', '6585 5', request(`X-A: ${'a'.repeat(1_000_000)}\r\n`), 431),
  refused('a value without an end', '6585 5', `GET / HTTP/1.1\r\nHost: a.test\r\nX: ${'a'.repeat(20_000)}`, 431),
  refused('a long name', '6585 5', request(`${'X'.repeat(70_000)}: a\r\n`), 431),
  refused('a name without an end', '6585 5', `GET / HTTP/1.1\r\nHost: a.test\r\n${'X'.repeat(20_000)}`, 431),
  refused('whitespace without an end', '6585 5', `GET / HTTP/1.1\r\nHost: a.test\r\nX:${' '.repeat(20_000)}`, 431),
  refused('a long Cookie', '6585 5', request(`Cookie: a=${'b'.repeat(17_000)}\r\n`), 431),
  refused('a long Host', '6585 5', `GET / HTTP/1.1\r\nHost: ${'a'.repeat(17_000)}\r\n\r\n`, 431),
  refused('101 fields', '6585 5', request(fields(100)), 431),
  refused('1000 fields', '6585 5', request(fields(1000)), 431),
  refused('10000 short fields', '6585 5', request('a:\r\n'.repeat(10_000)), 431),
  refused(
    'fields without an end, in pieces',
    '6585 5',
    pieces(`GET / HTTP/1.1\r\nHost: a.test\r\n${fields(200)}`, 500),
    431,
  ),
  refused('a length above the limit', '9110 15.5.14', post('Content-Length: 100000000\r\n', 'abc'), 413),
  refused(
    'a length above the limit, with an expectation',
    '9110 10.1.1',
    post('Expect: 100-continue\r\nContent-Length: 100000000\r\n'),
    413,
  ),
  refused('a length above the limit on a GET', '9110 15.5.14', request('Content-Length: 100000000\r\n'), 413),
  refused('a chunk above the limit', '9110 15.5.14', post('Transfer-Encoding: chunked\r\n', '5f5e100\r\nabc'), 413),
]
