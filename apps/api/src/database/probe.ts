// Looks at the database in the background, so that no health page ever waits for it.
//
//            first answer                failure                    `downAfter` failures in a row
//   unknown ─────────────► up ◄───────► failing ─────────────────────────────► down
//                           ▲                         one answer                 │
//                           └────────────────────────────────────────────────────┘
//
// * It has a pool of its own, of one connection per route: one with all connections busy is not a database that is down.
// * Every interval ± 10 %, so that the workers' probes don't march in step; every second while something is wrong.
// * An answer that doesn't come in time counts as a failure. Nothing is asked twice: the next look is the second try. While something is wrong that time is a second,
//   so that it's soon found to be well again.
// * Whoever suspects something (outage-watch.ts) has it look at once.
// * What one route answers is an answer: which one is in use, and how the others do, is for the database itself to say (its statistics).
import { createDatabase } from '@plimsoll/db-optimizer'
import type { Logger } from '@plimsoll/telemetry'
import { routesTo, type DatabaseAddress } from './address.ts'
import { codeOf } from './failures.ts'

export type DatabaseStatus = 'unknown' | 'up' | 'failing' | 'down'

/** What is known about the database. */
export interface DatabaseHealth {
  readonly status: DatabaseStatus
  /** Round trip of the last probe that was answered, in milliseconds; null before the first. */
  readonly latencyMs: number | null
  /** When the last probe ended, ISO 8601; null before the first. */
  readonly checkedAt: string | null
  /** Code of the last failure while it isn't up; never a message. */
  readonly failure: string | null
  /** Connections to all databases of the server, of all programs, and how many it lets in without special rights; null before the first answer. */
  readonly connections: { readonly used: number; readonly limit: number } | null
  /** Share of probes that were answered, 0 to 1; 1 before the first. */
  readonly successRatio: number
}

export interface ProbeOptions {
  readonly intervalMs: number
  /** Failures in a row from which the database is called down. */
  readonly downAfter: number
  readonly timeoutMs: number
}

export interface ProbeTools {
  /** One look at the database; `createProbeQuery` makes it. */
  readonly look: (timeoutMs: number) => Promise<ProbeAnswer>
  readonly clock: Clock
  readonly random: { next(): number }
  readonly logger: Logger
}

/** Time, and timers that run by it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  setTimeout(callback: () => void, delayMs: number): Timer
  clearTimeout(timer: Timer | undefined): void
}

export interface Timer {
  unref(): unknown
}

export interface ProbeAnswer {
  /** Of all programs, to all databases of the server: the limit is for all of them together. */
  readonly connectionsUsed: number
  /** `max_connections` without what's kept for superusers and for `pg_use_reserved_connections`. */
  readonly connectionsLimit: number
}

export interface DatabaseProbe {
  health(): DatabaseHealth
  /** Looks once now, then on in the background. */
  start(): Promise<void>
  /** Whether a look is answered: the one that's under way, or one that begins now. */
  soon(): Promise<boolean>
  /** Calls back after each look, with whether it was answered. */
  onLook(callback: (isAnswered: boolean) => void): void
  close(): void
}

const FAILING_INTERVAL_MS = 1000
const FAILING_TIMEOUT_MS = 1000
const JITTER_RATIO = 0.1

export function createProbe(options: ProbeOptions, tools: ProbeTools): DatabaseProbe {
  const { look, clock, random, logger } = tools
  let status: DatabaseStatus = 'unknown'
  let latencyMs: number | null = null
  let checkedAt: string | null = null
  let failure: string | null = null
  let connections: DatabaseHealth['connections'] = null
  let failuresInARow = 0
  let answered = 0
  let asked = 0
  let timer: Timer | undefined
  let underWay: Promise<boolean> | undefined
  let closed = false
  const callbacks: ((isAnswered: boolean) => void)[] = []

  function probe(): Promise<boolean> {
    if (underWay !== undefined) return underWay
    underWay = probeOnce().then(isAnswered => {
      underWay = undefined
      if (!closed) for (const callback of callbacks) callback(isAnswered)
      return isAnswered
    })
    return underWay
  }

  async function probeOnce(): Promise<boolean> {
    const startedAt = clock.now()
    asked += 1
    const timeoutMs = failuresInARow > 0 ? Math.min(options.timeoutMs, FAILING_TIMEOUT_MS) : options.timeoutMs
    try {
      const answer = await look(timeoutMs)
      answered += 1
      failuresInARow = 0
      failure = null
      latencyMs = Math.round((clock.now() - startedAt) * 1000) / 1000
      connections = { used: answer.connectionsUsed, limit: answer.connectionsLimit }
      setStatus('up')
    } catch (error) {
      failuresInARow += 1
      failure = codeOf(error)
      setStatus(failuresInARow >= options.downAfter ? 'down' : 'failing')
    }
    checkedAt = new Date(clock.now()).toISOString()
    return failuresInARow === 0
  }

  function setStatus(next: DatabaseStatus): void {
    if (next === status || closed) return
    const report = { from: status, to: next, failure }
    if (next === 'up') logger.info(report, 'The database answers')
    else logger.error(report, 'The database does not answer')
    status = next
  }

  function schedule(): void {
    if (closed) return
    clock.clearTimeout(timer)
    const intervalMs = status === 'up' ? options.intervalMs : Math.min(options.intervalMs, FAILING_INTERVAL_MS)
    const jitter = 1 + JITTER_RATIO * (2 * random.next() - 1)
    timer = clock.setTimeout(() => void probe().then(schedule), intervalMs * jitter)
    timer.unref()
  }

  return {
    health: () => ({
      status,
      latencyMs,
      checkedAt,
      failure,
      connections,
      successRatio: asked === 0 ? 1 : answered / asked,
    }),
    async start() {
      await probe()
      schedule()
    },
    soon() {
      clock.clearTimeout(timer)
      const looked = probe()
      void looked.then(schedule)
      return looked
    },
    onLook(callback) {
      callbacks.push(callback)
    },
    close() {
      closed = true
      clock.clearTimeout(timer)
    },
  }
}

export interface ProbeQuery {
  look(timeoutMs: number): Promise<ProbeAnswer>
  close(): Promise<void>
}

export interface ProbeQueryOptions extends DatabaseAddress {
  readonly applicationName: string
  readonly connectTimeoutS: number
  readonly circuitBreaker: boolean
}

/** The probe's name, as its question and its pools have it in events. */
export const PROBE_NAME = 'database.probe'
/** From a question that was cancelled without an answer until its connection is thrown away. */
const CANCEL_GRACE_MS = 500

/**
 * A pool of one connection, opened by the first look, and the question that the probe asks over it.
 * @throws DB_ERR_OPTION
 */
export function createProbeQuery(options: ProbeQueryOptions): ProbeQuery {
  const { sql, close } = createDatabase({
    routes: routesTo(options).map(route => ({ ...route, name: `${PROBE_NAME}.${route.name}` })),
    applicationName: options.applicationName,
    minConnections: 0,
    maxConnections: 1,
    connectTimeoutMs: options.connectTimeoutS * 1000,
    cancelGraceMs: CANCEL_GRACE_MS,
    maxAttempts: 1,
    circuitBreaker: options.circuitBreaker,
    statementStatistics: false,
  })
  return {
    async look(timeoutMs) {
      // What sort of session another role's is, is hidden (null) without pg_read_all_stats; its database isn't. `reserved_connections` comes with PostgreSQL 16.
      const [row] = await sql<[{ used: number; limit: number }]>`
        select (
                 select count(*)::int from pg_stat_activity
                 where backend_type = 'client backend' or (backend_type is null and datid is not null)
               ) as used,
               current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
                 - coalesce(current_setting('reserved_connections', true)::int, 0) as limit`.with({
        name: PROBE_NAME,
        timeoutMs,
      })
      return { connectionsUsed: row.used, connectionsLimit: row.limit }
    },
    close: () => close({ timeoutMs: 0 }),
  }
}
