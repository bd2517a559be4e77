// One turn of one side: so many askers, each with one question under way, until the time or the list is over.
import { Latencies } from '../database/latencies.ts'
import type { Answers } from './answers.ts'
import type { Question } from './question.ts'
import type { Contestant } from './side.ts'

export interface TurnPlan {
  readonly questions: readonly Question[]
  /** Questions under way at the same time. */
  readonly atOnce: number
  /** The questions over and over for so long; null: each of them once. */
  readonly forMs: number | null
}

export interface TurnFigures {
  readonly requests: number
  /** Answers that came from the cache. */
  readonly hits: number
  readonly p50Ms: number
  readonly p95Ms: number
  /** Processor time by part, of all requests together, in microseconds. */
  readonly cpuUs: Readonly<Record<string, number>>
}

/** @throws Error for the first wrong answer */
export async function runTurn(
  side: Contestant,
  plan: TurnPlan,
  answers: Answers,
  clock: { now(): number } = performance,
): Promise<TurnFigures> {
  const latencies = new Latencies()
  const stopped = new AbortController()
  const next = questionsInTurn(plan, stopped.signal, clock)
  let requests = 0
  let hits = 0
  const asker = async () => {
    for (let question = next(); question !== undefined; question = next()) {
      const reply = await side.ask(question[side.name])
      latencies.add(reply.ms)
      requests++
      if (reply.hit) hits++
      answers.check(question, side.name, reply.text)
    }
  }
  const cpuUsed = side.processors.begin()
  const askers = Array.from({ length: plan.atOnce }, asker)
  try {
    await Promise.all(askers)
  } catch (error) {
    stopped.abort()
    await Promise.allSettled(askers)
    throw error
  }
  const cpuUs = cpuUsed()
  const { p50Ms, p95Ms } = latencies.quantilesMs({ p50Ms: 0.5, p95Ms: 0.95 })
  return { requests, hits, p50Ms, p95Ms, cpuUs }
}

/** Shared by all askers: whoever is free takes the next one. */
function questionsInTurn(
  { questions, forMs }: TurnPlan,
  stopped: AbortSignal,
  clock: { now(): number },
): () => Question | undefined {
  const endMs = clock.now() + (forMs ?? 0)
  let index = 0
  return () => {
    if (stopped.aborted) return undefined
    if (forMs === null) return questions[index++]
    // Never none at all, however slow the first answer was.
    return index > 0 && clock.now() >= endMs ? undefined : questions[index++ % questions.length]
  }
}
