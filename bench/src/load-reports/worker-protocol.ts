// What the suite and its workers agree on: how a worker behaves, messages over IPC, and the one right answer to each request.

/** How a worker does its work. */
export interface Behaviour {
  readonly name: string
  /** Time for which a request holds the event loop. */
  readonly holdMs: number
  /** What it keeps in memory in small objects: the more, the longer a major collection takes. */
  readonly keptMib: number
  /** It collects behind every so many requests, wholly, before it answers the next one; 0: when V8 wants to. */
  readonly collectEvery: number
}

export interface WorkerStart {
  readonly kind: 'start'
  readonly socketPath: string
  readonly behaviour: Behaviour
}

/** begin: the figures count from here on. figures: asks for them. */
export type WorkerOrder = WorkerStart | { readonly kind: 'begin' } | { readonly kind: 'figures' }

export type WorkerReport = { readonly kind: 'listening' } | ({ readonly kind: 'figures' } & WorkerFigures)

export interface WorkerFigures {
  readonly requests: number
  /** Share of the time in which the event loop worked: the request's own, and collections. */
  readonly utilization: number
  readonly majorCollections: number
  readonly longestPauseMs: number
}

export const WORK_PATH = '/work/'
export const HEALTH_PATH = '/health'

/** The whole body of the right answer. */
export function answerBody(worker: string, id: string): string {
  return `${worker} ${id}\n`
}

/** Which worker this is the right answer of; null when it isn't the answer to that request. */
export function answeringWorker(body: string, id: string): string | null {
  const worker = body.slice(0, Math.max(0, body.indexOf(' ')))
  return worker !== '' && body === answerBody(worker, id) ? worker : null
}
