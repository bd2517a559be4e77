// The same comparison without a machine: the real pickers in front of workers that are arithmetic. No other program disturbs it, and it gives the same
// figures everywhere; but nothing in it has a cost, and only the strategy itself reads reports, not the balancer that lowers weights by them.
//
//   arrival (Poisson) ──picker──► a worker's queue, one at a time ──► answer           every 100 ms each worker reports its last second
//
// A collecting worker stops for `pauseMs` behind the answer to every so many requests, and whoever waits for it waits on.
import {
  type Candidate,
  createPicker,
  createSnapshot,
  FastRandom,
  PickState,
  type Strategy,
} from '@plimsoll/load-balancing'
import { Latencies } from '../database/latencies.ts'
import type { Behaviour } from './worker-protocol.ts'

export interface SimulationPlan {
  readonly behaviours: readonly Behaviour[]
  readonly requestsPerSecond: number
  readonly pauseMs: number
  /** Simulated time that's counted, behind the time after which reports count. */
  readonly forMs: number
  readonly seed: number
}

export interface SimulatedFigures {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  /** Share of the requests by worker. */
  readonly byWorker: Readonly<Record<string, number>>
}

const REPORT_INTERVAL_MS = 100
const REPORT_WINDOW_MS = 1000
/** `least-loaded` uses reports after so long. */
const BLACKOUT_MS = 10_000
const QUANTILES = { p50Ms: 0.5, p99Ms: 0.99, p999Ms: 0.999 }

interface Answer {
  readonly worker: SimulatedWorker
  readonly sentMs: number
  readonly atMs: number
}

class SimulatedWorker implements Candidate {
  readonly id: string
  readonly weight = 1
  readonly maxRequests = Infinity
  readonly pick = new PickState()
  activeRequests = 0
  counted = 0
  #freeAtMs = 0
  #requests = 0
  readonly #behaviour: Behaviour
  readonly #pauseMs: number
  /** Of the last second, and of what's queued. */
  #spells: { readonly fromMs: number; readonly answerMs: number; readonly untilMs: number }[] = []

  constructor(behaviour: Behaviour, pauseMs: number) {
    this.id = behaviour.name
    this.#behaviour = behaviour
    this.#pauseMs = pauseMs
  }

  /** Takes a request; gives the time of its answer. */
  take(nowMs: number): number {
    const { holdMs, collectEvery } = this.#behaviour
    const fromMs = Math.max(nowMs, this.#freeAtMs)
    const answerMs = fromMs + holdMs
    this.#requests++
    const pauses = collectEvery > 0 && this.#requests % collectEvery === 0
    this.#freeAtMs = answerMs + (pauses ? this.#pauseMs : 0)
    this.#spells.push({ fromMs, answerMs, untilMs: this.#freeAtMs })
    this.activeRequests++
    return answerMs
  }

  report(nowMs: number): { utilization: number; requestsPerSecond: number; errorsPerSecond: number } {
    const sinceMs = nowMs - REPORT_WINDOW_MS
    this.#spells = this.#spells.filter(({ untilMs }) => untilMs > sinceMs)
    let busyMs = 0
    let answered = 0
    for (const { fromMs, answerMs, untilMs } of this.#spells) {
      busyMs += Math.max(0, Math.min(untilMs, nowMs) - Math.max(fromMs, sinceMs))
      if (answerMs > sinceMs && answerMs <= nowMs) answered++
    }
    const seconds = REPORT_WINDOW_MS / 1000
    return { utilization: busyMs / REPORT_WINDOW_MS, requestsPerSecond: answered / seconds, errorsPerSecond: 0 }
  }
}

/** @throws Error when a request found no worker, which unlimited ones don't let happen */
export function simulate(strategy: Strategy, plan: SimulationPlan): SimulatedFigures {
  const { behaviours, requestsPerSecond, pauseMs, forMs, seed } = plan
  let nowMs = 0
  const arrivals = new FastRandom(seed)
  const workers = behaviours.map(behaviour => new SimulatedWorker(behaviour, pauseMs))
  const snapshot = createSnapshot(workers)
  const picker = createPicker<SimulatedWorker>(strategy, {
    random: new FastRandom(seed + 1),
    clock: { now: () => nowMs },
  })
  const countFromMs = BLACKOUT_MS + REPORT_WINDOW_MS
  const latencies = new Latencies()
  const underWay: Answer[] = []
  let arrivalMs = 0
  let reportMs = REPORT_INTERVAL_MS
  while (arrivalMs < countFromMs + forMs) {
    const [answer] = underWay
    nowMs = Math.min(answer?.atMs ?? Infinity, arrivalMs, reportMs)
    if (answer?.atMs === nowMs) {
      underWay.shift()
      answer.worker.activeRequests--
      picker.answered(answer.worker, nowMs - answer.sentMs)
      if (answer.sentMs >= countFromMs) latencies.add(nowMs - answer.sentMs)
    } else if (reportMs === nowMs) {
      reportMs += REPORT_INTERVAL_MS
      for (const worker of workers) picker.reported(worker, worker.report(nowMs))
    } else {
      arrivalMs -= (Math.log(1 - arrivals.next()) * 1000) / requestsPerSecond
      const worker = picker.pick(snapshot, [])
      if (worker === null) throw new Error(`${strategy} picked nobody`)
      insert(underWay, { worker, sentMs: nowMs, atMs: worker.take(nowMs) })
      if (nowMs >= countFromMs) worker.counted++
    }
  }
  const total = workers.reduce((sum, { counted }) => sum + counted, 0)
  return {
    ...latencies.quantilesMs(QUANTILES),
    byWorker: Object.fromEntries(workers.map(({ id, counted }) => [id, counted / total])),
  }
}

/** Few are under way, and most come last. */
function insert(answers: Answer[], answer: Answer): void {
  let at = answers.length
  while (at > 0 && (answers[at - 1] as Answer).atMs > answer.atMs) at--
  answers.splice(at, 0, answer)
}
