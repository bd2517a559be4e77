// Bytes behind a whole answer belong to nobody: the client doesn't get them, whoever asks next doesn't either, and the connection that
// brought them is not used again (RFC 9112, 9.3 and 11.2; response queue poisoning).
import { chunked, ok, relayed, two, type AnswerCase } from '../answer-case.ts'
import { shown } from '../request-case.ts'

const POISON = two('X-Poison: 1\r\n')
const BEHIND = [
  'x',
  ' ',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\0',
  'garbage',
  '0\r\n\r\n',
  POISON,
  POISON + POISON,
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n',
  'x'.repeat(100_000),
]

export const LEFTOVER_ANSWERS: readonly AnswerCase[] = [
  ...BEHIND.flatMap(behind => [
    relayed(`behind a length: ${shown(behind)}`, '9112 11.2', two() + behind, { kept: false }),
    relayed(
      `behind a length, and the end: ${shown(behind)}`,
      '9112 11.2',
      two() + behind,
      { kept: false },
      { behind: 'end' },
    ),
    relayed(`behind chunks: ${shown(behind)}`, '9112 11.2', chunked('2\r\nok\r\n0\r\n\r\n') + behind, { kept: false }),
  ]),
  ...['x', POISON].flatMap(behind => [
    relayed(`behind no content: ${shown(behind)}`, '9112 11.2', ok('Content-Length: 0\r\n', behind), {
      body: '',
      kept: false,
    }),
    relayed(`behind trailers: ${shown(behind)}`, '9112 11.2', `${chunked('2\r\nok\r\n0\r\nX: y\r\n\r\n')}${behind}`, {
      trailers: [['X', 'y']],
      kept: false,
    }),
    relayed(`behind 204: ${shown(behind)}`, '9112 11.2', ok('', behind, 'HTTP/1.1 204 No Content'), {
      status: 204,
      body: '',
      kept: false,
    }),
    relayed(`behind 304: ${shown(behind)}`, '9112 11.2', ok('', behind, 'HTTP/1.1 304 Not Modified'), {
      status: 304,
      body: '',
      kept: false,
    }),
    relayed(
      `behind HEAD: ${shown(behind)}`,
      '9112 11.2',
      ok('Content-Length: 2\r\n', behind),
      { body: '', kept: false },
      { method: 'HEAD' },
    ),
    relayed(
      `behind an answer to HTTP/1.0: ${shown(behind)}`,
      '9112 11.2',
      two() + behind,
      { kept: false },
      { version: '1.0' },
    ),
  ]),
]
