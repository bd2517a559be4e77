// Notifications of one test, and ways to look at them from outside.
import { until, type TestScope } from '@plimsoll/testing'
import type postgres from 'postgres'
import { postgresDriver } from '../../src/driver/postgres-driver.ts'
import { Notifications, type ListenState, type NotificationTools } from '../../src/listen/notifications.ts'
import type { ListenConnectionSettings } from '../../src/listen/listen-connection.ts'
import type { HandlerFailure, ListenGap } from '../../src/listen/subscription.ts'

/** Of the connections under test, in pg_stat_activity. */
export const APPLICATION = 'listen-test'

/** Before the first attempt after a loss: half of 50 ms, since chance is 0 here. The next is twice as long. */
export const FIRST_PAUSE_MS = 25

export interface Reported extends HandlerFailure {
  readonly error: unknown
}

export interface TestNotifications {
  readonly notifications: Notifications
  /** What `onError` was told. */
  readonly reported: readonly Reported[]
}

/** Closed with the test. Pauses are the shortest, heartbeats as far away as by default. */
export function listeningTo(
  t: TestScope,
  url: string,
  settings: Partial<ListenConnectionSettings> = {},
  tools: Partial<NotificationTools> = {},
): TestNotifications {
  const reported: Reported[] = []
  const driver = postgresDriver(url, { onnotice: () => {}, connection: { application_name: APPLICATION } })
  const notifications = new Notifications(
    { name: 'test', connectTimeoutMs: 3000, heartbeatIntervalMs: 10_000, heartbeatTimeoutMs: 3000, ...settings },
    {
      driver,
      random: { next: () => 0 },
      onError: (error, failure) => void reported.push({ error, ...failure }),
      ...tools,
    },
  )
  t.teardown(() => notifications.close())
  return { notifications, reported }
}

/** Payloads and gaps in the order in which they were told. */
export interface Log {
  readonly entries: (string | ListenGap)[]
  readonly payloads: readonly string[]
  readonly gaps: readonly ListenGap[]
  readonly onMessage: (payload: string) => void
  readonly onGap: (gap: ListenGap) => void
  /** Resolves when the payload has come. */
  untilHeard(payload: string): Promise<unknown>
  untilGaps(count: number): Promise<unknown>
}

export function newLog(): Log {
  const entries: (string | ListenGap)[] = []
  const payloads = (): string[] => entries.filter(entry => typeof entry === 'string')
  const gaps = (): ListenGap[] => entries.filter(entry => typeof entry === 'object')
  return {
    entries,
    get payloads() {
      return payloads()
    },
    get gaps() {
      return gaps()
    },
    onMessage: payload => void entries.push(payload),
    onGap: gap => void entries.push(gap),
    untilHeard: payload => until(() => entries.includes(payload), { what: `the message "${payload}"`, intervalMs: 2 }),
    untilGaps: count => until(() => gaps().length >= count, { what: `gap ${count}`, intervalMs: 2 }),
  }
}

/** Sessions under test, with their last statement. */
export async function sessions(sql: postgres.Sql): Promise<{ readonly pid: number; readonly query: string }[]> {
  const rows = await sql<{ pid: number; query: string }[]>`
    select pid, query from pg_stat_activity where datname = current_database() and application_name = ${APPLICATION}`
  return [...rows]
}

/** Waits until the session's last statement is this one, and answered. */
export function untilDone(sql: postgres.Sql, query: string): Promise<unknown> {
  return until(
    async () => {
      const [row] = await sql`
        select from pg_stat_activity
        where datname = current_database() and application_name = ${APPLICATION} and state = 'idle' and query = ${query}`
      return row !== undefined
    },
    { what: `the session to have done ${query}`, intervalMs: 2 },
  )
}

/** Ends a session from outside, without waiting for its end. */
export async function endSession(sql: postgres.Sql, pid: number): Promise<void> {
  await sql`select pg_terminate_backend(${pid})`
}

/** The server's process of the connection; 0 for none. */
export function pidOf(notifications: Notifications): number {
  return notifications.statistics().backendPid ?? 0
}

export function untilState(notifications: Notifications, state: ListenState): Promise<unknown> {
  return until(() => notifications.statistics().state === state, { what: `state ${state}`, intervalMs: 2 })
}
