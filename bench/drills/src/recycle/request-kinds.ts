// The kinds of requests of the recycle drill: how each is asked for, and what it shows.
//
//   get     answered at once
//   slow    thinks for a while, then answers whole: what's under way when a worker is told to end
//   stream  sends half of its body at once and the rest later: an answer that has begun can't be asked for again by anybody
//   post    works for a while before and after it writes to the ledger: nobody may send it twice
//   leak    leaves memory behind, for good
import type { ScheduledRequest } from '../schedule.ts'
import { type Method, WORK_PATH } from '../upstream/upstream-protocol.ts'

export type RequestKind = 'get' | 'slow' | 'stream' | 'post' | 'leak'

interface KindFacts {
  readonly method: Method
  /** The path up to the id. */
  readonly path: string
}

export const KINDS: Readonly<Record<RequestKind, KindFacts>> = {
  get: { method: 'GET', path: WORK_PATH },
  slow: { method: 'GET', path: '/slow/' },
  stream: { method: 'GET', path: '/stream/' },
  post: { method: 'POST', path: WORK_PATH },
  leak: { method: 'GET', path: '/leak/' },
}

/** How long a slow answer takes, and the second half of a stream; milliseconds. */
export const SLOW_MS = 300
/** Time that a POST works before it's in the ledger, and again after it; milliseconds. */
export const POST_STEP_MS = 10

/** Parts of the requests by kind; they needn't add up to 1. */
export type Mix = Readonly<Partial<Record<RequestKind, number>>>

export interface MixedScheduleOptions {
  /** Begins each id. */
  readonly prefix: string
  readonly durationMs: number
  readonly requestsPerSecond: number
  readonly mix: Mix
  readonly random: { next(): number }
}

/** Arrivals of many independent clients, each of which thinks between its requests: uniform and independent, so a Poisson process. In the order of sending. */
export function scheduleMix({
  prefix,
  durationMs,
  requestsPerSecond,
  mix,
  random,
}: MixedScheduleOptions): ScheduledRequest[] {
  const count = Math.round((requestsPerSecond * durationMs) / 1000)
  const times = Array.from({ length: count }, () => random.next() * durationMs).toSorted((a, b) => a - b)
  return times.map((atMs, i) => {
    const id = `${prefix}.${i}`
    const { method, path } = KINDS[pickKind(mix, random.next())]
    return { id, method, path: path + id, atMs }
  })
}

/** `at` from 0 up to 1. */
function pickKind(mix: Mix, at: number): RequestKind {
  const kinds = Object.entries(mix) as [RequestKind, number][]
  const whole = kinds.reduce((sum, [, part]) => sum + part, 0)
  let rest = at * whole
  for (const [kind, part] of kinds) {
    rest -= part
    if (rest < 0) return kind
  }
  return kinds.at(-1)?.[0] ?? 'get'
}
