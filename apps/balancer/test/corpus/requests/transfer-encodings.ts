// Transfer-Encoding: chunked, alone and last, in HTTP/1.1, and never beside a length (RFC 9112, 6.1 and 6.3). Families CL.TE, TE.CL,
// TE.TE and TE.0: each of these is chunked to some recipients and isn't to others.
import { passed, post, refused, request, shown, SMUGGLED, type RequestCase, type Seen } from '../request-case.ts'

const abc: Seen = { method: 'POST', body: 'abc', framing: 'chunked', fields: { 'transfer-encoding': 'chunked' } }
const BODY = '3\r\nabc\r\n0\r\n\r\n'

const CHUNKED = [
  'Transfer-Encoding: chunked',
  'transfer-encoding: chunked',
  'TRANSFER-ENCODING: CHUNKED',
  'Transfer-Encoding: Chunked',
  'Transfer-Encoding: cHuNkEd',
  'Transfer-Encoding:chunked',
  'Transfer-Encoding: \t chunked \t',
]

/** Not chunked at all, not once, or not last: 400. */
const NOT_LAST = [
  '',
  ',',
  // No sender may generate empty elements (RFC 9110, 5.6.1.1), and to some recipients this isn't chunked.
  ',chunked',
  'chunked,',
  ', ,\tchunked , ,',
  '\r\nTransfer-Encoding: chunked',
  'chunked\r\nTransfer-Encoding: ,',
  'identity',
  'gzip',
  'x',
  'xchunked',
  'chunkedx',
  'x-chunked',
  'chunk',
  'chunke',
  'chunkedd',
  'chunked-',
  'chunked_',
  'chunked.',
  'chunked identity',
  'chunked chunked',
  'chunked\tx',
  'chunked;',
  'chunked;x',
  'chunked;x=y',
  'chunked;x="y"',
  'chunked; chunked',
  'chunked, chunked',
  'chunked,chunked',
  'chunked, gzip',
  'chunked, identity',
  'chunked, x',
  'gzip, chunked, gzip',
  '"chunked"',
  "'chunked'",
  '(chunked)',
  '[chunked]',
  '<chunked>',
  'chunked/',
  'chunked:',
  'chunked=',
  ':chunked',
  '=chunked',
  '\x0bchunked',
  'chunked\x0b',
  '\x0cchunked',
  'chunked\x0c',
  'chunked\x1f',
  'chunked\x7f',
  '\0chunked',
  'chunked\0',
  'ch\0unked',
  '\xa0chunked',
  'chunked\xa0',
  'chunked\xff',
  'chun\xc4\xb8ed',
  'chun\xe2\x84\xaaed',
  'ch\r\n unked',
  '\r\n chunked',
  '\n chunked',
  'chunked\r',
  'chunked\n',
  '0',
  'true',
]

/** Chunked last, behind what isn't understood here: 501. */
const NOT_UNDERSTOOD = [
  'gzip, chunked',
  'identity, chunked',
  'deflate,gzip,chunked',
  'x, chunked',
  'br , chunked',
  'trailers, chunked',
]

const TWO_LINES: readonly (readonly [one: string, two: string, status: number])[] = [
  ['chunked', 'chunked', 400],
  ['chunked', 'identity', 400],
  ['chunked', 'x', 400],
  ['chunked', 'gzip', 400],
  ['identity', 'chunked', 501],
  ['gzip', 'chunked', 501],
  ['x', 'chunked', 501],
]

export const TRANSFER_ENCODINGS: readonly RequestCase[] = [
  ...CHUNKED.map(line => passed(`chunked: ${shown(line)}`, '9112 6.1', post(`${line}\r\n`, BODY), abc)),
  ...NOT_LAST.map(value =>
    refused(`TE.TE: ${shown(value)}`, '9112 6.3', post(`Transfer-Encoding: ${value}\r\n`, `${BODY}${SMUGGLED}`)),
  ),
  ...NOT_UNDERSTOOD.map(value =>
    refused(
      `a coding that is not understood: ${value}`,
      '9112 6.1',
      post(`Transfer-Encoding: ${value}\r\n`, `${BODY}${SMUGGLED}`),
      501,
    ),
  ),
  ...TWO_LINES.map(([one, two, status]) =>
    refused(
      `TE.TE in two lines: ${one} and ${two}`,
      '9112 6.1',
      post(`Transfer-Encoding: ${one}\r\nTransfer-Encoding: ${two}\r\n`, `${BODY}${SMUGGLED}`),
      status,
    ),
  ),
  ...[
    'Transfer-Encoding : chunked',
    'Transfer-Encoding\t: chunked',
    ' Transfer-Encoding: chunked',
    '\tTransfer-Encoding: chunked',
    'Transfer-Encoding\0: chunked',
    'Transfer-Encoding\x0b: chunked',
    '\x0bTransfer-Encoding: chunked',
    'Transfer Encoding: chunked',
    'Transfer-\r\n Encoding: chunked',
    'Transfer-Encoding',
    'Transfer-Encoding chunked',
    'X: y\rTransfer-Encoding: chunked',
    'X: y\nTransfer-Encoding: chunked',
    'X: y\r\n Transfer-Encoding: chunked',
    '"Transfer-Encoding": chunked',
  ].map(line => refused(`TE.TE by its name: ${shown(line)}`, '9112 5.1', post(`${line}\r\n`, `${BODY}${SMUGGLED}`))),

  // Beside a length: the end could be read in two ways.
  ...(
    [
      ['Content-Length: 5', 'Transfer-Encoding: chunked'],
      ['Content-Length: 0', 'Transfer-Encoding: chunked'],
      ['Content-Length: 13', 'Transfer-Encoding: chunked'],
      ['Content-Length: 5', 'Transfer-Encoding: x'],
      ['Content-Length: 5', 'Transfer-Encoding: identity'],
      ['Content-Length: 5', 'Transfer-Encoding:'],
      ['Content-Length: 5', 'Transfer-Encoding: gzip, chunked'],
      ['Content-Length: 5', 'Transfer-Encoding: chunked\x0b'],
      ['Content-Length: 5', 'Transfer-Encoding : chunked'],
    ] as const
  ).flatMap(([length, coding]) => [
    refused(
      `CL.TE: ${shown(length)}, ${shown(coding)}`,
      '9112 6.3',
      post(`${length}\r\n${coding}\r\n`, `${BODY}${SMUGGLED}`),
    ),
    refused(
      `TE.CL: ${shown(coding)}, ${shown(length)}`,
      '9112 6.3',
      post(`${coding}\r\n${length}\r\n`, `${BODY}${SMUGGLED}`),
    ),
  ]),
  refused(
    'both on a GET',
    '9112 6.3',
    request('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${SMUGGLED}`),
  ),
  refused(
    'both, and Connection names one',
    '9110 7.6.1',
    post('Connection: Content-Length\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n', BODY),
  ),
  passed('TE is another field', '9110 10.1.4', request('TE: chunked\r\n'), { framing: 'none', fields: { te: null } }),
]
