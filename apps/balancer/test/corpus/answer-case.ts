// How a case of the answers' corpus is written: what an endpoint says to a request, and what the client gets, decided by the text of the
// RFCs.
//
// `answers.test.ts` runs the tables and adds what holds for every case: what the client gets is well-formed and framed for it; a client
// that has done nothing wrong keeps its connection; and whoever comes next, over a kept connection or a new one, gets its own answer.

/** What the client gets. */
export type Outcome =
  /** 502, because what came isn't an answer. */
  | 'invalid'
  /** 502, because the endpoint left before an answer had begun. */
  | 'closed'
  | Relayed
  | Cut

/** The endpoint's answer, whole. */
export interface Relayed {
  /** Default 200. */
  readonly status?: number
  /** Default: not looked at. */
  readonly reason?: string
  readonly framing?: 'none' | 'content-length' | 'chunked' | 'until-close'
  /** Default `ok`. */
  readonly body?: string
  /** Fields with their whole value (several lines joined by ", "); null for a field that isn't there. */
  readonly fields?: Readonly<Record<string, string | null>>
  /** Default none. */
  readonly trailers?: readonly (readonly [name: string, value: string])[]
  /** Statuses of the interim answers before it. Default none. */
  readonly interim?: readonly number[]
  /** Whether the endpoint's connection is used again. Default: not looked at. */
  readonly kept?: boolean
}

/** The beginning of the endpoint's answer, and an end by which the client sees that it isn't whole. */
export interface Cut {
  /** Octets of content, without framing, that the client gets at most. */
  readonly cutAfter: string
}

export interface AnswerCase {
  readonly name: string
  /** The section that decides, as `9112 6.3`. */
  readonly rfc: string
  /** What the endpoint sends. Each piece leaves in a segment of its own. */
  readonly answer: string | readonly string[]
  /** What it does then. Default: it waits for the next request. */
  readonly behind?: 'wait' | 'end' | 'reset'
  /** What was asked. Default: a GET of HTTP/1.1 for no upgrade. */
  readonly method?: string
  readonly version?: '1.0' | '1.1'
  readonly fields?: string
  readonly outcome: Outcome
}

/** An answer with these lines behind its status line. */
export function ok(lines: string, body = '', line = 'HTTP/1.1 200 OK'): string {
  return `${line}\r\n${lines}\r\n${body}`
}

/** The shortest good answer, with more fields. */
export function two(lines = '', line = 'HTTP/1.1 200 OK'): string {
  return ok(`Content-Length: 2\r\n${lines}`, 'ok', line)
}

export function chunked(chunks: string, lines = ''): string {
  return ok(`Transfer-Encoding: chunked\r\n${lines}`, chunks)
}

export function invalid(
  name: string,
  rfc: string,
  answer: string | readonly string[],
  more: Partial<AnswerCase> = {},
): AnswerCase {
  return { name, rfc, answer, outcome: 'invalid', ...more }
}

export function relayed(
  name: string,
  rfc: string,
  answer: string | readonly string[],
  outcome: Relayed = {},
  more: Partial<AnswerCase> = {},
): AnswerCase {
  return { name, rfc, answer, outcome, ...more }
}
