// The workers' figures put together for one scrape.
//
//   text(), snapshots() ──► a round: ask every member that isn't still busy with an earlier question
//            ──► all who were asked have answered, or the deadline ──► sum of: newest known figures of each member + what ended ones had counted
//
// Invariants
// * Scrapes at the same time share one round, in whatever form they take it.
// * A worker's figures are never replaced by older ones: answers carry the number of the round that asked, and a late one counts for the
//   next text if nothing newer has come.
// * A worker that doesn't answer is asked again only after a while: a blocked event loop would find a queue of questions, and answer each
//   with all its figures. Until then nobody waits for it: one that stands still costs one round in ten its deadline.
// * Counters never run backwards: a worker's last known figures stay in the sum when it ends (CarriedCounts).
import { AggregatorRegistry, type Registry } from 'prom-client'
import type { Clock } from '../clock.ts'
import { settledWithin } from '../clock.ts'
import { CarriedCounts } from './carried-counts.ts'
import { parseMetrics, type MetricSnapshot, type MetricType } from './metric-snapshot.ts'

/** Prefix of the supervisor's own metrics; workers can't have any of that name. */
export const RESERVED_PREFIX = 'supervisor_'

/** Deadlines that pass before a worker that hasn't answered is asked once more: the question may have got lost. */
const DEADLINES_UNTIL_ASKED_AGAIN = 10

interface Member {
  readonly ask: (round: number) => void
  newest: readonly MetricSnapshot[]
  newestRound: number
  /** Since when a question has been open; null when none is. */
  askedAtMs: number | null
  /** Called when an answer comes in, or won't. */
  settled: (() => void) | null
}

export class FleetMetrics {
  readonly #clock: Clock
  readonly #deadlineMs: number
  readonly #members = new Map<string, Member>()
  readonly #carried = new CarriedCounts()
  #round = 0
  #running: Promise<void> | null = null

  constructor(clock: Clock, deadlineMs: number) {
    this.#clock = clock
    this.#deadlineMs = deadlineMs
  }

  /** A worker process can be asked from now on. */
  add(id: string, ask: (round: number) => void): void {
    this.#members.set(id, { ask, newest: [], newestRound: 0, askedAtMs: null, settled: null })
  }

  /** A worker's figures have come; null for a round: its last ones. */
  received(id: string, round: number | null, metrics: unknown): void {
    const member = this.#members.get(id)
    if (member === undefined) return
    const number = round ?? Infinity
    if (number > member.newestRound) {
      member.newest = parseMetrics(metrics, RESERVED_PREFIX)
      member.newestRound = number
    }
    settle(member)
  }

  /** A worker couldn't be asked, or had no figures to give. */
  failed(id: string): void {
    const member = this.#members.get(id)
    if (member !== undefined) settle(member)
  }

  /** A worker process is gone: what it had counted is kept, its gauges aren't. */
  remove(id: string): void {
    const member = this.#members.get(id)
    if (member === undefined) return
    this.#members.delete(id)
    this.#carried.add(member.newest)
    settle(member)
  }

  /** All workers' figures in the Prometheus text format; empty when there are none. */
  async text(): Promise<string> {
    await this.#askAll()
    const sums = this.#sum()
    return sums.getMetricsAsArray().length === 0 ? '' : sums.metrics()
  }

  /** The same as values, after `limitMs` at most: then with what's known by now, while the round goes on. */
  async snapshots(limitMs: number): Promise<MetricSnapshot[]> {
    await settledWithin(this.#clock, this.#askAll(), limitMs)
    return parseMetrics(await this.#sum().getMetricsAsJSON())
  }

  #askAll(): Promise<void> {
    this.#running ??= this.#runRound().finally(() => (this.#running = null))
    return this.#running
  }

  async #runRound(): Promise<void> {
    const round = ++this.#round
    const nowMs = this.#clock.now()
    const answers: Promise<void>[] = []
    for (const member of this.#members.values()) {
      const isBusy =
        member.askedAtMs !== null && nowMs - member.askedAtMs < DEADLINES_UNTIL_ASKED_AGAIN * this.#deadlineMs
      if (isBusy) continue
      const { promise, resolve } = Promise.withResolvers<void>()
      member.settled = resolve
      answers.push(promise)
      member.askedAtMs = nowMs
      member.ask(round)
    }
    await settledWithin(this.#clock, Promise.all(answers), this.#deadlineMs)
  }

  #sum(): Registry {
    const figures = [...this.#members.values()].map(member => member.newest)
    // The carried ones last: prom-client takes help text and aggregator from the first.
    figures.push(this.#carried.snapshots())
    const types = new Map<string, MetricType>()
    const consistent = figures.map(snapshots =>
      snapshots.filter(({ name, type }) => {
        const known = types.get(name)
        if (known === undefined) types.set(name, type)
        return known === undefined || known === type
      }),
    )
    return AggregatorRegistry.aggregate(consistent)
  }
}

function settle(member: Member): void {
  member.askedAtMs = null
  member.settled?.()
  member.settled = null
}
