// Interim answers: passed on before the final one, never to HTTP/1.0, and without content (RFC 9110, 15.2).
import { octets } from '../request-case.ts'
import { invalid, ok, relayed, two, type AnswerCase } from '../answer-case.ts'

const interim = (status: number, lines = '', reason = 'X') => `HTTP/1.1 ${status} ${reason}\r\n${lines}\r\n`

export const INTERIM_ANSWERS: readonly AnswerCase[] = [
  ...[100, 102, 103, 104, 199].map(status =>
    relayed(`${status} before the final answer`, '9110 15.2', interim(status) + two(), {
      interim: [status],
      kept: true,
    }),
  ),
  relayed(
    'several of them',
    '9110 15.2',
    interim(100) + interim(103, 'Link: </a>\r\n') + interim(103, 'Link: </b>\r\n') + two(),
    { interim: [100, 103, 103], kept: true },
  ),
  relayed('each in a segment of its own', '9110 15.2', [interim(102), interim(103), two()], { interim: [102, 103] }),
  relayed('interim, octet by octet', '9110 15.2', octets(interim(103, 'Link: </a>\r\n') + two()), { interim: [103] }),
  relayed('without a reason', '9112 4', `HTTP/1.1 103\r\n\r\n${two()}`, { interim: [103] }),
  relayed('with a length, which means nothing', '9110 8.6', interim(103, 'Content-Length: 2\r\n') + two(), {
    interim: [103],
  }),
  relayed('with chunks, which mean nothing', '9112 6.1', interim(103, 'Transfer-Encoding: chunked\r\n') + two(), {
    interim: [103],
  }),
  relayed('with close, which is about the connection', '9112 9.6', interim(103, 'Connection: close\r\n') + two(), {
    interim: [103],
  }),
  relayed('before 204', '9110 15.2', interim(103) + ok('', '', 'HTTP/1.1 204 No Content'), {
    status: 204,
    body: '',
    interim: [103],
    kept: true,
  }),
  relayed(
    'before the answer to HEAD',
    '9110 15.2',
    interim(103) + ok('Content-Length: 9\r\n'),
    { body: '', interim: [103], kept: true },
    { method: 'HEAD' },
  ),
  relayed('before chunks', '9110 15.2', interim(103) + ok('Transfer-Encoding: chunked\r\n', '2\r\nok\r\n0\r\n\r\n'), {
    interim: [103],
    framing: 'chunked',
  }),
  relayed('none of them reaches HTTP/1.0', '9110 15.2', interim(100) + interim(103) + two(), {}, { version: '1.0' }),
  relayed('as many as are served', '9110 15.2', interim(103).repeat(32) + two(), {
    interim: Array.from({ length: 32 }, () => 103),
  }),
  invalid('a flood of them', '9110 15.2', interim(103).repeat(100) + two()),
  invalid('content behind one', '9112 6.3', `${interim(103, 'Content-Length: 2\r\n')}ok${two()}`),
  invalid(
    'chunks behind one',
    '9112 6.3',
    `${interim(103, 'Transfer-Encoding: chunked\r\n')}2\r\nok\r\n0\r\n\r\n${two()}`,
  ),
  invalid('an empty line behind one', '9112 2.2', `${interim(103)}\r\n${two()}`),
  invalid('nonsense behind one', '9112 4', `${interim(103)}nonsense\r\n\r\n`),
  invalid('a folded field in one', '9112 5.2', interim(103, 'X: a\r\n b\r\n') + two()),
  invalid('a NUL in one', '9110 5.5', interim(103, 'X: \0\r\n') + two()),
  invalid('two lengths in one', '9112 6.3', interim(103, 'Content-Length: 1\r\nContent-Length: 2\r\n') + two()),
  { name: 'nothing behind one', rfc: '9110 15.2', answer: interim(103), behind: 'end', outcome: 'closed' },
  { name: 'a reset behind one', rfc: '9110 15.2', answer: interim(103), behind: 'reset', outcome: 'closed' },
  {
    name: 'half an answer behind one',
    rfc: '9112 8',
    answer: `${interim(103)}HTTP/1.1 20`,
    behind: 'end',
    outcome: 'closed',
  },
]
