// How a case of the requests' corpus is written: what a client sends, and what must hold, decided by the text of the RFCs.
//
// The tables say bytes and outcomes and nothing else; `requests.test.ts` runs them and adds what holds for every case: the origin saw
// exactly the requests that are told, each well-formed and once; the client got exactly the answers that are told, and no byte more;
// the connection goes on if it lives, and ends if it doesn't.

/** As a host: the address that the balancer listens on. */
export const LISTENING = 'the address that the client has connected to'

/** What the origin saw of one request, as far as the case is about it. */
export interface Seen {
  /** Default GET. */
  readonly method?: string
  /** Default `/`. */
  readonly target?: string
  /** Default `a.test`. */
  readonly host?: string
  readonly framing?: 'none' | 'content-length' | 'chunked'
  /** Default empty. */
  readonly body?: string
  /** Fields with their whole value (several lines joined by ", "); null for a field that isn't there. */
  readonly fields?: Readonly<Record<string, string | null>>
  /** Default none. */
  readonly trailers?: readonly (readonly [name: string, value: string])[]
}

/** An answer of the balancer's own to a HEAD: like any other, without its body. */
export interface RefusedHead {
  readonly refusedHead: number
}

/** One final answer: that of the origin to a request that it saw, or a status of the balancer's own. */
export type Answer = Seen | RefusedHead | number

export interface RequestCase {
  readonly name: string
  /** The section that decides, as `9112 6.1`; advisories and other names behind it. */
  readonly rfc: string
  /** Each piece leaves in a segment of its own. */
  readonly send: string | readonly string[]
  /** Final answers in their order. */
  readonly answers: readonly Answer[]
  /** Whether the connection takes another request behind the last answer. */
  readonly lives: boolean
  /** The client ends its side behind what it sends. */
  readonly halfClosed?: boolean
}

/** A request of GET unless told, for `/` at `a.test`; `fields` are whole lines. */
export function request(fields: string, body = '', line = 'GET / HTTP/1.1'): string {
  return `${line}\r\nHost: a.test\r\n${fields}\r\n${body}`
}

export function post(fields: string, body = ''): string {
  return request(fields, body, 'POST / HTTP/1.1')
}

/** What an attacker hides behind another message. It must never be answered, and never arrive. */
export const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n'

/** Answered with this status, by the balancer alone, and closed behind it. */
export function refused(name: string, rfc: string, send: string | readonly string[], status = 400): RequestCase {
  return { name, rfc, send, answers: [status], lives: false }
}

/** Reaches the origin as one request, is answered by it, and the connection lives. */
export function passed(name: string, rfc: string, send: string | readonly string[], seen: Seen = {}): RequestCase {
  return { name, rfc, send, answers: [seen], lives: true }
}

/** The same, but the connection ends behind the answer. */
export function last(name: string, rfc: string, send: string | readonly string[], seen: Seen = {}): RequestCase {
  return { name, rfc, send, answers: [seen], lives: false }
}

/** One segment for each octet. */
export function octets(bytes: string): readonly string[] {
  return bytes.split('')
}

/** Bytes as they are shown in names: printable, and not for ever. */
export function shown(bytes: string): string {
  const text = JSON.stringify(bytes)
  return text.length <= 70 ? text : `${text.slice(0, 60)}… (${bytes.length} bytes)`
}
