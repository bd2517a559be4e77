// What looking at an endpoint once can show, and whoever looks.

/**
 * `connect`: no connection came about - refused, unreachable, or not open in time. `timeout`: connected, but the answer wasn't whole in
 * time. `answer`: what came isn't what was expected, or the connection ended before it came. The kinds differ in what they mean for a
 * request: something that answers wrongly may still serve in an emergency, something that can't be connected to never does.
 */
export type ProbeFailureKind = 'connect' | 'timeout' | 'answer'

/** What one look has shown; messages hold the whole story, for people. `not-made`: this process has run out of something (file descriptors, ports), which says nothing about the endpoint. */
export type ProbeResult =
  | { readonly kind: 'passed' }
  | { readonly kind: ProbeFailureKind; readonly message: string }
  | { readonly kind: 'not-made'; readonly message: string }

export const PASSED: ProbeResult = Object.freeze({ kind: 'passed' })

/** Looks at one endpoint, once per call; it may keep a connection between two calls. */
export interface Probe {
  /** Never two at a time. Settles as soon as the signal is aborted, as `connect` or `timeout`, and leaves nothing running then. */
  check(signal: AbortSignal): Promise<ProbeResult>
  /** Closes what is kept; the next check opens anew. */
  close(): void
}

/** Errors by which the system says that this machine has run out of something. */
const EXHAUSTED = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM'])

/** What a socket's error, or its close without one, means before the connection is open. */
export function connectFailure(cause: NodeJS.ErrnoException | null): ProbeResult {
  const message = cause?.code ?? cause?.message ?? 'closed'
  return { kind: EXHAUSTED.has(message) ? 'not-made' : 'connect', message }
}
