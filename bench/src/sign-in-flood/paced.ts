// Sends requests at times that were drawn before, from many addresses of this machine: an open loop, so who is slow to answer gets no fewer of them.
//
//   due ──► a client that's free ──► sent ──► answered
//     └──── none is: it waits for the first that is ──┘
//
// Invariants
// * When a request is due depends on no answer. Its latency counts from then, so whatever made it wait is in it.
// * A client has one request under way at most. Clients take turns: all send about as many.
// * Every request has one outcome, within the connection's time at the latest.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from '../api/answer-reader.ts'
import { Connection } from '../api/connection.ts'
import { Latencies } from '../database/latencies.ts'
import { dueTimes } from '../load-reports/open-loop.ts'
import type { PacedFigures, PacedOrder } from './paced-protocol.ts'

/** As a problem's body has it (RFC 9457, with a code). */
const CODE = /"code":"([A-Z0-9_]{1,64})"/
const LOST = 'lost'

export class PacedSender {
  readonly #connections = new Map<string, Connection>()
  /** The answer to a request that's checked. */
  readonly #answers = new Map<string, Buffer>()

  /** @throws Error when an answer that's checked is another one than it was, or none */
  async send(order: PacedOrder): Promise<PacedFigures> {
    const clients = order.clientAddresses.map((address, i) => this.#connectionFrom(address, i, order))
    await Promise.all(clients.map(client => client.open()))
    return new Run(order, clients, this.#answers).whole()
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.close()
    this.#connections.clear()
  }

  #connectionFrom(localAddress: string, client: number, { host, port }: PacedOrder): Connection {
    const key = `${client} ${localAddress} ${host} ${port}`
    const open = this.#connections.get(key) ?? new Connection({ host, port, localAddress })
    this.#connections.set(key, open)
    return open
  }
}

interface Due {
  readonly request: string
  readonly atMs: number
}

class Run {
  readonly #order: PacedOrder
  readonly #answers: Map<string, Buffer>
  /** In the order in which they became free. */
  readonly #free: Connection[]
  readonly #waiting: Due[] = []
  readonly #underWay = new Set<Promise<void>>()
  readonly #latenciesMs: number[] = []
  readonly #lags = new Latencies()
  readonly #outcomes = new Map<string, number>()
  #wrong: Error | null = null
  #sent = 0

  constructor(order: PacedOrder, clients: readonly Connection[], answers: Map<string, Buffer>) {
    this.#order = order
    this.#answers = answers
    this.#free = [...clients]
  }

  async whole(): Promise<PacedFigures> {
    const { requests, perSecond, forMs, seed } = this.#order
    const startMs = performance.now()
    const times = dueTimes({ requestsPerSecond: perSecond, warmupMs: 0, measureMs: forMs, seed })
    for (const [i, offsetMs] of times.entries()) {
      if (this.#wrong !== null) break
      const atMs = startMs + offsetMs
      const waitMs = atMs - performance.now()
      // What's due within a millisecond, the timers' step, goes now.
      if (waitMs > 0.5) await sleep(waitMs)
      this.#begin({ request: requests[i % requests.length] as string, atMs })
    }
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
    if (this.#wrong !== null) throw this.#wrong
    return {
      sent: this.#sent,
      latenciesMs: this.#latenciesMs,
      outcomes: Object.fromEntries(this.#outcomes),
      lagP99Ms: this.#lags.quantilesMs({ p99: 0.99 }).p99,
    }
  }

  #begin(due: Due): void {
    const client = this.#free.shift()
    if (client === undefined) {
      this.#waiting.push(due)
      return
    }
    const done = this.#ask(client, due).finally(() => {
      this.#underWay.delete(done)
      this.#free.push(client)
      const next = this.#wrong === null ? this.#waiting.shift() : undefined
      if (next !== undefined) this.#begin(next)
    })
    this.#underWay.add(done)
  }

  async #ask(client: Connection, { request, atMs }: Due): Promise<void> {
    this.#sent++
    this.#lags.add(Math.max(0, performance.now() - atMs))
    let answer
    try {
      await client.open()
      answer = await client.ask(request)
    } catch {
      this.#count(LOST)
      return
    }
    // To the microsecond: they're sent to another process as text.
    this.#latenciesMs.push(Math.round((performance.now() - atMs) * 1000) / 1000)
    this.#count(outcomeOf(answer))
    if (this.#order.checked) this.#check(request, answer)
  }

  #count(outcome: string): void {
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1)
  }

  /** An answer that isn't 200 is an outcome, and no wrong answer. */
  #check(request: string, { status, body }: Answer): void {
    if (status !== 200) return
    const first = this.#answers.get(request)
    if (first === undefined) this.#answers.set(request, body)
    else if (!first.equals(body)) this.#wrong ??= new Error(`another answer than before to ${request.split('\r\n')[0]}`)
  }
}

/** "429 API_ERR_RATE_LIMITED". */
function outcomeOf({ status, body }: Answer): string {
  const code = status < 400 ? undefined : CODE.exec(body.toString('latin1'))?.[1]
  return code === undefined ? String(status) : `${status} ${code}`
}
