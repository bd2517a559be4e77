// Where an answer ends: by its length, by its chunks, with the connection (RFC 9112, 6.3). What could be read in two ways is no answer.
import { chunked, invalid, ok, relayed, two, type AnswerCase } from '../answer-case.ts'
import { shown } from '../request-case.ts'

const TWO = [
  '2',
  '02',
  '0000000000000000000000002',
  '\t2 ',
  '2, 2',
  '2,2,2',
  '2\r\nContent-Length: 2',
  '2\r\ncontent-length: 02',
]
const NO_LENGTH = [
  '',
  '-2',
  '+2',
  '2 2',
  '2.0',
  '2e0',
  '0x2',
  '2;',
  '"2"',
  'two',
  '2,',
  ',2',
  '2,,2',
  '2, 3',
  '3, 2',
  '2\0',
  '\x0b2',
  '2\r\nContent-Length: 3',
  '3\r\nContent-Length: 2',
  '2\r\nContent-Length:',
  '2\r\ncontent-length: 0',
  '9007199254740992',
  '18446744073709551618',
  '99999999999999999999',
]
const NO_CODING = [
  '',
  ',',
  ',chunked',
  'chunked,',
  'identity',
  'gzip',
  'x',
  'xchunked',
  'chunkedx',
  'chunked, chunked',
  'chunked, gzip',
  'chunked, identity',
  'gzip, chunked',
  'identity, chunked',
  'chunked;x=y',
  '"chunked"',
  'chunked chunked',
  'chunked\x0b',
  '\x0cchunked',
  'chunked\0',
  '\xa0chunked',
  'chunked\r\nTransfer-Encoding: chunked',
  'chunked\r\nTransfer-Encoding: identity',
  'gzip\r\nTransfer-Encoding: chunked',
]
const CHUNKS = '2\r\nok\r\n0\r\n\r\n'

export const FRAMED_ANSWERS: readonly AnswerCase[] = [
  ...TWO.map(value =>
    relayed(`a length of two: ${shown(value)}`, '9112 6.3', ok(`Content-Length: ${value}\r\n`, 'ok'), {
      framing: 'content-length',
      fields: { 'content-length': '2' },
      kept: true,
    }),
  ),
  relayed('a length of none', '9112 6.3', ok('Content-Length: 0\r\n'), {
    body: '',
    framing: 'content-length',
    kept: true,
  }),
  relayed('content in pieces', '9112 6.3', [ok('Content-Length: 5\r\n'), 'a', 'bcd', 'e'], { body: 'abcde' }),
  relayed('content that looks like an answer', '9112 6.3', ok(`Content-Length: ${two().length}\r\n`, two()), {
    body: two(),
  }),
  relayed(
    'content of every octet',
    '9110 6.4',
    ok('Content-Length: 256\r\n', String.fromCharCode(...Array(256).keys())),
    {
      body: String.fromCharCode(...Array(256).keys()),
    },
  ),
  relayed('a large one', '9110 6.4', ok('Content-Length: 500000\r\n', 'x'.repeat(500_000)), {
    body: 'x'.repeat(500_000),
  }),
  relayed(
    'a length to HTTP/1.0',
    '9112 6.3',
    two(),
    { framing: 'content-length', fields: { connection: 'close' } },
    { version: '1.0' },
  ),
  ...NO_LENGTH.map(value =>
    invalid(`no length: ${shown(value)}`, '9112 6.3', ok(`Content-Length: ${value}\r\n`, 'ok!')),
  ),

  ...['chunked', 'Chunked', 'CHUNKED', '\tchunked '].map(value =>
    relayed(`chunked: ${shown(value)}`, '9112 6.1', ok(`Transfer-Encoding: ${value}\r\n`, CHUNKS), {
      framing: 'chunked',
      fields: { 'transfer-encoding': 'chunked' },
      kept: true,
    }),
  ),
  relayed(
    'chunks to HTTP/1.0 lose their framing',
    '9112 6.1',
    chunked(CHUNKS),
    { framing: 'until-close', fields: { 'transfer-encoding': null, connection: 'close' } },
    { version: '1.0' },
  ),
  ...NO_CODING.map(value =>
    invalid(`no coding: ${shown(value)}`, '9112 6.3', ok(`Transfer-Encoding: ${value}\r\n`, CHUNKS)),
  ),
  invalid('chunks in HTTP/1.0', '9112 6.1', ok('Transfer-Encoding: chunked\r\n', CHUNKS, 'HTTP/1.0 200 OK')),
  invalid(
    'chunks in HTTP/1.0 that is kept',
    '9112 6.1',
    ok('Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n', CHUNKS, 'HTTP/1.0 200 OK'),
  ),
  ...[
    ['Content-Length: 2', 'Transfer-Encoding: chunked'],
    ['Content-Length: 0', 'Transfer-Encoding: chunked'],
    ['Content-Length: 2', 'Transfer-Encoding: identity'],
    ['Content-Length: 2', 'Transfer-Encoding: x'],
    ['Content-Length: 2', 'Transfer-Encoding:'],
    ['Content-Length: x', 'Transfer-Encoding: chunked'],
  ].flatMap(([length = '', coding = '']) => [
    invalid(`both: ${length}, ${coding}`, '9112 6.3', ok(`${length}\r\n${coding}\r\n`, CHUNKS)),
    invalid(`both: ${coding}, ${length}`, '9112 6.3', ok(`${coding}\r\n${length}\r\n`, CHUNKS)),
  ]),
  invalid('both, to a HEAD', '9112 6.3', ok('Content-Length: 2\r\nTransfer-Encoding: chunked\r\n'), { method: 'HEAD' }),
  invalid(
    'both, in a 304',
    '9112 6.3',
    ok('Content-Length: 2\r\nTransfer-Encoding: chunked\r\n', '', 'HTTP/1.1 304 Not Modified'),
  ),
  invalid('two lengths, to a HEAD', '9112 6.3', ok('Content-Length: 2\r\nContent-Length: 3\r\n'), { method: 'HEAD' }),
  invalid(
    'two lengths, in a 304',
    '9112 6.3',
    ok('Content-Length: 2\r\nContent-Length: 3\r\n', '', 'HTTP/1.1 304 Not Modified'),
  ),

  // Until the connection ends.
  relayed(
    'until the end',
    '9112 6.3',
    ok('X-A: b\r\n', 'until the end'),
    { body: 'until the end', framing: 'chunked', fields: { 'x-a': 'b' }, kept: false },
    { behind: 'end' },
  ),
  relayed(
    'until the end, to HTTP/1.0',
    '9112 6.3',
    ok('', 'until the end'),
    { body: 'until the end', framing: 'until-close' },
    { behind: 'end', version: '1.0' },
  ),
  relayed(
    'until the end, from HTTP/1.0',
    '9112 6.3',
    ok('', 'until the end', 'HTTP/1.0 200 OK'),
    { body: 'until the end', framing: 'chunked' },
    { behind: 'end' },
  ),
  relayed(
    'until the end, though it says keep-alive',
    '9112 6.3',
    ok('Connection: keep-alive\r\n', 'abc'),
    { body: 'abc', kept: false },
    { behind: 'end' },
  ),
  relayed('until the end, and nothing comes', '9112 6.3', ok(''), { body: '', kept: false }, { behind: 'end' }),
  relayed('until the end, and chunks come', '9112 6.3', ok('', CHUNKS), { body: CHUNKS }, { behind: 'end' }),
  relayed('until the end, and an answer comes', '9112 6.3', ok('', two()), { body: two() }, { behind: 'end' }),

  // Not all of it.
  {
    name: 'less than its length',
    rfc: '9112 8',
    answer: ok('Content-Length: 5\r\n', 'abc'),
    behind: 'end',
    outcome: { cutAfter: 'abc' },
  },
  {
    name: 'less than its length, and a reset',
    rfc: '9112 8',
    answer: ok('Content-Length: 5\r\n', 'abc'),
    behind: 'reset',
    outcome: { cutAfter: 'abc' },
  },
  {
    name: 'nothing of its length',
    rfc: '9112 8',
    answer: ok('Content-Length: 5\r\n'),
    behind: 'end',
    outcome: { cutAfter: '' },
  },
  {
    name: 'less than its length, to HTTP/1.0',
    rfc: '9112 8',
    answer: ok('Content-Length: 5\r\n', 'abc'),
    behind: 'end',
    version: '1.0',
    outcome: { cutAfter: 'abc' },
  },
  {
    name: 'a reset before the end',
    rfc: '9112 8',
    answer: ok('', 'abc'),
    behind: 'reset',
    outcome: { cutAfter: 'abc' },
  },
  { name: 'nothing at all', rfc: '9112 9.6', answer: '', behind: 'end', outcome: 'closed' },
  { name: 'nothing but a reset', rfc: '9112 9.6', answer: '', behind: 'reset', outcome: 'closed' },
  ...[
    'H',
    'HTTP/1.1',
    'HTTP/1.1 200',
    'HTTP/1.1 200 OK\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r',
  ].map<AnswerCase>(answer => ({
    name: `nothing but ${shown(answer)}`,
    rfc: '9112 8',
    answer,
    behind: 'end',
    outcome: 'closed',
  })),
]
