// A small HTTP/1.1 reader for asserts: bytes in, one message out, nothing hidden.
//
// It's deliberately not the parser under test and shares nothing with it. Header fields come as raw pairs in their order, names as they were sent. It's strict
// about framing, since a test wants to see what was sent, and refuses what RFC 9112 forbids a sender; it doesn't check the grammar of values.
import { TestingError } from './errors.ts'

/** How the body's end was found (RFC 9112, section 6.3). */
export type BodyFraming = 'none' | 'content-length' | 'chunked' | 'until-close'

export interface HttpMessage {
  /** `HTTP/1.1` */
  readonly version: string
  /** Names and values as they were sent, surrounding blanks of values removed. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** The body without its framing. */
  readonly body: Buffer
  /** Fields after the last chunk. */
  readonly trailers: readonly (readonly [name: string, value: string])[]
  readonly framing: BodyFraming
  /** The message's bytes as they came. */
  readonly raw: Buffer
  /** Values of a field, in any case of its name, joined by ", "; undefined when it's absent. */
  header(name: string): string | undefined
}

export interface HttpResponse extends HttpMessage {
  readonly status: number
  readonly reason: string
}

export interface HttpRequest extends HttpMessage {
  readonly method: string
  readonly target: string
}

export interface ParseOptions {
  /** Method of the request that a response answers: HEAD and CONNECT change its framing. Default GET. */
  readonly method?: string
  /** True when the sender has closed, so that a body framed by the close is complete. Default false. */
  readonly ended?: boolean
}

/**
 * The first response in `bytes`, 1xx ones included, or undefined when it isn't complete.
 * @throws TESTING_ERR_BAD_MESSAGE
 */
export function parseResponse(bytes: Buffer, options: ParseOptions = {}): HttpResponse | undefined {
  const head = parseHead(bytes)
  if (head === undefined) return undefined
  const match = /^(HTTP\/\d\.\d) (\d{3}) ?(.*)$/.exec(head.startLine)
  if (match === null) throw bad(`no status line: ${JSON.stringify(head.startLine)}`)
  const [, version = '', status = '', reason = ''] = match
  const method = options.method ?? 'GET'
  const code = Number(status)
  const tunnel = code === 101 || (method === 'CONNECT' && code >= 200 && code < 300)
  const bodyless = method === 'HEAD' || code < 200 || code === 204 || code === 304 || tunnel
  const body = bodyless ? noBody(head.end) : parseBody(bytes, head, options.ended ?? false, 'until-close')
  return body && { status: code, reason, ...message(bytes, version, head, body) }
}

/**
 * The first request in `bytes`, or undefined when it isn't complete.
 * @throws TESTING_ERR_BAD_MESSAGE
 */
export function parseRequest(bytes: Buffer): HttpRequest | undefined {
  const head = parseHead(bytes)
  if (head === undefined) return undefined
  const match = /^(\S+) (\S+) (HTTP\/\d\.\d)$/.exec(head.startLine)
  if (match === null) throw bad(`no request line: ${JSON.stringify(head.startLine)}`)
  const [, method = '', target = '', version = ''] = match
  // A request without framing has no body (RFC 9112, section 6.3, rule 7).
  const body = parseBody(bytes, head, false, 'none')
  return body && { method, target, ...message(bytes, version, head, body) }
}

type Fields = (readonly [name: string, value: string])[]

interface Head {
  readonly startLine: string
  readonly headers: Fields
  /** Offset behind the empty line. */
  readonly end: number
}

interface Body {
  readonly body: Buffer
  readonly trailers: Fields
  readonly framing: BodyFraming
  readonly end: number
}

function parseHead(bytes: Buffer): Head | undefined {
  const end = bytes.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const [startLine = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  return { startLine, headers: lines.map(parseField), end: end + 4 }
}

function parseField(line: string): readonly [string, string] {
  const match = /^([^\s:]+):[ \t]*(.*?)[ \t]*$/s.exec(line)
  if (match === null) throw bad(`no header field: ${JSON.stringify(line)}`)
  return [match[1] ?? '', match[2] ?? '']
}

function noBody(end: number): Body {
  return { body: Buffer.alloc(0), trailers: [], framing: 'none', end }
}

function parseBody(bytes: Buffer, head: Head, ended: boolean, otherwise: 'none' | 'until-close'): Body | undefined {
  const encodings = valuesOf(head.headers, 'transfer-encoding')
  const lengths = valuesOf(head.headers, 'content-length')
  if (encodings.length > 0 && lengths.length > 0) throw bad('both transfer-encoding and content-length')
  if (encodings.length > 0) {
    if (encodings.join(', ').toLowerCase() !== 'chunked') throw bad(`transfer-encoding: ${encodings.join(', ')}`)
    return parseChunks(bytes, head.end)
  }
  if (lengths.length > 1) throw bad(`${lengths.length} content-length fields`)
  const [length] = lengths
  if (length !== undefined) {
    if (!/^\d+$/.test(length)) throw bad(`content-length: ${length}`)
    const end = head.end + Number(length)
    return end > bytes.length
      ? undefined
      : { body: bytes.subarray(head.end, end), trailers: [], framing: 'content-length', end }
  }
  if (otherwise === 'none') return noBody(head.end)
  return ended ? { body: bytes.subarray(head.end), trailers: [], framing: 'until-close', end: bytes.length } : undefined
}

/** chunked-body = *chunk last-chunk trailer-section CRLF (RFC 9112, section 7.1). */
function parseChunks(bytes: Buffer, start: number): Body | undefined {
  const chunks: Buffer[] = []
  for (let at = start; ;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    const line = bytes.toString('latin1', at, lineEnd)
    const size = /^([0-9a-fA-F]+)[ \t]*(?:;.*)?$/.exec(line)?.[1]
    if (size === undefined) throw bad(`chunk size: ${JSON.stringify(line)}`)
    const dataEnd = lineEnd + 2 + Number.parseInt(size, 16)
    if (dataEnd === lineEnd + 2) return parseTrailers(bytes, dataEnd, Buffer.concat(chunks))
    if (bytes.length < dataEnd + 2) return undefined
    if (bytes.toString('latin1', dataEnd, dataEnd + 2) !== '\r\n') throw bad('no line end behind a chunk')
    chunks.push(bytes.subarray(lineEnd + 2, dataEnd))
    at = dataEnd + 2
  }
}

function parseTrailers(bytes: Buffer, start: number, body: Buffer): Body | undefined {
  const trailers: Fields = []
  for (let at = start; ;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    if (lineEnd === at) return { body, trailers, framing: 'chunked', end: at + 2 }
    trailers.push(parseField(bytes.toString('latin1', at, lineEnd)))
    at = lineEnd + 2
  }
}

function message(bytes: Buffer, version: string, head: Head, body: Body): HttpMessage {
  return {
    version,
    headers: head.headers,
    body: body.body,
    trailers: body.trailers,
    framing: body.framing,
    raw: bytes.subarray(0, body.end),
    header: name => {
      const values = valuesOf(head.headers, name)
      return values.length === 0 ? undefined : values.join(', ')
    },
  }
}

function valuesOf(fields: Fields, name: string): string[] {
  return fields.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
}

function bad(what: string): TestingError {
  return new TestingError('TESTING_ERR_BAD_MESSAGE', `Not an HTTP/1.1 message: ${what}.`)
}
