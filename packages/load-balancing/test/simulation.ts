// A service with an open load, in simulated time: requests come at random with a given mean rate, whatever the servers do.
import { type Picker, type Snapshot } from '../src/index.ts'
import type { Server } from './fleet.ts'

/** What becomes of one request. */
export interface Answer {
  readonly afterMs: number
  readonly failed: boolean
}

export interface SimulationOptions {
  readonly picker: Picker<Server>
  readonly random: { next(): number }
  readonly requestsPerSecond: number
  readonly answer: (server: Server, nowMs: number) => Answer
}

/** What happened within one call of `run`. */
export interface Tally {
  /** Requests sent. */
  readonly sent: ReadonlyMap<Server, number>
  readonly failed: ReadonlyMap<Server, number>
  /** Most that were in flight at one time. */
  readonly mostActive: ReadonlyMap<Server, number>
  readonly total: number
}

interface Ending {
  readonly atMs: number
  readonly afterMs: number
  readonly failed: boolean
  readonly server: Server
}

export class Simulation {
  readonly #options: SimulationOptions
  /** By time, the last one first. */
  readonly #endings: Ending[] = []
  #nowMs = 0

  constructor(options: (clock: { now(): number }) => SimulationOptions) {
    this.#options = options({ now: () => this.#nowMs })
  }

  get nowMs(): number {
    return this.#nowMs
  }

  run(snapshot: Snapshot<Server>, durationMs: number): Tally {
    const { picker, random, requestsPerSecond, answer } = this.#options
    const sent = new Map<Server, number>()
    const failed = new Map<Server, number>()
    const mostActive = new Map<Server, number>()
    const endMs = this.#nowMs + durationMs
    let total = 0
    for (;;) {
      const arrivalMs = this.#nowMs - Math.log1p(-random.next()) * (1000 / requestsPerSecond)
      this.#end(Math.min(arrivalMs, endMs), failed)
      this.#nowMs = Math.min(arrivalMs, endMs)
      if (arrivalMs >= endMs) return { sent, failed, mostActive, total }
      const server = picker.pick(snapshot, [])
      total++
      if (server === null) continue
      server.activeRequests++
      add(sent, server)
      mostActive.set(server, Math.max(mostActive.get(server) ?? 0, server.activeRequests))
      const { afterMs, failed: fails } = answer(server, this.#nowMs)
      this.#schedule({ atMs: this.#nowMs + afterMs, afterMs, failed: fails, server })
    }
  }

  #schedule(ending: Ending): void {
    let place = this.#endings.length
    while (place > 0 && (this.#endings[place - 1] as Ending).atMs < ending.atMs) place--
    this.#endings.splice(place, 0, ending)
  }

  #end(untilMs: number, failed: Map<Server, number>): void {
    for (let next = this.#endings.at(-1); next && next.atMs <= untilMs; next = this.#endings.at(-1)) {
      this.#endings.pop()
      this.#nowMs = next.atMs
      next.server.activeRequests--
      if (next.failed) {
        add(failed, next.server)
        this.#options.picker.failed(next.server, next.afterMs)
      } else this.#options.picker.answered(next.server, next.afterMs)
    }
  }
}

function add(counts: Map<Server, number>, server: Server): void {
  counts.set(server, (counts.get(server) ?? 0) + 1)
}
