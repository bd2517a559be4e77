// The order of a run: every answer of both sides is compared, then both are warmed up, then come rounds in which they take turns scenario by scenario.
//
// Before and ours lie seconds apart in every round, and who begins changes from round to round: what slows the machine down for a while hits both.
import { number } from '../report.ts'
import { interleave } from '../rounds.ts'
import type { BenchIo } from '../suite.ts'
import type { Answers } from './answers.ts'
import type { Question } from './question.ts'
import { CROWDS, type Crowd, type Scenario } from './scenarios.ts'
import type { Contestant } from './side.ts'
import { runTurn, type TurnFigures, type TurnPlan } from './turn.ts'

export interface Effort {
  readonly rounds: number
  /** Of a turn that repeats its questions, in milliseconds. */
  readonly turnMs: number
  /** Most questions of a turn that can't be repeated. */
  readonly newPerTurn: number
  /** So often each side answers everything before it's measured: code that has run once or twice is many times slower. */
  readonly warmupPasses: number
}

export interface Contestants {
  readonly before: Contestant
  readonly after: Contestant
  /** Empties our cache, and sees to it that nobody's token expires before the next call. */
  forget(): Promise<void>
}

/** One scenario under one load: a turn of each side for each round. */
export interface Measured {
  readonly scenario: string
  readonly crowd: Crowd
  readonly before: readonly TurnFigures[]
  readonly after: readonly TurnFigures[]
}

const WARMUP_AT_ONCE = 10

/**
 * Asks both everything that can be asked twice.
 * @returns the number of questions
 * @throws Error when the two sides answer anything with different data
 */
export async function compareAnswers(
  { before, after }: Contestants,
  scenarios: readonly Scenario[],
  answers: Answers,
): Promise<number> {
  const repeatable = scenarios.filter(({ state }) => state !== 'new').flatMap(({ questions }) => questions)
  const questions = [...new Map(repeatable.map(question => [question.name, question])).values()]
  for (const side of [before, after]) await runTurn(side, { questions, atOnce: WARMUP_AT_ONCE, forMs: null }, answers)
  return questions.length
}

/** Answers that aren't counted, ours from the database and from the cache. */
export async function warmUp(
  io: Pick<BenchIo, 'write'>,
  contestants: Contestants,
  scenarios: readonly Scenario[],
  answers: Answers,
  { warmupPasses }: Effort,
): Promise<void> {
  for (let pass = 1; pass <= warmupPasses; pass++) {
    await contestants.forget()
    await compareAnswers(contestants, scenarios, answers)
    await compareAnswers(contestants, scenarios, answers)
    io.write(`  warmed up: ${pass} of ${warmupPasses}\n`)
  }
}

/** @throws Error for the first wrong answer */
export async function measure(
  io: Pick<BenchIo, 'write'>,
  contestants: Contestants,
  scenarios: readonly Scenario[],
  answers: Answers,
  effort: Effort,
): Promise<Measured[]> {
  const queue = new NewQuestions(scenarios, effort)
  const measured = scenarios.flatMap(({ name, crowds }) =>
    crowds.map(crowd => ({ scenario: name, crowd, before: [] as TurnFigures[], after: [] as TurnFigures[] })),
  )
  const rounds = Map.groupBy(interleave([contestants.before, contestants.after], effort.rounds), ({ round }) => round)
  const startedAtMs = performance.now()
  for (const [round, turns] of rounds) {
    const order = turns.map(({ candidate }) => candidate)
    const figures = await measureRound(contestants, order, scenarios, answers, queue, effort)
    for (const [i, { before, after }] of figures.entries()) {
      measured[i]?.before.push(before)
      measured[i]?.after.push(after)
    }
    const leftS = ((performance.now() - startedAtMs) / round / 1000) * (effort.rounds - round)
    io.write(`  round ${round} of ${effort.rounds}${leftS > 0 ? `, ${number(leftS)} s to go` : ''}\n`)
  }
  return measured
}

interface BothSides {
  before: TurnFigures
  after: TurnFigures
}

async function measureRound(
  contestants: Contestants,
  order: readonly Contestant[],
  scenarios: readonly Scenario[],
  answers: Answers,
  queue: NewQuestions,
  { turnMs }: Effort,
): Promise<BothSides[]> {
  await contestants.forget()
  const figures: BothSides[] = []
  for (const scenario of scenarios) {
    for (const crowd of scenario.crowds) {
      const plan = planOf(scenario, crowd, queue, turnMs)
      const turns: Partial<BothSides> = {}
      for (const side of order) {
        // What's repeated is all there when it's measured, and the connections are open.
        if (plan.forMs !== null) await runTurn(side, { ...plan, forMs: null }, answers)
        turns[side.name] = await runTurn(side, plan, answers)
      }
      requireLoaded(scenario, turns.after)
      figures.push(turns as BothSides)
    }
  }
  return figures
}

/** @throws Error when the cache wasn't empty after all */
function requireLoaded({ name, state }: Scenario, turn: TurnFigures | undefined): void {
  const hits = turn?.hits ?? 0
  if (state === 'loaded' && hits > 0) throw new Error(`${name}: ${hits} answers came from the cache`)
}

function planOf(scenario: Scenario, crowd: Crowd, queue: NewQuestions, turnMs: number): TurnPlan {
  const { state, questions } = scenario
  switch (state) {
    case 'cached':
    case 'asked':
      return { questions, atOnce: crowd, forMs: turnMs }
    case 'mixed':
      return { questions, atOnce: crowd, forMs: null }
    case 'loaded':
      // What one crowd has asked is in the cache when the other one comes.
      return {
        questions: questions.filter((_, i) => i % CROWDS.length === CROWDS.indexOf(crowd)),
        atOnce: crowd,
        forMs: null,
      }
    case 'new':
      return { questions: queue.next(scenario), atOnce: crowd, forMs: null }
    default:
      return state satisfies never
  }
}

/** Hands out what can be asked once only, of a scenario the same number in each turn. */
class NewQuestions {
  readonly #left: ReadonlyMap<Scenario, { readonly perTurn: number; readonly questions: Question[] }>

  constructor(scenarios: readonly Scenario[], { rounds, newPerTurn }: Effort) {
    const turns = rounds * CROWDS.length
    const fresh = scenarios.filter(({ state }) => state === 'new')
    this.#left = new Map(
      fresh.map(scenario => {
        const { name, questions } = scenario
        const perTurn = Math.min(newPerTurn, Math.floor(questions.length / turns))
        if (perTurn === 0) {
          throw new Error(`${name}: ${questions.length} new users are too few for ${rounds} rounds; take fewer`)
        }
        return [scenario, { perTurn, questions: [...questions] }]
      }),
    )
  }

  next(scenario: Scenario): readonly Question[] {
    const { perTurn = 0, questions = [] } = this.#left.get(scenario) ?? {}
    return questions.splice(0, perTurn)
  }
}
