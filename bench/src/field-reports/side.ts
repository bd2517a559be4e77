// One of the two services, as the measurement sees it: it's asked, and it says what that cost.
import postgres, { type Sql } from 'postgres'
import { Pool } from 'undici'
import type { ProcessorAccount } from './processor-account.ts'
import type { Ask, PathAsk, SideName, StatementAsk } from './question.ts'

export interface Reply {
  /** JSON. */
  readonly text: string
  /** From asking to the whole answer. */
  readonly ms: number
  /** Whether it says of itself that it comes from a cache (RFC 9211). */
  readonly hit: boolean
}

/** What a turn needs of a side. */
export interface Contestant {
  readonly name: SideName
  /** @throws Error unless there's a right answer */
  ask(ask: Ask): Promise<Reply>
  readonly processors: Pick<ProcessorAccount, 'begin'>
}

export interface SideSetting {
  readonly name: SideName
  /** Of the service: http://127.0.0.1:8080. */
  readonly origin: string
  /** Of its database, for statements without a service. */
  readonly databaseUrl: string
  readonly connections: number
  readonly processors: Contestant['processors']
  readonly signal: AbortSignal
}

/** A slow answer is a figure; one that takes longer than this is a fault. */
const ANSWER_TIMEOUT_MS = 30_000

export class Side implements Contestant {
  readonly name: SideName
  readonly processors: Contestant['processors']
  readonly #pool: Pool
  readonly #sql: Sql
  readonly #signal: AbortSignal

  constructor({ name, origin, databaseUrl, connections, processors, signal }: SideSetting) {
    this.name = name
    this.processors = processors
    this.#signal = signal
    this.#pool = new Pool(origin, {
      connections,
      pipelining: 1,
      headersTimeout: ANSWER_TIMEOUT_MS,
      bodyTimeout: ANSWER_TIMEOUT_MS,
    })
    this.#sql = postgres(databaseUrl, { max: connections, onnotice: () => {} })
  }

  /** @throws Error unless the answer is a 2xx */
  async ask(ask: Ask): Promise<Reply> {
    this.#signal.throwIfAborted()
    return 'path' in ask ? this.#request(ask) : this.#query(ask)
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.destroy(), this.#sql.end({ timeout: 5 })])
  }

  async #request({ path, body: sent }: PathAsk): Promise<Reply> {
    const order =
      sent === undefined
        ? ({ method: 'GET', path } as const)
        : ({
            method: 'POST',
            path,
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(sent),
          } as const)
    const startedAtMs = performance.now()
    const { statusCode, headers, body } = await this.#pool.request(order)
    const text = await body.text()
    const ms = performance.now() - startedAtMs
    if (statusCode < 200 || statusCode > 299)
      throw new Error(`${this.name}: ${path} answers ${statusCode}: ${text.slice(0, 300)}`)
    return { text, ms, hit: isHit(headers['cache-status']) }
  }

  async #query({ statements }: StatementAsk): Promise<Reply> {
    let rows: readonly object[] = []
    const startedAtMs = performance.now()
    for (const { text, parameters } of statements)
      rows = await this.#sql.unsafe(text, [...parameters], { prepare: true })
    return { ms: performance.now() - startedAtMs, text: JSON.stringify(rows), hit: false }
  }
}

/** `name; hit; ttl=30` of the cache that answered. */
function isHit(status: string | string[] | undefined): boolean {
  return /;\s*hit\b/.test(String(status))
}
