// Answers that have no content whatever they say: to HEAD, 204 and 304 (RFC 9112, 6.3, rule 1); and 205, which should have none.
import { ok, relayed, type AnswerCase } from '../answer-case.ts'

const head = (lines: string, line?: string) => ok(lines, '', line)
const NO_CONTENT = 'HTTP/1.1 204 No Content'
const NOT_MODIFIED = 'HTTP/1.1 304 Not Modified'
const POISON = 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'

export const EMPTY_ANSWERS: readonly AnswerCase[] = [
  relayed(
    'HEAD with a length',
    '9110 9.3.2',
    head('Content-Length: 1234\r\n'),
    { body: '', fields: { 'content-length': '1234' }, kept: true },
    { method: 'HEAD' },
  ),
  relayed(
    'HEAD with a length of 0',
    '9110 9.3.2',
    head('Content-Length: 0\r\n'),
    { body: '', fields: { 'content-length': '0' }, kept: true },
    { method: 'HEAD' },
  ),
  relayed(
    'HEAD with chunks',
    '9112 6.1',
    head('Transfer-Encoding: chunked\r\n'),
    { body: '', fields: { 'content-length': null }, kept: true },
    { method: 'HEAD' },
  ),
  relayed(
    'HEAD without a length',
    '9112 6.3',
    head(''),
    { body: '', fields: { 'content-length': null, 'transfer-encoding': null }, kept: true },
    { method: 'HEAD' },
  ),
  relayed(
    'HEAD of HTTP/1.0',
    '9112 6.3',
    head('Content-Length: 5\r\n'),
    { body: '', fields: { 'content-length': '5' } },
    { method: 'HEAD', version: '1.0' },
  ),
  relayed(
    'HEAD that is not found',
    '9110 9.3.2',
    head('Content-Length: 9\r\n', 'HTTP/1.1 404 Not Found'),
    { status: 404, body: '', kept: true },
    { method: 'HEAD' },
  ),
  relayed(
    'HEAD with content',
    '9110 9.3.2',
    ok('Content-Length: 2\r\n', 'ok'),
    { body: '', kept: false },
    { method: 'HEAD' },
  ),
  relayed(
    'HEAD with chunks that come',
    '9110 9.3.2',
    ok('Transfer-Encoding: chunked\r\n', '2\r\nok\r\n0\r\n\r\n'),
    { body: '', kept: false },
    { method: 'HEAD' },
  ),
  relayed(
    'HEAD with content that is an answer',
    '9112 11.1',
    ok(`Content-Length: ${POISON.length}\r\n`, POISON),
    { body: '', kept: false },
    { method: 'HEAD' },
  ),
  relayed(
    'head in small letters is another method',
    '9110 9.1',
    ok('Content-Length: 2\r\n', 'ok'),
    {},
    { method: 'head' },
  ),

  relayed('204', '9110 15.3.5', head('X-A: b\r\n', NO_CONTENT), {
    status: 204,
    body: '',
    fields: { 'x-a': 'b', 'content-length': null, 'transfer-encoding': null },
    kept: true,
  }),
  relayed('204 with a length of 0', '9110 8.6', head('Content-Length: 0\r\n', NO_CONTENT), {
    status: 204,
    body: '',
    fields: { 'content-length': null },
    kept: true,
  }),
  relayed('204 with a length', '9110 8.6', head('Content-Length: 2\r\n', NO_CONTENT), {
    status: 204,
    body: '',
    fields: { 'content-length': null },
    kept: false,
  }),
  relayed('204 with chunks', '9112 6.1', head('Transfer-Encoding: chunked\r\n', NO_CONTENT), {
    status: 204,
    body: '',
    fields: { 'transfer-encoding': null },
    kept: false,
  }),
  relayed('204 with content', '9112 6.3', ok('Content-Length: 2\r\n', 'ok', NO_CONTENT), {
    status: 204,
    body: '',
    kept: false,
  }),
  relayed('204 with content and no length', '9112 6.3', ok('', 'ok', NO_CONTENT), {
    status: 204,
    body: '',
    kept: false,
  }),
  relayed('204 with content that comes late', '9112 6.3', [head('Content-Length: 2\r\n', NO_CONTENT), 'ok'], {
    status: 204,
    body: '',
    kept: false,
  }),
  relayed(
    '204 with chunks that come late',
    '9112 6.3',
    [head('Transfer-Encoding: chunked\r\n', NO_CONTENT), '2\r\nok\r\n0\r\n\r\n'],
    { status: 204, body: '', kept: false },
  ),
  relayed(
    '204 with content that is an answer',
    '9112 11.1',
    ok(`Content-Length: ${POISON.length}\r\n`, POISON, NO_CONTENT),
    { status: 204, body: '', kept: false },
  ),
  relayed(
    '204 to a POST',
    '9110 15.3.5',
    head('', NO_CONTENT),
    { status: 204, body: '', kept: true },
    { method: 'POST' },
  ),
  relayed('204 to HTTP/1.0', '9110 15.3.5', head('', NO_CONTENT), { status: 204, body: '' }, { version: '1.0' }),
  relayed(
    '204 to HEAD',
    '9110 15.3.5',
    head('Content-Length: 2\r\n', NO_CONTENT),
    { status: 204, body: '', fields: { 'content-length': null } },
    { method: 'HEAD' },
  ),

  relayed('304', '9110 15.4.5', head('ETag: "x"\r\n', NOT_MODIFIED), {
    status: 304,
    body: '',
    fields: { etag: '"x"' },
    kept: true,
  }),
  relayed('304 with a length', '9110 8.6', head('Content-Length: 1234\r\n', NOT_MODIFIED), {
    status: 304,
    body: '',
    fields: { 'content-length': '1234' },
    kept: true,
  }),
  relayed('304 with chunks', '9112 6.1', head('Transfer-Encoding: chunked\r\n', NOT_MODIFIED), {
    status: 304,
    body: '',
    kept: true,
  }),
  relayed('304 with content', '9112 6.3', ok('Content-Length: 2\r\n', 'ok', NOT_MODIFIED), {
    status: 304,
    body: '',
    kept: false,
  }),
  relayed(
    '304 with content that is an answer',
    '9112 11.1',
    ok(`Content-Length: ${POISON.length}\r\n`, POISON, NOT_MODIFIED),
    { status: 304, body: '', kept: false },
  ),
  relayed(
    '304 to HTTP/1.0',
    '9110 15.4.5',
    head('Content-Length: 5\r\n', NOT_MODIFIED),
    { status: 304, body: '' },
    { version: '1.0' },
  ),

  relayed('205 with a length of 0', '9110 15.3.6', head('Content-Length: 0\r\n', 'HTTP/1.1 205 Reset Content'), {
    status: 205,
    body: '',
    kept: true,
  }),
  relayed(
    '205 with an empty chunked body',
    '9110 15.3.6',
    ok('Transfer-Encoding: chunked\r\n', '0\r\n\r\n', 'HTTP/1.1 205 Reset Content'),
    { status: 205, body: '', kept: true },
  ),
  relayed(
    '205 with content is framed like any other',
    '9112 6.3',
    ok('Content-Length: 2\r\n', 'ok', 'HTTP/1.1 205 Reset Content'),
    { status: 205, kept: true },
  ),
]
