// An origin that takes nothing for granted: it reads requests with a reader of its own, by the letter of RFC 9112, and records them.
//
// Whatever a client sent, what arrives here has to be one well-formed request after the other; anything else is a fault, and a test that
// leaves faults fails. It shares no code with the parser of the balancer.
import { rawServer, parseRequest, type HttpRequest, type RawAddress, type RawPeer } from '@plimsoll/testing'
import type { Test } from 'tap'

/** A request as it arrived, and on which connection. */
export interface SeenRequest extends HttpRequest {
  readonly connection: number
}

/** Answers one request: the bytes to send, or nothing if it has written to the peer itself. */
export type Answerer = (
  request: SeenRequest,
  peer: RawPeer,
) => string | Buffer | undefined | Promise<string | Buffer | undefined>

export interface StrictOrigin {
  readonly url: string
  readonly port: number
  /** Requests that arrived whole, in order. */
  readonly seen: SeenRequest[]
  /** Connections on which bytes came that ended before a request was whole, with those bytes. */
  readonly partial: string[]
  /** What was not well-formed. */
  readonly faults: string[]
  /** Connections that carried at least one byte. */
  readonly peers: RawPeer[]
  close(): Promise<void>
}

/** 200 with the request's method, target and `X-T` as its body. */
export const echo: Answerer = request => {
  const body = `${request.method} ${request.target} ${request.header('x-t') ?? ''}`
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${request.method === 'HEAD' ? '' : body}`
}

/** An answer with a body of known length. */
export function answer(body: string, fields = '', status = '200 OK'): string {
  return `HTTP/1.1 ${status}\r\n${fields}Content-Length: ${Buffer.byteLength(body, 'latin1')}\r\n\r\n${body}`
}

/** Listens on a free port of 127.0.0.1, unless `address` says other. */
export async function strictOrigin(t: Test, answerer: Answerer = echo, address?: RawAddress): Promise<StrictOrigin> {
  const seen: SeenRequest[] = []
  const partial: string[] = []
  const faults: string[] = []
  const peers: RawPeer[] = []
  const server = await rawServer(
    t,
    async (peer, index) => {
      // Health checks connect and say nothing.
      peer.socket.once('data', () => peers.push(peer))
      for (;;) {
        let request: SeenRequest
        try {
          request = { ...(await peer.readRequest({ timeoutMs: 60_000 })), connection: index }
        } catch (error) {
          const left = peer.unread.toString('latin1')
          if ((error as { code?: string }).code === 'TESTING_ERR_BAD_MESSAGE') faults.push(`${String(error)}: ${left}`)
          else if (left !== '') partial.push(left)
          peer.end()
          return
        }
        faults.push(...wrongWith(request))
        seen.push(request)
        const bytes = await answerer(request, peer)
        if (bytes !== undefined) void peer.write(bytes)
      }
    },
    address,
  )
  t.teardown(() => {
    if (faults.length > 0) t.fail(`the origin was sent what isn't well-formed: ${faults.join('\n')}`)
  })
  return { url: server.url, port: server.port, seen, partial, faults, peers, close: () => server.close() }
}

const REQUEST_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ (?:\/[!-~]*|\*) HTTP\/1\.1$/
const FIELD_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+: (?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?$/

/** Everything about a request, as it arrived, that a sender may not do (RFC 9112), and what only a sloppy proxy does. */
export function wrongWith(request: HttpRequest): string[] {
  const text = request.raw.toString('latin1')
  const wrong: string[] = []
  const [requestLine = '', ...fields] = text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n')
  if (!REQUEST_LINE.test(requestLine)) wrong.push(`request line ${JSON.stringify(requestLine)}`)
  for (const field of fields) if (!FIELD_LINE.test(field)) wrong.push(`field ${JSON.stringify(field)}`)
  const count = (name: string) => request.headers.filter(([given]) => given.toLowerCase() === name).length
  if (count('host') !== 1) wrong.push(`${count('host')} Host fields`)
  if (count('content-length') + count('transfer-encoding') > 1) wrong.push('more than one framing field')
  for (const name of ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'forwarded', 'x-request-id'])
    if (count(name) > 1) wrong.push(`${count(name)} ${name} fields`)
  for (const name of ['keep-alive', 'proxy-connection', 'te', 'http2-settings'])
    if (count(name) > 0) wrong.push(`a hop-by-hop field: ${name}`)
  if (request.framing === 'chunked' && /\r\n[0-9a-f]+[^0-9a-f\r]/.test(chunkLines(text, request)))
    wrong.push('a chunk size with an extension')
  return wrong
}

/** Only short bodies are looked at: their chunk lines can't be mistaken for content. */
function chunkLines(text: string, request: HttpRequest): string {
  return request.body.length === 0 ? text.slice(text.indexOf('\r\n\r\n') + 2) : ''
}

/** All of `parseRequest`, one behind the other; throws if something is left. */
export function parseRequests(bytes: Buffer): HttpRequest[] {
  const requests: HttpRequest[] = []
  for (let rest = bytes; rest.length > 0;) {
    const request = parseRequest(rest)
    if (!request) throw new Error(`not a whole request: ${rest.toString('latin1')}`)
    requests.push(request)
    rest = rest.subarray(request.raw.length)
  }
  return requests
}
