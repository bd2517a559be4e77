// Asks what it's told over so many connections, as fast as the answers come: a closed loop. Connections stay open for the next order to the same address.
//
// Invariants
// * An answer counts when its status is 200 and the check finds it right; a wrong one ends everything.
// * A request that gets another status, or no answer, is a failure and counts as one; so many in a row on one connection, and there's nobody to be measured.
import { AnswerCheck } from './answer-check.ts'
import { fieldOf } from './answer-reader.ts'
import type { Address, Ask, AskFigures, AskOrder, Caller } from './asker-protocol.ts'
import { Connection } from './connection.ts'

const MOST_FAILURES_IN_A_ROW = 20
const HIT = /;\s*hit\b/

export class Asker {
  readonly #check = new AnswerCheck()
  readonly #connections = new Map<string, Connection[]>()

  /** @throws Error when an answer was wrong, or nobody answers */
  async ask(order: AskOrder): Promise<AskFigures> {
    const connections = this.#connectionsTo(order.address, order.connections)
    await Promise.all(connections.map(connection => connection.open()))
    const run = new Run(order, this.#check)
    await run.over(connections)
    return run.figures()
  }

  close(): void {
    for (const connection of [...this.#connections.values()].flat()) connection.close()
    this.#connections.clear()
  }

  #connectionsTo(address: Address, count: number): readonly Connection[] {
    const key = JSON.stringify(address)
    const open = this.#connections.get(key) ?? []
    this.#connections.set(key, open)
    while (open.length < count) open.push(new Connection(address))
    return open.slice(0, count)
  }
}

class Run {
  readonly #order: AskOrder
  readonly #check: AnswerCheck
  readonly #rests: Readonly<Record<Caller | 'nobody', string>>
  readonly #startedAtMs = performance.now()
  readonly #latenciesMs: number[] = []
  #next = 0
  #isOver = false
  #seconds = 0
  #failed = 0
  #firstFailure: string | null = null
  #hits = 0
  #bodyBytes = 0

  constructor(order: AskOrder, check: AnswerCheck) {
    this.#order = order
    this.#check = check
    const { operator, user } = order.authorizations ?? {}
    this.#rests = {
      nobody: restOfHead(order.fields),
      operator: restOfHead([...order.fields, `Authorization: ${operator}`]),
      user: restOfHead([...order.fields, `Authorization: ${user}`]),
    }
  }

  async over(connections: readonly Connection[]): Promise<void> {
    const loops = connections.map(connection => this.#loop(connection))
    try {
      await Promise.all(loops)
    } catch (error) {
      this.#isOver = true
      await Promise.allSettled(loops)
      throw error
    }
    this.#seconds = (performance.now() - this.#startedAtMs) / 1000
  }

  figures(): AskFigures {
    return {
      seconds: this.#seconds,
      latenciesMs: this.#latenciesMs,
      failed: this.#failed,
      firstFailure: this.#firstFailure,
      hits: this.#hits,
      bodyBytes: this.#bodyBytes,
    }
  }

  async #loop(connection: Connection): Promise<void> {
    let failures = 0
    for (let ask = this.#take(); ask !== undefined; ask = this.#take()) {
      const failure = await this.#askOne(connection, ask)
      if (failure === null) {
        failures = 0
        continue
      }
      this.#failed++
      this.#firstFailure ??= `${ask.path}: ${failure}`
      if (++failures > MOST_FAILURES_IN_A_ROW) throw new Error(`${ask.path}: ${failure}, again and again`)
    }
  }

  /** Shared by all connections: whichever is free takes the next one. Never none at all, however slow the first answer was. */
  #take(): Ask | undefined {
    const { asks, forMs } = this.#order
    if (this.#isOver) return undefined
    if (forMs === null) return asks[this.#next++]
    if (this.#next > 0 && performance.now() - this.#startedAtMs >= forMs) return undefined
    return asks[this.#next++ % asks.length]
  }

  /** What failed; null when all is well. @throws Error for a wrong answer */
  async #askOne(connection: Connection, ask: Ask): Promise<string | null> {
    let answer
    const sentAtMs = performance.now()
    try {
      await connection.open()
      answer = await connection.ask(`GET ${ask.path}${this.#rests[ask.as ?? 'nobody']}`)
    } catch (error) {
      return (error as Error).message
    }
    const tookMs = performance.now() - sentAtMs
    if (answer.status !== 200) return `${answer.status} ${answer.body.toString('utf8').slice(0, 200)}`
    this.#check.check(ask, answer, this.#order.stable)
    // To the microsecond: they're sent to another process as text.
    this.#latenciesMs.push(Math.round(tookMs * 1000) / 1000)
    this.#bodyBytes = answer.body.length
    if (HIT.test(fieldOf(answer.head, 'cache-status') ?? '')) this.#hits++
    return null
  }
}

function restOfHead(fields: readonly string[]): string {
  return ` HTTP/1.1\r\n${fields.map(field => `${field}\r\n`).join('')}\r\n`
}
