// How a request ended, as its client saw it.
import type { HttpResponse } from '@plimsoll/testing'
import { answeringUpstream, type Method } from './upstream/upstream-protocol.ts'

/**
 * well: the one right answer, whole.
 * status: another status, whole.
 * cut: an answer that began and didn't end: its body, or its head.
 * reset: the connection went before a byte of an answer.
 * refused: no connection to the proxy.
 * wrong: an answer, but not this request's, or not HTTP, or more than one.
 * hung: nothing whole within the deadline and a grace.
 */
export type Outcome =
  | { readonly kind: 'well'; readonly upstream: string }
  | { readonly kind: 'status'; readonly status: number; readonly code: string | null }
  | { readonly kind: 'cut' | 'reset' | 'refused' | 'wrong' | 'hung'; readonly detail: string }

/** What a whole answer is worth. */
export function classify(response: HttpResponse, id: string, method: Method): Outcome {
  const body = response.body.toString('latin1')
  if (response.status !== 200) return { kind: 'status', status: response.status, code: problemCode(body) }
  const upstream = answeringUpstream(body, id, method)
  return upstream === null
    ? { kind: 'wrong', detail: `not the answer to ${method} ${id}: ${JSON.stringify(body.slice(0, 80))}` }
    : { kind: 'well', upstream }
}

/** How it's counted: "503 LB_ERR_NO_ENDPOINT", "cut". */
export function outcomeLabel(outcome: Outcome): string {
  if (outcome.kind !== 'status') return outcome.kind
  return outcome.code === null ? String(outcome.status) : `${outcome.status} ${outcome.code}`
}

/** The stable code of a problem document (RFC 9457); null when the body is none. */
function problemCode(body: string): string | null {
  try {
    const parsed: unknown = JSON.parse(body)
    if (typeof parsed !== 'object' || parsed === null || !('code' in parsed)) return null
    return typeof parsed.code === 'string' ? parsed.code : null
  } catch {
    return null
  }
}
