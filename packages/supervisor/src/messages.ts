// The protocol between supervisor and worker: what travels over the IPC channel, and nothing else.
//
//   worker      ── worker:ready ────────────────────────────► supervisor     listening on its socket, or well again
//   worker      ── worker:unready {reason} ─────────────────► supervisor     its own health fails; it still answers what it gets
//   worker      ── worker:report {utilization} ─────────────► supervisor     about once a second
//   worker      ── worker:recycle {reason, detail} ─────────► supervisor     "replace me when it suits"
//   worker      ◄─ supervisor:metrics {round} ────────────── supervisor
//   worker      ── worker:metrics {round, metrics} ─────────► supervisor
//   worker      ── worker:fleet {ask} ──────────────────────► supervisor     "how is the whole fleet?"
//   worker      ◄─ supervisor:fleet {ask, figures, error} ── supervisor     for the newest question; one answer at a time is on its way
//   worker      ── worker:draining ─────────────────────────► supervisor     it was told to by SIGTERM, not by the supervisor
//   worker      ◄─ supervisor:drain ──────────────────────── supervisor
//   worker      ── worker:drained {metrics} ────────────────► supervisor     nothing in flight, sockets closed, last figures
//   worker      ◄─ supervisor:exit {code} ────────────────── supervisor     and only now it exits
//
// The last two are a handshake: a process that exits right after it has sent something may be gone before that was read, and the
// last figures of every worker would be lost at random.
// Messages are cloned (`serialization: 'advanced'`), not JSON: JSON turns the NaN of an empty gauge into null.
// Whatever isn't of this form is ignored: a worker may use its channel for things of its own.

export type SupervisorMessage =
  | { readonly type: 'supervisor:metrics'; readonly round: number }
  /** `figures` are read by whoever asked; `error` says why there are none. `ask` is the number that the question had. */
  | {
      readonly type: 'supervisor:fleet'
      readonly ask: number
      readonly figures: unknown
      readonly error: string | null
    }
  | { readonly type: 'supervisor:drain' }
  | { readonly type: 'supervisor:exit'; readonly code: number }

export type WorkerMessage =
  | { readonly type: 'worker:ready' }
  | { readonly type: 'worker:unready'; readonly reason: string }
  /** `utilization`: of the event loop, 0 to 1. */
  | { readonly type: 'worker:report'; readonly utilization: number }
  | { readonly type: 'worker:recycle'; readonly reason: string; readonly detail: string }
  | { readonly type: 'worker:fleet'; readonly ask: number }
  | { readonly type: 'worker:draining' }
  /** `metrics` is what the registry gave, unchecked; `error` says why there's none, or why the drain failed. */
  | { readonly type: 'worker:drained'; readonly metrics: unknown; readonly error: string | null }
  | {
      readonly type: 'worker:metrics'
      readonly round: number
      readonly metrics: unknown
      readonly error: string | null
    }

/** Names of the environment variables by which a worker learns who it is. */
export const IDENTITY_VARIABLES = {
  worker: 'PLIMSOLL_WORKER',
  generation: 'PLIMSOLL_GENERATION',
  socketPath: 'PLIMSOLL_SOCKET',
} as const

const MAX_TEXT_CHARACTERS = 500

/** Reads a message of the supervisor; null when it's none. */
export function parseSupervisorMessage(value: unknown): SupervisorMessage | null {
  if (!isRecord(value)) return null
  switch (value['type']) {
    case 'supervisor:metrics':
      return typeof value['round'] === 'number' ? { type: 'supervisor:metrics', round: value['round'] } : null
    case 'supervisor:fleet': {
      const error = typeof value['error'] === 'string' ? value['error'] : null
      return typeof value['ask'] === 'number'
        ? { type: 'supervisor:fleet', ask: value['ask'], figures: value['figures'], error }
        : null
    }
    case 'supervisor:drain':
      return { type: 'supervisor:drain' }
    case 'supervisor:exit':
      return typeof value['code'] === 'number' ? { type: 'supervisor:exit', code: value['code'] } : null
    default:
      return null
  }
}

/** Reads a message of a worker; null when it's none. */
export function parseWorkerMessage(value: unknown): WorkerMessage | null {
  if (!isRecord(value)) return null
  const error = typeof value['error'] === 'string' ? value['error'] : null
  switch (value['type']) {
    case 'worker:ready':
      return { type: 'worker:ready' }
    case 'worker:unready':
      return { type: 'worker:unready', reason: readText(value['reason']) }
    case 'worker:report': {
      const { utilization } = value
      if (typeof utilization !== 'number' || !Number.isFinite(utilization)) return null
      return { type: 'worker:report', utilization: Math.min(1, Math.max(0, utilization)) }
    }
    case 'worker:recycle':
      return { type: 'worker:recycle', reason: readText(value['reason']), detail: readText(value['detail']) }
    case 'worker:fleet':
      return typeof value['ask'] === 'number' ? { type: 'worker:fleet', ask: value['ask'] } : null
    case 'worker:draining':
      return { type: 'worker:draining' }
    case 'worker:drained':
      return { type: 'worker:drained', metrics: value['metrics'], error }
    case 'worker:metrics':
      return typeof value['round'] === 'number'
        ? { type: 'worker:metrics', round: value['round'], metrics: value['metrics'], error }
        : null
    default:
      return null
  }
}

/** Text that's kept and shown to operators: bounded, whatever a worker sends. */
function readText(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, MAX_TEXT_CHARACTERS) : ''
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
