// The generator: sends each request at its time, whatever became of those before it, and counts its latency from that time.
//
//   due times drawn ──► warming up ──► measuring ──► draining ──► figures
//
// Times are of a Poisson process, so bursts and gaps are those of many clients that know nothing of each other; the same seed gives the same times to each
// candidate of a round. A request that's sent late because this process had no time shows in the lag.
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { SeededRandom } from '@plimsoll/testing'
import { Latencies } from '../database/latencies.ts'
import { answeringWorker, WORK_PATH } from './worker-protocol.ts'

export interface OpenLoopPlan {
  readonly port: number
  readonly requestsPerSecond: number
  readonly warmupMs: number
  readonly measureMs: number
  readonly seed: number
  /** Called when the warm-up is over. */
  onMeasuring(): void
  readonly signal: AbortSignal
}

export interface OpenLoopFigures {
  readonly requests: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly p999Ms: number
  readonly maxMs: number
  /** Requests by what they ended with, other than the right answer: a status, or an error's code. */
  readonly failed: Readonly<Record<string, number>>
  /** Right answers by worker. */
  readonly byWorker: Readonly<Record<string, number>>
  /** By how much requests were sent late. */
  readonly lagP99Ms: number
}

const QUANTILES = { p50Ms: 0.5, p99Ms: 0.99, p999Ms: 0.999, maxMs: 1 }
const TIMEOUT_MS = 10_000

/** @throws Error when an answer went to the wrong request; AbortError */
export async function runOpenLoop(plan: OpenLoopPlan): Promise<OpenLoopFigures> {
  const agent = new Agent({ keepAlive: true })
  const tally = new Tally()
  const underWay: Promise<void>[] = []
  const startMs = performance.now()
  const wrong: WrongAnswer = { answer: null }
  let measuring = false
  try {
    for (const [i, atMs] of dueTimes(plan).entries()) {
      const dueMs = startMs + atMs
      const waitMs = dueMs - performance.now()
      // What's due within a millisecond, the timers' step, goes now.
      if (waitMs > 0.5) await sleep(waitMs, undefined, { signal: plan.signal })
      if (!measuring && atMs >= plan.warmupMs) {
        measuring = true
        plan.onMeasuring()
      }
      if (wrong.answer !== null) break
      const counted = measuring ? tally : null
      counted?.sent(performance.now() - dueMs)
      underWay.push(send(agent, { port: plan.port, id: String(i), dueMs, tally: counted, wrong }))
    }
    await Promise.all(underWay)
  } finally {
    agent.destroy()
  }
  if (wrong.answer !== null) throw new Error(`wrong answer to ${wrong.answer}`)
  return tally.figures()
}

/** The first answer that went to another request; it ends the run. */
interface WrongAnswer {
  answer: string | null
}

interface Sending {
  readonly port: number
  readonly id: string
  readonly dueMs: number
  /** null while warming up. */
  readonly tally: Tally | null
  readonly wrong: WrongAnswer
}

/** From the start, in milliseconds and in order; at least one after the warm-up. */
export function dueTimes({
  requestsPerSecond,
  warmupMs,
  measureMs,
  seed,
}: Pick<OpenLoopPlan, 'requestsPerSecond' | 'warmupMs' | 'measureMs' | 'seed'>): number[] {
  const random = new SeededRandom(seed)
  const endMs = warmupMs + measureMs
  const times: number[] = []
  for (let atMs = 0; atMs < endMs; atMs += (-Math.log(1 - random.next()) * 1000) / requestsPerSecond) times.push(atMs)
  if ((times.at(-1) ?? 0) < warmupMs) times.push(warmupMs)
  return times
}

class Tally {
  readonly #latencies = new Latencies()
  readonly #lags = new Latencies()
  readonly #failed = new Map<string, number>()
  readonly #byWorker = new Map<string, number>()
  #requests = 0

  sent(lagMs: number): void {
    this.#requests++
    this.#lags.add(Math.max(0, lagMs))
  }

  answered(worker: string, latencyMs: number): void {
    this.#latencies.add(latencyMs)
    this.#byWorker.set(worker, (this.#byWorker.get(worker) ?? 0) + 1)
  }

  /** A failure counts with its time, too: who refuses early isn't fast. */
  failed(label: string, latencyMs: number): void {
    this.#latencies.add(latencyMs)
    this.#failed.set(label, (this.#failed.get(label) ?? 0) + 1)
  }

  figures(): OpenLoopFigures {
    return {
      requests: this.#requests,
      ...this.#latencies.quantilesMs(QUANTILES),
      failed: Object.fromEntries(this.#failed),
      byWorker: Object.fromEntries(this.#byWorker),
      lagP99Ms: this.#lags.quantilesMs({ p99: 0.99 }).p99,
    }
  }
}

/** Resolves when the request has ended, however. */
function send(agent: Agent, { port, id, dueMs, tally, wrong }: Sending): Promise<void> {
  return new Promise(resolve => {
    const fail = (label: string): void => {
      tally?.failed(label, performance.now() - dueMs)
      resolve()
    }
    const onward = request({ host: '127.0.0.1', port, path: WORK_PATH + id, agent, timeout: TIMEOUT_MS }, incoming => {
      let body = ''
      incoming.setEncoding('latin1').on('data', (part: string) => (body += part))
      incoming.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message))
      incoming.on('end', () => {
        if (incoming.statusCode !== 200) return fail(String(incoming.statusCode))
        const worker = answeringWorker(body, id)
        if (worker === null) wrong.answer ??= `request ${id}: ${JSON.stringify(body.slice(0, 80))}`
        else tally?.answered(worker, performance.now() - dueMs)
        return resolve()
      })
    })
    onward.on('timeout', () => onward.destroy(new Error('no answer in time')))
    onward.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message))
    onward.end()
  })
}
