// What the drill and its upstreams agree on: faults, messages over IPC, paths, and the one right answer to each request.

/**
 * none: answers at once.
 * hang: accepts and reads, the health path too, and never answers; not when it has healed either, so nothing comes in the last moment.
 * answer-500: the work is answered with 500, the health path with 200: the harder kind, which only the traffic shows.
 * reset: head and half of the body, then RST; the health path is well.
 * drip: the body takes 1.5 s; the health path is well.
 * refuse: the port refuses while the process lives; connections that are open get one last answer each.
 */
export const FAULTS = ['none', 'hang', 'answer-500', 'reset', 'drip', 'refuse'] as const
export type Fault = (typeof FAULTS)[number]

export const HEALTH_PATH = '/healthz'
export const WORK_PATH = '/work/'

export type Method = 'GET' | 'POST'

/** The first message to an upstream. */
export interface UpstreamStart {
  readonly kind: 'start'
  readonly name: string
  readonly port: number
  /** Gets a line per executed request, before the answer. */
  readonly logFile: string
}

export type UpstreamOrder = UpstreamStart | { readonly kind: 'fault'; readonly fault: Fault }

/** What an upstream reports: that it listens, and that a fault is in force. */
export type UpstreamReport =
  | { readonly kind: 'listening' }
  | { readonly kind: 'in-force'; readonly fault: Fault }
  | UpstreamFailure

export interface UpstreamFailure {
  readonly kind: 'failed'
  readonly reason: string
}

/** Code in the 500 of an upstream, to tell it from a 500 of the proxy. */
export const INJURED_CODE = 'INJURED_UPSTREAM'

const PADDING = 'x'.repeat(400)

/** The whole body of the right answer. */
export function answerBody(id: string, method: Method, upstream: string): string {
  return `${id} ${method} ${upstream} ${PADDING}\n`
}

/** Which upstream this is the right answer of; null when it isn't the answer to that request. */
export function answeringUpstream(body: string, id: string, method: Method): string | null {
  const upstream = body.split(' ', 3)[2] ?? ''
  return upstream !== '' && body === answerBody(id, method, upstream) ? upstream : null
}

/** What a POST carries. An upstream that gets the body of another request answers 422 and does nothing. */
export function requestBody(id: string): string {
  return `${id} ${PADDING}`
}

/** A line of an upstream's log. */
export function executionLine(method: string, id: string): string {
  return `${method} ${id}\n`
}
