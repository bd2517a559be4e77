// A second reading of RFC 9112, as slow and as plain as can be: strings, regular expressions and whole messages. It shares no code and
// no structure with the parser, so that what both say about a stream of octets was thought of twice.
//
// It knows no partial input, no limits and no codes: only which messages a stream begins with, and whether what follows them is bad
// or not finished.

import { isIPv6 } from 'node:net'

/** A message as both sides see it. */
export interface OracleMessage {
  /** Request: method, path, host. Response: status, reason. */
  start: string[]
  versionMinor: number
  fields: [name: string, value: string, hopByHop: boolean][]
  framing: 'none' | 'length' | 'chunked' | 'untilClose' | 'tunnel'
  /** Content, as far as it came. */
  content: string
  /** Whether the message is whole. */
  whole: boolean
  trailers: [name: string, value: string][]
  keepAlive: boolean
}

/** What a stream begins with. `bad`: what follows the messages is refused. Else it's the beginning of another message, or nothing. */
export interface OracleReading {
  messages: OracleMessage[]
  bad: boolean
}

const TCHAR = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]"
const FIELD_LINES = new RegExp(`^(?:${TCHAR}+:[\\t\\x20-\\x7e\\x80-\\xff]*\\r\\n)*$`)
const REQUEST_LINE = new RegExp(`^(?:\\r\\n){0,2}(${TCHAR}{1,32}) ([^ ]{1,8192}) HTTP/([0-9])\\.([0-9])\\r\\n`)
const STATUS_LINE = /^HTTP\/([0-9])\.([0-9]) ([1-5][0-9][0-9])(?: ([\t\x20-\x7e\x80-\xff]*))?\r\n/
const TOKEN_LIST = new RegExp(`^(?:${TCHAR}+)?(?:[ \\t]*,[ \\t]*(?:${TCHAR}+)?)*$`)
const PCHAR = "(?:[-A-Za-z0-9._~!$&'()*+,;=:@{}|^[\\]]|%[0-9A-Fa-f]{2})"
const PATH_QUERY = new RegExp(`^((?:/${PCHAR}*)*)(\\?(?:[-A-Za-z0-9._~!$&'()*+,;=:@{}|^[\\]/?%])*)?$`)
const EXTENSION = new RegExp(
  `[ \\t]*;[ \\t]*${TCHAR}+(?:[ \\t]*=[ \\t]*(?:${TCHAR}+|"(?:[\\t !#-[\\]-~\\x80-\\xff]|\\\\[\\t\\x20-\\x7e\\x80-\\xff])*"))?`,
)
const CHUNK_LINE = new RegExp(`^([0-9A-Fa-f]+)(?:${EXTENSION.source})*\\r\\n`)
const HOP_BY_HOP =
  /^(?:connection|keep-alive|proxy-(?:connection|authenticate|authorization|authentication-info)|te|transfer-encoding|upgrade|http2-settings)$/
/** Of the names that the generators use, those that may not be trailers. */
const NO_TRAILER = /^(?:host|content-length|trailer|expect|cookie|x-forwarded-for)$/

const trim = (value: string): string => value.replaceAll(/^[ \t]+|[ \t]+$/g, '')
const HYPHENATED = /^(?:x-forwarded-for|content-length|transfer-encoding|keep-alive|content-type)$/
const isLookAlike = (name: string): boolean => name.includes('_') && HYPHENATED.test(name.replaceAll('_', '-'))

function fieldsOf(lines: string): [string, string][] {
  return lines
    .split('\r\n')
    .slice(0, -1)
    .map(line => [line.slice(0, line.indexOf(':')), trim(line.slice(line.indexOf(':') + 1))])
}

const valuesOf = (fields: readonly [string, string][], name: string): string[] =>
  fields.filter(([given]) => given.toLowerCase() === name).map(([, value]) => value)

const listOf = (values: readonly string[]): string[] =>
  values
    .flatMap(value => value.split(','))
    .map(item => trim(item).toLowerCase())
    .filter(item => item !== '')

/** Host and port, or null. */
function authorityOf(text: string): { host: string; port: number; text: string } | null {
  const match = /^((?:[-\w.~!$&'()*+;=]|%[\da-fA-F]{2})+|\[([^\]%]*)\])(?::(\d*))?$/.exec(text)
  if (match === null) return null
  const [, host, literal, digits] = match
  if (literal !== undefined && !isIPv6(literal) && !/^v[\da-f]+\.[-\w.~!$&'()*+,;=:]+$/i.test(literal)) return null
  if (Number(digits ?? 0) > 65_535) return null
  const port = digits === undefined || digits === '' ? -1 : Number(digits)
  return { host: host!.toLowerCase(), port, text: text.replace(/:$/, '') }
}

/** The one length that Content-Length fields give, 'none', or 'bad'. */
function lengthOf(fields: readonly [string, string][]): number | 'none' | 'bad' {
  const values = valuesOf(fields, 'content-length').flatMap(value => value.split(',').map(trim))
  if (values.length === 0) return 'none'
  if (values.some(value => !/^[0-9]+$/.test(value) || BigInt(value) > BigInt(Number.MAX_SAFE_INTEGER))) return 'bad'
  const numbers = new Set(values.map(Number))
  return numbers.size === 1 ? Number(values[0]) : 'bad'
}

interface Head {
  start: string[]
  versionMinor: number
  fields: [string, string][]
  length: number | 'none'
  chunked: boolean
  headEnd: number
}

/** What both kinds of heads have in common; null if it's bad. */
function readHead(text: string, start: string[], versionMinor: number, lineEnd: number): Head | null {
  const headEnd = text.indexOf('\r\n\r\n', lineEnd - 2) + 4
  const lines = text.slice(lineEnd, headEnd - 2)
  if (!FIELD_LINES.test(lines)) return null
  const fields = fieldsOf(lines)
  if (fields.length > 100 || headEnd > 16_384) return null
  if (!valuesOf(fields, 'connection').every(value => TOKEN_LIST.test(value))) return null
  const length = lengthOf(fields)
  if (length === 'bad') return null
  const codings = valuesOf(fields, 'transfer-encoding')
  if (codings.length > 0) {
    if (versionMinor === 0 || length !== 'none') return null
    if (codings.length > 1 || codings[0]!.toLowerCase() !== 'chunked') return null
  }
  return { start, versionMinor, fields, length, chunked: codings.length > 0, headEnd }
}

/** A whole message but for its content. */
function messageOf(head: Head, framing: OracleMessage['framing']): OracleMessage {
  const options = listOf(valuesOf(head.fields, 'connection'))
  return {
    start: head.start,
    versionMinor: head.versionMinor,
    fields: head.fields.map(([name, value]) => {
      const lower = name.toLowerCase()
      return [name, value, HOP_BY_HOP.test(lower) || isLookAlike(lower) || options.includes(lower)]
    }),
    framing,
    content: '',
    whole: true,
    trailers: [],
    keepAlive:
      !options.includes('close') &&
      framing !== 'untilClose' &&
      (head.versionMinor === 1 || options.includes('keep-alive')),
  }
}

/** Reads chunks from `from` on into `message`; returns where they end, -1 if they're bad, -2 if they're not finished. */
function readChunks(text: string, from: number, message: OracleMessage): number {
  const options = listOf(
    message.fields.filter(([name]) => name.toLowerCase() === 'connection').map(([, value]) => value),
  )
  let pos = from
  for (;;) {
    const line = CHUNK_LINE.exec(text.slice(pos))
    if (line === null) return /\r\n/.test(text.slice(pos)) ? -1 : -2
    const size = Number.parseInt(line[1]!, 16)
    if (size > Number.MAX_SAFE_INTEGER) return -1
    pos += line[0].length
    if (size === 0) break
    message.content += text.slice(pos, pos + size)
    pos += size
    const end = text.slice(pos, pos + 2)
    if (end !== '\r\n') return '\r\n'.startsWith(end) ? -2 : -1
    pos += 2
  }
  const end = text.indexOf('\r\n\r\n', pos - 2)
  if (end === -1) return -2
  const lines = text.slice(pos, end + 2)
  if (!FIELD_LINES.test(lines)) return -1
  message.trailers = fieldsOf(lines).filter(([name]) => {
    const lower = name.toLowerCase()
    return !HOP_BY_HOP.test(lower) && !NO_TRAILER.test(lower) && !isLookAlike(lower) && !options.includes(lower)
  })
  return end + 4
}

/** Path and host of a request, or null. */
function targetOf(
  method: string,
  target: string,
  hosts: readonly string[],
  versionMinor: number,
): [path: string, host: string] | null {
  if (hosts.length > 1 || (hosts.length === 0 && versionMinor >= 1)) return null
  const host = hosts.length === 0 ? null : authorityOf(hosts[0]!)
  if (hosts.length === 1 && host === null) return null
  if (method === 'CONNECT') {
    const authority = authorityOf(target)
    return authority === null || authority.port === -1 ? null : ['', authority.text]
  }
  if (target === '*') return method === 'OPTIONS' ? ['*', host?.text ?? ''] : null
  const absolute = /^(https?):\/\/([^/?]*)(.*)$/is.exec(target)
  const rest = absolute === null ? target : absolute[3]!
  const match = PATH_QUERY.exec(rest)
  if (match === null) return null
  if (absolute === null) return match[1] === '' ? null : [rest, host?.text ?? '']
  const authority = authorityOf(absolute[2]!)
  if (authority === null) return null
  const defaultPort = absolute[1]!.toLowerCase() === 'http' ? 80 : 443
  const port = (given: number): number => (given === -1 ? defaultPort : given)
  if (host !== null && (host.host !== authority.host || port(host.port) !== port(authority.port))) return null
  if (match[1] !== '') return [rest, authority.text]
  return [rest === '' && method === 'OPTIONS' ? '*' : `/${rest}`, authority.text]
}

/** Reads a stream of requests. */
export function readRequests(stream: string): OracleReading {
  const messages: OracleMessage[] = []
  let text = stream
  for (;;) {
    const line = REQUEST_LINE.exec(text)
    // What isn't whole yet is left undecided: the parser may refuse it early or wait.
    if (text.replace(/^(?:\r\n){0,2}/, '').indexOf('\r\n\r\n') === -1) return { messages, bad: false }
    if (line === null) return { messages, bad: true }
    const [whole, method, target, major, minor] = line as unknown as [string, string, string, string, string]
    if (major !== '1') return { messages, bad: true }
    const versionMinor = minor === '0' ? 0 : 1
    const head = readHead(text, [], versionMinor, whole.length)
    if (head === null) return { messages, bad: true }
    const found = targetOf(method, target, valuesOf(head.fields, 'host'), versionMinor)
    if (found === null) return { messages, bad: true }
    head.start = [method, ...found]
    if (method === 'CONNECT') {
      if (head.chunked || (head.length !== 'none' && head.length > 0)) return { messages, bad: true }
      messages.push(messageOf(head, 'tunnel'))
      return { messages, bad: false }
    }
    const message = messageOf(head, head.chunked ? 'chunked' : head.length === 'none' ? 'none' : 'length')
    messages.push(message)
    let end = head.headEnd
    if (message.framing === 'chunked') end = readChunks(text, end, message)
    else if (head.length !== 'none') {
      message.content = text.slice(end, end + head.length)
      end = message.content.length < head.length ? -2 : end + head.length
    }
    if (end < 0) {
      message.whole = false
      return { messages, bad: end === -1 }
    }
    text = text.slice(end)
  }
}

/** Reads the response to one GET, up to the end of the connection. */
export function readResponse(stream: string): OracleReading {
  const messages: OracleMessage[] = []
  let text = stream
  for (;;) {
    if (text.indexOf('\r\n\r\n') === -1) return { messages, bad: false }
    const line = STATUS_LINE.exec(text)
    if (line === null || line[1] !== '1') return { messages, bad: true }
    const status = Number(line[3])
    const head = readHead(text, [line[3]!, line[4] ?? ''], line[2] === '0' ? 0 : 1, line[0].length)
    // No upgrade was asked for.
    if (head === null || status === 101) return { messages, bad: true }
    const hasNone = status < 200 || status === 204 || status === 304
    const message = messageOf(
      head,
      hasNone ? 'none' : head.chunked ? 'chunked' : head.length === 'none' ? 'untilClose' : 'length',
    )
    messages.push(message)
    if (status === 204 && (head.chunked || Number(head.length) > 0)) message.keepAlive = false
    const end = head.headEnd
    if (status < 200) {
      text = text.slice(end)
      continue
    }
    if (message.framing === 'chunked') {
      const chunksEnd = readChunks(text, end, message)
      message.whole = chunksEnd >= 0
      return { messages, bad: chunksEnd === -1 }
    }
    if (message.framing === 'untilClose') message.content = text.slice(end)
    else if (message.framing === 'length') {
      message.content = text.slice(end, end + Number(head.length))
      message.whole = message.content.length === head.length
    }
    return { messages, bad: false }
  }
}
