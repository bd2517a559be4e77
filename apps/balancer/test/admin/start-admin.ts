// The admin API on real sockets, in front of a balancer that isn't there.
import type { Test } from 'tap'
import type { AdminLogger } from '../../src/admin/admin-app.ts'
import { AdminListeners } from '../../src/admin/admin-listeners.ts'
import { fakeControl, type FakeControl } from './fake-control.ts'

export const TOKEN = 'a-token-of-the-test'

export interface RunningAdmin {
  readonly control: FakeControl
  readonly url: string
  readonly port: number
  readonly readOnlyUrl: string
  readonly readOnlyPort: number
  /** Every line of the log. */
  readonly lines: { level: string; facts: Record<string, unknown>; message: string }[]
  /** Moves the clock. */
  readonly advance: (ms: number) => void
  /** Asks with the token; `body` is sent as JSON. */
  readonly ask: (
    path: string,
    init?: { method?: string; body?: unknown; headers?: Record<string, string> },
  ) => Promise<Answer>
}

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON. */
  readonly json: unknown
}

export async function startAdmin(t: Test, { hosts = [] as readonly string[] } = {}): Promise<RunningAdmin> {
  const control = fakeControl()
  const lines: RunningAdmin['lines'] = []
  const write = (level: string) => (facts: object, message: string) =>
    void lines.push({ level, facts: { ...facts }, message })
  const logger: AdminLogger = { info: write('info'), warn: write('warn'), error: write('error') }
  let nowMs = 1000
  const listeners = new AdminListeners({
    control,
    token: TOKEN,
    hosts,
    version: '1.2.3',
    logger,
    clock: { now: () => nowMs },
  })
  t.teardown(() => listeners.close())
  const any = { host: '127.0.0.1', port: 0 }
  const { admin, readOnly } = await listeners.listen(any, any)
  const url = `http://127.0.0.1:${admin}`
  return {
    control,
    url,
    port: admin,
    readOnlyUrl: `http://127.0.0.1:${String(readOnly)}`,
    readOnlyPort: readOnly ?? 0,
    lines,
    advance: ms => {
      nowMs += ms
    },
    async ask(path, { method = 'GET', body, headers = {} } = {}) {
      const response = await fetch(url + path, {
        method,
        headers: {
          authorization: `Bearer ${TOKEN}`,
          ...(method === 'GET' ? {} : { 'content-type': 'application/json' }),
          connection: 'close',
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      return {
        status: response.status,
        headers: response.headers,
        text,
        get json() {
          return JSON.parse(text) as unknown
        },
      }
    },
  }
}
