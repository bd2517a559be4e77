// Connection in answers: what it says is about the endpoint's connection, and what it names goes no further (RFC 9110, 7.6.1; RFC 9112, 9).
import { chunked, invalid, relayed, two, type AnswerCase } from '../answer-case.ts'

const OLD = 'HTTP/1.0 200 OK'

export const CONNECTION_ANSWERS: readonly AnswerCase[] = [
  relayed('nothing said', '9112 9.3', two(), { fields: { connection: null }, kept: true }),
  relayed('keep-alive', '9112 9.3', two('Connection: keep-alive\r\nKeep-Alive: timeout=5, max=100\r\n'), {
    fields: { connection: null, 'keep-alive': null },
    kept: true,
  }),
  ...['close', 'Close', 'keep-alive, close', 'close, x', ',close,'].map(value =>
    relayed(`Connection: ${value}`, '9112 9.6', two(`Connection: ${value}\r\n`), {
      fields: { connection: null },
      kept: false,
    }),
  ),
  relayed('close in a second line', '9110 5.3', two('Connection: keep-alive\r\nConnection: close\r\n'), {
    kept: false,
  }),
  relayed('close, and it ends', '9112 9.6', two('Connection: close\r\n'), { kept: false }, { behind: 'end' }),
  relayed('keep-alive, and it ends', '9112 9.5', two('Connection: keep-alive\r\n'), { kept: false }, { behind: 'end' }),
  relayed('chunks, and it ends', '9112 9.5', chunked('2\r\nok\r\n0\r\n\r\n'), { kept: false }, { behind: 'end' }),
  relayed('kept for no time', '9112 C.2.2', two('Keep-Alive: timeout=0\r\n'), { kept: false }),
  relayed('HTTP/1.0 ends', '9112 9.3', two('', OLD), { kept: false }),
  relayed('HTTP/1.0 that is kept', '9112 9.3', two('Connection: keep-alive\r\n', OLD), { kept: true }),
  relayed('HTTP/1.0 with Keep-Alive and no Connection', '9112 9.3', two('Keep-Alive: timeout=5\r\n', OLD), {
    kept: false,
  }),
  relayed('HTTP/1.0 with Proxy-Connection', '9112 C.2.2', two('Proxy-Connection: keep-alive\r\n', OLD), {
    kept: false,
    fields: { 'proxy-connection': null },
  }),

  ...[
    'X-Hop: 1',
    'Set-Cookie: a=b',
    'Cache-Control: no-store',
    'Content-Type: a/b',
    'Location: /x',
    'ETag: "x"',
    'Server: x',
    'Vary: *',
  ].map(line => {
    const name = line.split(':')[0] as string
    return relayed(
      `Connection takes ${name} away`,
      '9110 7.6.1',
      two(`Connection: ${name.toLowerCase()}\r\n${line}\r\nX-Kept: 1\r\n${line}\r\n`),
      {
        fields: { [name]: null, 'x-kept': '1' },
        kept: true,
      },
    )
  }),
  relayed(
    'Connection takes away what stands before it',
    '9110 7.6.1',
    two('X-Hop: 1\r\nConnection: keep-alive, X-Hop\r\n'),
    { fields: { 'x-hop': null } },
  ),
  relayed(
    'Connection takes Date away, and ours stands there',
    '9110 6.6.1',
    two('Connection: Date\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n'),
  ),
  relayed('Connection: Content-Length takes no length away', '9110 7.6.1', two('Connection: Content-Length\r\n'), {
    framing: 'content-length',
    kept: true,
  }),
  relayed(
    'Connection: Transfer-Encoding takes no chunks away',
    '9110 7.6.1',
    chunked('2\r\nok\r\n0\r\n\r\n', 'Connection: Transfer-Encoding\r\n'),
    { framing: 'chunked', kept: true },
  ),
  ...[
    'Keep-Alive: timeout=5',
    'Proxy-Connection: keep-alive',
    'TE: trailers',
    'Upgrade: h2c',
    'Proxy-Authenticate: Basic',
    'Proxy-Authentication-Info: x',
  ].map(line =>
    relayed(`goes no further: ${line}`, '9110 7.6.1', two(`${line}\r\nX-Kept: 1\r\n`), {
      fields: { [line.split(':')[0] as string]: null, 'x-kept': '1' },
    }),
  ),
  ...['close;x', '"close"', 'close x', 'close@', 'a=b'].map(value =>
    invalid(`no list of options: ${value}`, '9110 7.6.1', two(`Connection: ${value}\r\n`)),
  ),
  relayed('close to HTTP/1.0', '9112 9.3', two(), { fields: { connection: 'close' } }, { version: '1.0' }),
]
