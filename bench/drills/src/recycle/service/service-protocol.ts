// What the drill and its service agree on: how the service is started, what it reports, and the lines of its ledger.
//
//   drill ── start ─────────────────► service's supervisor ── fork, environment ──► workers
//   drill ── SIGHUP: replace all
//   drill ◄── events over IPC ────── service's supervisor ◄── requests to be replaced ─ workers
import type { Method } from '../../upstream/upstream-protocol.ts'

/**
 * Mistakes that the drill has to find, one by one or together.
 * drop: a worker that's told to drain ends at once, whatever it has.
 * repeat: now and then a POST is carried out twice.
 * forget: now and then a POST is answered and not carried out.
 */
export const MISTAKES = ['drop', 'repeat', 'forget'] as const
export type Mistake = (typeof MISTAKES)[number]

/** The first message to the service's supervisor. */
export interface ServiceStart {
  readonly kind: 'start'
  readonly workers: number
  readonly runFolder: string
  /** Of this balancer's discovery. */
  readonly endpointFile: string
  /** Each process of a worker writes a file of its own there. */
  readonly ledgerFolder: string
  /** How long old and new process serve together. */
  readonly overlapMs: number
  /** From announcing a drain to ordering it. */
  readonly drainNoticeMs: number
  readonly leak: LeakSettings
  readonly mistakes: readonly Mistake[]
}

/** How a worker leaks, and how soon it's noticed. */
export interface LeakSettings {
  /** What a request to /leak/ leaves behind. */
  readonly bytesPerRequest: number
  /** A worker that leaks collects all of its garbage this often, for the detector to have something to look at. */
  readonly collectEveryMs: number
  /** The detector's shortest window. */
  readonly minWindowMs: number
  /** Growth that the detector takes seriously, as a share of the room below the limit. */
  readonly minGrowthShare: number
  /** The limit: a worker's old space. */
  readonly oldSpaceMib: number
}

/** A process of a worker. */
export interface WorkerId {
  readonly worker: number
  readonly generation: number
}

/** What the service reports; `atMs` is since the epoch. */
export type ServiceEvent =
  /** The supervisor runs and all workers are ready. */
  | { readonly kind: 'serving' }
  | { readonly kind: 'failed'; readonly reason: string }
  | ({ readonly kind: 'started'; readonly pid: number; readonly atMs: number } & WorkerId)
  /** A worker wants to be replaced. */
  | ({ readonly kind: 'asked'; readonly reason: string; readonly detail: string; readonly atMs: number } & WorkerId)
  /** Its successor serves, and it's about to drain. */
  | ({ readonly kind: 'replaced'; readonly atMs: number } & WorkerId)
  /** The process is gone; `crashed`: nobody had told it to end. */
  | ({ readonly kind: 'ended'; readonly crashed: boolean; readonly how: string; readonly atMs: number } & WorkerId)
  /** The list of endpoints was written; so many of them take requests. */
  | { readonly kind: 'announced'; readonly ready: number; readonly atMs: number }
  /** The answer to SIGHUP; `error` null when all were replaced. */
  | { readonly kind: 'rolled'; readonly error: string | null; readonly atMs: number }

/** Names of the environment variables by which a worker is told what to be. */
export const WORKER_VARIABLES = {
  ledgerFolder: 'DRILL_LEDGER_FOLDER',
  leak: 'DRILL_LEAK',
  mistakes: 'DRILL_MISTAKES',
} as const

/**
 * begun: its head and body are here. A POST with two of these was sent twice, whether or not either was carried out.
 * done: carried out; written before anything of the answer is.
 */
export type LedgerStep = 'begun' | 'done'

/** A line of the ledger. */
export function ledgerLine(step: LedgerStep, method: Method, id: string): string {
  return `${step} ${method} ${id}\n`
}

/** The name by which a process signs its answers and its ledger. */
export function processName({ worker, generation }: WorkerId): string {
  return `${worker}-${generation}`
}

/** @throws Error unless `value` is what the drill sends first */
export function isServiceStart(value: unknown): value is ServiceStart {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'start'
}
