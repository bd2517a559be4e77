// Chunks of answers (RFC 9112, 7.1): what is read is written anew; what can't be read breaks the answer off, in sight of the client.
import { chunked, relayed, type AnswerCase } from '../answer-case.ts'
import { octets, shown } from '../request-case.ts'

const END = '0\r\n\r\n'

const GOOD: readonly (readonly [name: string, chunks: string, body: string])[] = [
  ['none', END, ''],
  ['several', `1\r\na\r\nA\r\n0123456789\r\na\r\n0123456789\r\n${END}`, 'a01234567890123456789'],
  ['zeros in front', `${'0'.repeat(30)}3\r\nabc\r\n${'0'.repeat(30)}\r\n\r\n`, 'abc'],
  ['extensions', `3;a;b=c;d="e;\\""\r\nabc\r\n0;f\r\n\r\n`, 'abc'],
  ['data that looks like an end', `5\r\n${END}\r\n${END}`, END],
  ['data that looks like an answer', `13\r\nHTTP/1.1 200 OK\r\n\r\n\r\n${END}`, 'HTTP/1.1 200 OK\r\n\r\n'],
  ['a thousand', `${'1\r\nx\r\n'.repeat(1000)}${END}`, 'x'.repeat(1000)],
  ['a large one', `30d40\r\n${'x'.repeat(200_000)}\r\n${END}`, 'x'.repeat(200_000)],
]

/** What follows `3 CRLF abc CRLF`. */
const BAD: readonly (readonly [name: string, chunks: string])[] = [
  ...['', ' 3', '+3', '-3', '0x3', 'g', '3g', '3 ', '3\0', '3,', 'ffffffffffffffffff', '20000000000000'].map(
    size => [`the size ${shown(size)}`, `${size}\r\ndef\r\n${END}`] as const,
  ),
  ['a LF behind a size', `3\ndef\r\n${END}`],
  ['a CR behind a size', `3\rdef\r\n${END}`],
  ['a LF behind data', `3\r\ndef\n${END}`],
  ['nothing behind data', `3\r\ndef${END}`],
  ['more data than the size', `2\r\ndef\r\n${END}`],
  ['less data than the size', `4\r\ndef\r\n${END}`],
  ['an extension without a name', `3;\r\ndef\r\n${END}`],
  ['an extension with a LF', `3;a\n\r\ndef\r\n${END}`],
  ['an extension with an open quote', `3;a="b\r\ndef\r\n${END}`],
  ['a flood of extensions', `3;${'a'.repeat(20_000)}\r\ndef\r\n${END}`],
  ['a LF in the end', '0\n\r\n'],
  ['CRLF LF for the end', '0\r\n\n'],
  ['a trailer with a space before its colon', '0\r\nX : y\r\n\r\n'],
  ['a trailer without a colon', '0\r\nX\r\n\r\n'],
  ['a folded trailer', '0\r\nX: y\r\n z\r\n\r\n'],
  ['a trailer with a NUL', '0\r\nX: \0\r\n\r\n'],
  ['a trailer with a bare CR', '0\r\nX: y\rz\r\n\r\n'],
  ['a trailer that splits', '0\r\nX: y\n\nHTTP/1.1 200 OK\r\n\r\n'],
  ['a flood of trailers', `0\r\n${'X: y\r\n'.repeat(100)}\r\n`],
  ['a long trailer', `0\r\nX: ${'y'.repeat(10_000)}\r\n\r\n`],
]

export const CHUNKED_ANSWERS: readonly AnswerCase[] = [
  ...GOOD.map(([name, chunks, body]) =>
    relayed(`chunks: ${name}`, '9112 7.1', chunked(chunks), { body, framing: 'chunked', kept: true }),
  ),
  relayed('chunks octet by octet', '9112 7.1', [chunked(''), ...octets(`2;x\r\nok\r\n0\r\nX-T: 1\r\n\r\n`)], {
    trailers: [['X-T', '1']],
  }),
  relayed('trailers', '9112 7.1.2', chunked('2\r\nok\r\n0\r\nX-A: 1\r\nETag:"x"\r\n\r\n', 'Trailer: X-A, ETag\r\n'), {
    trailers: [
      ['X-A', '1'],
      ['ETag', '"x"'],
    ],
    fields: { trailer: 'X-A, ETag' },
    kept: true,
  }),
  relayed(
    'trailers that may not be',
    '9110 6.5.1',
    chunked(
      '2\r\nok\r\n0\r\nContent-Length: 9\r\nTransfer-Encoding: x\r\nSet-Cookie: a=b\r\nLocation: /x\r\nConnection: close\r\nX-A: 1\r\n\r\n',
    ),
    {
      trailers: [['X-A', '1']],
      kept: true,
    },
  ),
  relayed(
    'a trailer that Connection names',
    '9110 7.6.1',
    chunked('2\r\nok\r\n0\r\nX-Hop: 1\r\nX-A: 2\r\n\r\n', 'Connection: X-Hop\r\n'),
    {
      trailers: [['X-A', '2']],
    },
  ),
  relayed(
    'trailers to HTTP/1.0 are lost',
    '9112 7.1.2',
    chunked('2\r\nok\r\n0\r\nX-A: 1\r\n\r\n', 'Trailer: X-A\r\n'),
    { fields: { trailer: null } },
    { version: '1.0' },
  ),
  ...BAD.map<AnswerCase>(([name, chunks]) => ({
    name: `no chunks: ${name}`,
    rfc: '9112 7.1',
    // In segments, so that the answer has begun when it breaks off.
    answer: [chunked('3\r\nabc\r\n'), chunks],
    outcome: { cutAfter: 'abcdef\r' },
  })),
  ...[
    '',
    '3',
    '3\r',
    '3\r\n',
    '3\r\nab',
    '3\r\nabc',
    '3\r\nabc\r',
    '3\r\nabc\r\n',
    '3\r\nabc\r\n0',
    '3\r\nabc\r\n0\r\n',
    '3\r\nabc\r\n0\r\nX: y\r\n',
  ].map<AnswerCase>(chunks => ({
    name: `chunks cut short: ${shown(chunks)}`,
    rfc: '9112 8',
    answer: chunked(chunks),
    behind: 'end',
    outcome: { cutAfter: 'abc' },
  })),
  {
    name: 'chunks cut short, to HTTP/1.0',
    rfc: '9112 8',
    answer: chunked('3\r\nabc\r\n'),
    behind: 'end',
    version: '1.0',
    outcome: { cutAfter: 'abc' },
  },
  {
    name: 'chunks cut short by a reset',
    rfc: '9112 8',
    answer: chunked('3\r\nabc\r\n'),
    behind: 'reset',
    outcome: { cutAfter: 'abc' },
  },
]
