// Field lines: names, colons, values, folding, and what passes on untouched (RFC 9110, 5; RFC 9112, 5).
import { passed, refused, request, shown, SMUGGLED, type RequestCase } from '../request-case.ts'

/** A name that's no token, with everything up to the colon. */
const BAD_NAMES = [
  '',
  ' ',
  ' X',
  '\tX',
  'X ',
  'X\t',
  'X Y',
  'X\0',
  '\0X',
  'X\x01',
  'X\x0b',
  '\x0bX',
  'X\x0c',
  'X\x1f',
  'X\x7f',
  'X\x80',
  'X\xa0',
  '\xa0X',
  'caf\xe9',
  'X(',
  'X)',
  'X/',
  'X@',
  'X,',
  'X;',
  'X"',
  'X[',
  'X]',
  'X{',
  'X}',
  'X\\',
  'X<',
  'X>',
  'X=',
  'X?',
  'Content-Length ',
  'Content-Length\t',
  ' Content-Length',
  'Content Length',
  'Content-Length\0',
  'Content-Length\x0b',
]

/** Octets that no value may have. */
const BAD_OCTETS = ['\0', '\x01', '\x07', '\x08', '\x0b', '\x0c', '\x0e', '\x1b', '\x1f', '\x7f']

/** Lines that aren't `name: value`, each between good ones. */
const BAD_LINES: readonly (readonly [what: string, line: string])[] = [
  ['no colon', 'nothing'],
  ['no colon, and a second request line', 'GET / HTTP/1.1'],
  ['a bare CR in a value', 'X: a\rb'],
  ['a bare CR before what looks like a field', 'X: a\rContent-Length: 3'],
  ['a bare CR before CRLF', 'X: a\r'],
  ['a bare CR alone', '\r'],
  ['a bare CR and a space', 'X: a\r b'],
  ['a bare LF in a value', 'X: a\nY: b'],
  ['a bare LF before what looks like a field', 'X: a\nTransfer-Encoding: chunked'],
  ['a line folded by a space', 'X: a\r\n b'],
  ['a line folded by a tab', 'X: a\r\n\tb'],
  ['a line folded into an empty one', 'X: a\r\n '],
  ['a folded line that looks like a field', 'X: a\r\n Content-Length: 3'],
  ['a line folded behind the colon', 'X:\r\n a'],
  ['a name over two lines', 'X\r\n-A: b'],
]

export const FIELDS: readonly RequestCase[] = [
  passed('values as they are', '9110 5.5', request('X-A: !"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~\r\n'), {
    fields: { 'x-a': '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~' },
  }),
  passed('names with every character that a token may have', '9110 5.6.2', request("!#$%&'*+-.^_`|~09azAZ: b\r\n"), {
    fields: { "!#$%&'*+-.^_`|~09azAZ": 'b' },
  }),
  passed('octets above ASCII are opaque', '9110 5.5', request('X-A: caf\xe9 \xc3\xa9 \x80\xff\r\n'), {
    fields: { 'x-a': 'caf\xe9 \xc3\xa9 \x80\xff' },
  }),
  passed('whitespace inside a value stays', '9110 5.5', request('X-A: a  b\tc\r\n'), { fields: { 'x-a': 'a  b\tc' } }),
  passed('whitespace around a value goes', '9112 5.1', request('X-A: \t  b \t \r\n'), { fields: { 'x-a': 'b' } }),
  passed('no whitespace around a value', '9112 5.1', request('X-A:b\r\n'), { fields: { 'x-a': 'b' } }),
  passed('an empty value', '9110 5.5', request('X-A:\r\nX-B: \r\nX-C: c\r\n'), {
    fields: { 'x-a': '', 'x-b': '', 'x-c': 'c' },
  }),
  passed('a colon in a value', '9112 5', request('X-A: b: c\r\nX-D::e\r\n'), {
    fields: { 'x-a': 'b: c', 'x-d': ':e' },
  }),
  passed('fields of one name keep their order', '9110 5.3', request('X-A: 1\r\nX-B: 2\r\nx-a: 3\r\nX-A: 4\r\n'), {
    fields: { 'x-a': '1, 3, 4', 'x-b': '2' },
  }),
  passed('unknown fields pass', '9110 5.1', request('X_Custom: 1\r\nA: 2\r\n1: 3\r\n-: 4\r\n'), {
    fields: { x_custom: '1', a: '2', '1': '3', '-': '4' },
  }),
  passed(
    'fields of an API pass',
    '9110 5.1',
    request(
      'Authorization: Bearer x.y.z\r\nCookie: a=b; c="d"\r\nCookie: e=f\r\nRange: bytes=0-1\r\nIf-None-Match: "x", W/"y"\r\nContent-Type: a/b; c="d e"\r\nOrigin: null\r\n',
    ),
    {
      fields: {
        authorization: 'Bearer x.y.z',
        cookie: 'a=b; c="d", e=f',
        range: 'bytes=0-1',
        'if-none-match': '"x", W/"y"',
        'content-type': 'a/b; c="d e"',
        origin: 'null',
      },
    },
  ),
  passed(
    'a field that other servers answer to changes nothing here',
    '9110 5.1',
    request('X-HTTP-Method-Override: DELETE\r\nX-Original-URL: /admin\r\nX-Rewrite-URL: /admin\r\n'),
    {
      fields: { 'x-original-url': '/admin' },
    },
  ),
  passed(
    '99 fields beside Host',
    '9110 5.4',
    request(Array.from({ length: 99 }, (_, i) => `X-${i}: ${i}\r\n`).join('')),
    {
      fields: { 'x-98': '98' },
    },
  ),
  passed('a value of 8000 octets', '9110 5.4', request(`X-A: ${'a'.repeat(8000)}\r\n`), {
    fields: { 'x-a': 'a'.repeat(8000) },
  }),

  ...BAD_NAMES.map(name => refused(`no field name: ${shown(name)}`, '9112 5.1', request(`${name}: 3\r\n`, SMUGGLED))),
  ...BAD_OCTETS.flatMap(octet => [
    refused(`no field value: ${shown(octet)} in it`, '9110 5.5', request(`X: a${octet}b\r\n`)),
    refused(`no field value: ${shown(octet)} behind it`, '9110 5.5', request(`X: a${octet}\r\n`)),
  ]),
  ...BAD_LINES.flatMap(([what, line]) => [
    refused(`no field line: ${what}`, '9112 5', request(`${line}\r\n`, SMUGGLED)),
    refused(
      `no field line, first in the head: ${what}`,
      '9112 2.2',
      `GET / HTTP/1.1\r\n${line}\r\nHost: a.test\r\n\r\n${SMUGGLED}`,
    ),
  ]),
  refused('a first line of whitespace alone', '9112 2.2', 'GET / HTTP/1.1\r\n \r\nHost: a.test\r\n\r\n'),
  refused('a line of whitespace before the empty one', '9112 5.2', 'GET / HTTP/1.1\r\nHost: a.test\r\n \r\n\r\n'),
  refused('a line of a tab before the empty one', '9112 5.2', 'GET / HTTP/1.1\r\nHost: a.test\r\n\t\r\n\r\n'),

  // Fields that a gateway to CGI can't tell from those that count (Content_Length, X_Forwarded_For).
  ...['Content_Length', 'content_length', 'Transfer_Encoding', 'X_Forwarded_For', 'X-Forwarded_For', 'X_Real_IP'].map(
    name =>
      passed(`a look-alike isn't passed on: ${name}`, '9110 5.1', request(`${name}: 3\r\n`), {
        framing: 'none',
        fields: { [name]: null },
      }),
  ),
]
