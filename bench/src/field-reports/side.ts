// One of the two services, as the measurement sees it: it's asked, and it says what that cost.
import postgres, { type Sql } from 'postgres'
import { Pool } from 'undici'
import type { Account } from './accounts.ts'
import { LOGIN_PATH, tokensIn } from './auth-questions.ts'
import type { ProcessorAccount } from './processor-account.ts'
import type { Ask, PathAsk, SideName, StatementAsk, TogetherAsk } from './question.ts'
import { Sessions, type Tokens } from './sessions.ts'

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
  /** What operators send as `authorization`; undefined: this side knows none, and lets everybody in. */
  readonly operatorAuthorization?: string
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
  readonly #operatorAuthorization: string | undefined
  readonly #sessions = new Sessions(account => this.#signIn(account))
  readonly #signal: AbortSignal

  constructor({ name, origin, databaseUrl, connections, operatorAuthorization, processors, signal }: SideSetting) {
    this.name = name
    this.#operatorAuthorization = operatorAuthorization
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
    if ('path' in ask) return this.#ask(ask)
    return 'together' in ask ? this.#together(ask) : this.#query(ask)
  }

  /** Between turns: whoever's token would expire in the next one signs in again. */
  renewSessions(): Promise<void> {
    return this.#sessions.renewOld()
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.destroy(), this.#sql.end({ timeout: 5 })])
  }

  async #ask(ask: PathAsk): Promise<Reply> {
    const { as, renews } = ask
    if (renews !== undefined) {
      return this.#sessions.renewal(renews, async refreshToken => {
        const reply = await this.#request(ask.path, { refreshToken }, undefined)
        return { ...reply, tokens: tokensIn(this.name, reply.text) }
      })
    }
    if (as === undefined) return this.#request(ask.path, ask.body, undefined)
    if (as === 'operator') return this.#request(ask.path, ask.body, this.#operatorAuthorization)
    return this.#request(ask.path, ask.body, `Bearer ${(await this.#sessions.tokensOf(as)).access}`)
  }

  async #together({ together }: TogetherAsk): Promise<Reply> {
    const startedAtMs = performance.now()
    const replies = await Promise.all(together.map(ask => this.#ask(ask)))
    const ms = performance.now() - startedAtMs
    return { text: `[${replies.map(({ text }) => text).join(',')}]`, ms, hit: replies.every(({ hit }) => hit) }
  }

  async #signIn({ email, password }: Account): Promise<Tokens> {
    return tokensIn(this.name, (await this.#request(LOGIN_PATH, { email, password }, undefined)).text)
  }

  async #request(path: string, sent: object | undefined, authorization: string | undefined): Promise<Reply> {
    const credentials = authorization === undefined ? {} : { authorization }
    const order =
      sent === undefined
        ? ({ method: 'GET', path, headers: credentials } as const)
        : ({
            method: 'POST',
            path,
            headers: { 'content-type': 'application/json', ...credentials },
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
